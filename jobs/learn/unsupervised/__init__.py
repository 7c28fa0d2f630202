"""Clustering and anomaly detection: models that learn without labels, from training to evaluation."""

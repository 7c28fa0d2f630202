"""Profiles of datasets, and drift read from them."""

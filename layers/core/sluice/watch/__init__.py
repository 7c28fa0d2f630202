"""Watching a model that serves: captures, drift, quality, responses."""

"""Sluice: a file dropped into S3 becomes a guarded model in production."""

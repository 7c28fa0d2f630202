"""Profiles of data as mergeable sketches, and drift read from them."""

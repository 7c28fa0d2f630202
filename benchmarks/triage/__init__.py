"""The triage bench: data faults, real drifts and windows without any change, made by code from ../shared/data."""

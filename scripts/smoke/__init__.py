"""The parts of scripts/smoke_aws.py."""

"""Releasing a model: the plan, the canary judge, verification."""

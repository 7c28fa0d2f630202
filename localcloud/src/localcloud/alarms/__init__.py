"""CloudWatch alarms as AWS evaluates them, and their state-change events."""

from localcloud.alarms.engine import install, shutdown

__all__ = ["install", "shutdown"]

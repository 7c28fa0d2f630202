"""CloudWatch alarms as AWS evaluates them, and their state-change events."""

"""Pages about a run's model: the report of its evaluation, and its model card."""

"""What a measurement of a serving model costs, and whether it is quiet where nothing drifts."""

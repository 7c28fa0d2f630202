"""`sluice console`: pages about the runs of a stack, served on the loopback interface with the caller's own rights."""

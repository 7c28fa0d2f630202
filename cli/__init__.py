"""What people run: the demonstration and helpers around a deployed stack."""

"""What is learned about columns before a family sees them: fitted in training, applied in serving with numpy alone."""

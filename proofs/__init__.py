"""What is proved about AWS without AWS: static checks against AWS's own models, and on recorded calls."""

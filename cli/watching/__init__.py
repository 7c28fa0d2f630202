"""`sluice watch`: what a run does, read by polling, as a tree, as lines and as JSON."""

"""Bad and good canaries on the local cloud, with customers on the line: `python -m proofs.canaries`."""

"""One file per command of `sluice`."""

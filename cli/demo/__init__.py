"""`make demo`: the whole line on this machine, every stage checked by its evidence."""

"""A stream of real rows lived through again: the serving model, delayed labels, and who decides when to retrain."""

"""A changed contract against the rows that were accepted under older ones."""

"""One measurement of a serving model: its captured requests, their drift, its delayed labels and their quality."""

"""What the parts of a run pass to each other through files, payloads and the state store, as types."""

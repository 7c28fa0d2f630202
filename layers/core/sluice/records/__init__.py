"""What the parts of a run hand to each other through files, payloads and the ledger, as types."""

"""Files that people drop: from bytes in any tolerable dialect to typed rows, with every refused row accounted for."""

"""The model, from contract columns to an answer: numpy and the standard library only."""

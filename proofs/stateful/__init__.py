"""The real state machines over the fakes, one step at a time, so that anything can happen in between."""

"""Kinds of data faults. A kind is one registered function in one of these modules; FAULTS has them all by name."""

from benchmarks.triage.faults import clocks_and_labels, numbers, rows, words
from benchmarks.triage.faults.registry import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "clocks_and_labels", "numbers", "rows", "words"]

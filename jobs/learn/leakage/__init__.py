"""The leakage alarm: columns that tell a model what it will not know when it has to predict.

It never drops a column. It names the column, the evidence and what to do; `features.known_before` ends a warning.
"""

from leakage.alarm import examine

__all__ = ["examine"]

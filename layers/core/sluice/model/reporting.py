"""The families whose training job reports its metric on validation while it goes on, after every 20 rounds.

Only what is reported can be compared before a job ends: Hyperband and early stopping are for these families. One value
is one resource of Hyperband; a job reports at most 27, the last one at its end (`jobs/learn/families/progress.py`).
"""

from __future__ import annotations

from typing import Final

REPORTING: Final = frozenset({"gradient_boosting", "lightgbm", "xgboost"})
MAX_REPORTS: Final = 27

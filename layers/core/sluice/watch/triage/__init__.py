"""Triage: is a difference between a window and the training data broken data or real drift?

`window` has the types, `judge` the verdict. Both need numpy (the data layer), so this package does not import them:
import `sluice.watch.triage.judge` and `sluice.watch.triage.window` where they are used.
"""

from sluice.watch.triage.damage import broken

__all__ = ["broken"]

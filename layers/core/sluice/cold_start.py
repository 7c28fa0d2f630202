"""The garbage collector is off while a function imports: some 700 modules make objects that stay, and it would look at
all of them again and again, a seventh of the imports' CPU. `bootstrap` imports this first; the first request ends it.
"""

from __future__ import annotations

import gc
import os

IS_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME" in os.environ

if IS_FUNCTION:
    gc.disable()


def ended() -> None:
    """What was imported stays for good, so later collections leave it out."""
    if IS_FUNCTION and not gc.isenabled():
        gc.freeze()
        gc.enable()

"""Which environments stand for AWS's containers in this repository: a cloud that a test starts inherits them."""

from __future__ import annotations

import os
from pathlib import Path

_ENVIRONMENTS = Path(__file__).with_name(".envs")

for _variable, _name in (("SKLEARN", "learn"), ("GLUE", "glue"), ("SDK", "sdk")):
    _python = _ENVIRONMENTS / _name / "bin" / "python"
    if _python.exists():
        os.environ.setdefault(f"LOCALCLOUD_{_variable}_PYTHON", str(_python))

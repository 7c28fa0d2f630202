"""What holds for every test of this repository.

The environments that stand for AWS's containers: a cloud that a test starts inherits them. And no deadline for
Hypothesis's examples: it is wall-clock time, which says how busy the machine is.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

_ENVIRONMENTS = Path(__file__).with_name(".envs")

for _variable, _name in (("SKLEARN", "learn"), ("GLUE", "glue"), ("SDK", "sdk")):
    _python = _ENVIRONMENTS / _name / "bin" / "python"
    if _python.exists():
        os.environ.setdefault(f"LOCALCLOUD_{_variable}_PYTHON", str(_python))

settings.register_profile("repository", deadline=None)
settings.load_profile("repository")

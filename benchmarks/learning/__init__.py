"""Sluice's training measured on real data; the training job's own package lies at the top of its folder."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
LEARN = Path(__file__).resolve().parents[2] / "jobs" / "learn"
if str(LEARN) not in sys.path:
    sys.path.append(str(LEARN))

"""The count of values that left S3, as the end-to-end story of tests/e2e/test_leaks.py found it.

The story takes a deployed line, so it writes down what it found together with a digest of all that could change it.
Where that record is missing, or belongs to other sources than today's, the story is run first: a few minutes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "proof" / "leaks.json"
_SOURCES = ("functions", "jobs", "layers", "localcloud/src", "statemachines")
_FILES = ("template.yaml", "tests/e2e/test_leaks.py", "tests/e2e/places.py")
_STORY = "tests/e2e/test_leaks.py"


def sources() -> str:
    """One digest of everything that handles values, and of the story itself."""
    found = [
        path for folder in _SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yaml", ".txt")
    ]
    digest = hashlib.sha256()
    for path in sorted([*found, *(ROOT / name for name in _FILES)]):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def record(of: str, values: int, read: Mapping[str, int], leaks: Sequence[tuple[str, str, str]], planted: int) -> None:
    """Writes down what the story found. `of`: `sources()` before it; `read`: place → pieces that were searched."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    found = {"sources": of, "values": values, "read": dict(read), "leaks": list(leaks), "planted": planted}
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    name, goal = "canary-string leaks", 0
    found = _recorded()
    if found is None:
        print(
            f"No record of leaks for these sources: running {_STORY} on a local cloud, a few minutes", file=sys.stderr
        )
        story = subprocess.run([sys.executable, "-m", "pytest", "-q", _STORY], cwd=ROOT, stdout=sys.stderr, check=False)
        found = _recorded()
        if found is None:
            why = f"{_STORY} left no record for these sources (exit status {story.returncode})"
            print(json.dumps({"name": name, "value": None, "goal": goal, "ok": False, "why": why}))
            return 1
    pieces = sum(found["read"].values())
    count = len(found["leaks"])
    more = {"of": found["values"], "pieces": pieces, "places": len(found["read"]), "planted": found["planted"]}
    print(json.dumps({"name": name, "value": count, "goal": goal, "ok": not count, **more}))
    for leak in found["leaks"]:
        print(f"  {leak}", file=sys.stderr)
    return 1 if count else 0


def _recorded() -> dict[str, Any] | None:
    """Return what the story recorded for the present sources; None if it has not."""
    if not RESULT.is_file():
        return None
    found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return found if found["sources"] == sources() else None


if __name__ == "__main__":
    sys.exit(main())

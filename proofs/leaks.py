"""The count of values that left S3, as the end-to-end story of tests/e2e/test_leaks.py found it.

The story takes a deployed line, so it writes down what it found together with a digest of all that could change it;
here that is read. Missing or of other sources, it is refused: `python -m pytest tests/e2e/test_leaks.py` makes it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "proof" / "leaks.json"
_SOURCES = ("functions", "jobs", "layers", "localcloud", "statemachines")
_FILES = ("template.yaml", "tests/e2e/test_leaks.py", "tests/e2e/places.py")
_COMMAND = "python -m pytest tests/e2e/test_leaks.py"


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
    if not RESULT.is_file():
        return _refused(name, goal, f"nothing was recorded yet: {_COMMAND}")
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    if found["sources"] != sources():
        return _refused(name, goal, f"recorded for other sources than these: {_COMMAND}")
    pieces = sum(found["read"].values())
    count = len(found["leaks"])
    more = {"of": found["values"], "pieces": pieces, "places": len(found["read"]), "planted": found["planted"]}
    print(json.dumps({"name": name, "value": count, "goal": goal, "ok": not count, **more}))
    for leak in found["leaks"]:
        print(f"  {leak}", file=sys.stderr)
    return 1 if count else 0


def _refused(name: str, goal: int, why: str) -> int:
    print(json.dumps({"name": name, "value": None, "goal": goal, "ok": False, "why": why}))
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""What we install and what our own code does with it: locks without a gap, and bandit without a high or medium finding.

`python -m proofs.supply` prints one JSON line per figure ({"name", "value", "goal", "ok"}), the findings
themselves on stderr, and exits with 1 when a goal is missed. It needs .envs/audit, takes seconds, and builds nothing:
what the SBOM says about the built layers is checked by tests/unit/supply.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proofs.locks import ROOT, locks

SCANNED = ("functions", "layers", "jobs", "localcloud/src", "cli", "scripts", "examples")
BANDIT = ROOT / ".envs" / "audit" / "bin" / "bandit"


def bandit(paths: list[Path]) -> list[Any]:
    """bandit's findings of high and medium severity, whatever its confidence. Raises when it could not look."""
    if not BANDIT.exists():
        raise RuntimeError(f"{BANDIT.relative_to(ROOT)} is missing: `make .envs/audit/.stamp` sets it up")
    command = [str(BANDIT), "--quiet", "--recursive", "--format", "json", "-ll", *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"bandit ended with {done.returncode}: {done.stderr[-1_000:]}")
    report = json.loads(done.stdout)
    if report["errors"] or not report["metrics"]["_totals"]["loc"]:
        raise RuntimeError(f"bandit did not read everything: {report['errors']}")
    return list(report["results"])


def unexplained_waivers(paths: list[Path]) -> Iterator[str]:
    """`# nosec` without the test that it waives and a reason after it."""
    for path in (file for folder in paths for file in sorted(folder.rglob("*.py"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            _, marker, rest = line.partition("# nosec")
            code, dash, reason = rest.strip().partition(" - ")
            if marker and not (code.startswith("B") and dash and len(reason) > 10):
                yield f"{path.relative_to(ROOT)}:{number}: write `# nosec B123 - reason`"


def rows() -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Each figure with its goal, and what is behind it when it is missed."""
    every = locks()
    broken = [f"{lock.path.relative_to(ROOT)}: {problem}" for lock in every for problem in lock.problems]
    yield _row("requirements unpinned, unhashed, with an address or open to source builds", broken), broken
    folders = [ROOT / name for name in SCANNED]
    found = [
        f"{each['filename']}:{each['line_number']}: {each['test_id']} {each['issue_text']}" for each in bandit(folders)
    ]
    yield _row("bandit high or medium", found), found
    waived = list(unexplained_waivers(folders))
    yield _row("bandit waivers without a reason", waived), waived


def _row(name: str, findings: list[str]) -> dict[str, Any]:
    return {"name": name, "value": len(findings), "goal": 0, "ok": not findings}


def main() -> int:
    good = True
    for row, findings in rows():
        print(json.dumps(row))
        for finding in findings:
            print(f"  {finding}", file=sys.stderr)
        good &= row["ok"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

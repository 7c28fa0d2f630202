"""`make prove`: every proof, one JSON line a figure on standard output, everything else on standard error.

A proof is a module that prints such lines ({"name", "value", "goal", "ok"}) and exits with 1 when a goal is missed.
Exits with 1 when one did, or printed no figure at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Module → what it proves; the longest first, for two run beside each other.
PROOFS: dict[str, str] = {
    "proofs.mutants": "mistakes in template, state machines and calls are noticed",
    "proofs.audit": "checkov, parliament, posture",
    "proofs.supply": "locks and bandit",
    "proofs.iam": "sufficient, necessary, tight, forbidden",
    "proofs.ports": "signatures of steps and their roles say the same",
    "proofs.leaks": "no value of the data in logs, alerts, metrics, tables and histories",
}


def run(module: str) -> tuple[str, int, list[str], str, float]:
    """Module, exit code, figures, the rest, seconds."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'layers' / 'core'}{os.pathsep}{ROOT}"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    others = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    return module, done.returncode, lines, "\n".join([*others, done.stderr]).strip(), time.perf_counter() - begun


def main() -> int:
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for module, code, lines, rest, seconds in pool.map(run, PROOFS):
            if rest:
                print(rest, file=sys.stderr)
            print(f"--- {module}: {PROOFS[module]}: {seconds:.0f} s", file=sys.stderr)
            for line in lines:
                print(line, flush=True)
            missed = [line for line in lines if json.loads(line).get("ok") is False]
            if code or missed or not lines:
                failed.append(module)
    if failed:
        print(f"not proved: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

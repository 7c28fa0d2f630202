"""`python -m proofs.stateful.prove`: 5,000 runs of 50 steps in two processes, as JSON lines.

{"name", "value", "goal", "ok"}: runs, steps, and how many states of the two machines they entered; the rest says what
happened in them. Exits with 1 when a run found a mistake or a goal is missed; what was found is on standard error.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from hypothesis import Phase, seed

from proofs.stateful.asl import ROOT, definition
from proofs.stateful.releases import STEPS, Releases, run

GOAL, SHARDS = 5_000, 2
MACHINES = ("release_model", "roll_back")
# a function has to die four times in a row
RARE = {"roll_back: Rollback Failed"}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'layers' / 'core'}{os.pathsep}{ROOT}"}


def shard(number: int, examples: int) -> dict[str, Any]:
    """Counts of `examples` runs, which the seed `number` determines."""
    counts: Counter[str] = Counter()
    entered: set[str] = set()

    @seed(number)
    class Counted(Releases):
        def check_invariants(self, *args: Any, **more: Any) -> None:
            self.steps = getattr(self, "steps", -1) + 1
            super().check_invariants(*args, **more)

        def teardown(self) -> None:
            super().teardown()
            # the first look comes before the first step
            counts["steps"] += min(getattr(self, "steps", 0), STEPS)
            counts["runs"] += getattr(self, "steps", 0) >= STEPS
            counts["Lambda calls"] += len(self.cloud.invoked)
            counts["faults"] += sum(bool(fault) for *_, fault in self.cloud.invoked)
            for execution in self.cloud.executions.values():
                counts[f"{execution.machine} {execution.status.lower()}"] += 1
                entered.update(f"{execution.machine}: {state}" for state in execution.trail)
            for alert in self.cloud.alerts:
                counts[f"told {alert.kind}"] += 1

    run(examples, Counted, phases=[Phase.generate, Phase.shrink])
    return {"counts": counts, "entered": sorted(entered)}


def main() -> int:
    begun, first = time.perf_counter(), random.randrange(10**9)
    # a few runs do not count: they were cut short as too long for Hypothesis
    share = GOAL // SHARDS + GOAL // 50
    commands = [[sys.executable, "-m", __spec__.name, str(first + number), str(share)] for number in range(SHARDS)]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    ended = [(process.communicate()[0], process.returncode) for process in started]
    counts: Counter[str] = Counter()
    entered: set[str] = set()
    for number, (out, code) in enumerate(ended):
        if code:
            print(f"seed {first + number}, {share} runs: see above", file=sys.stderr)
            return 1
        found = json.loads(out.splitlines()[-1])
        counts.update(found["counts"])
        entered.update(found["entered"])
    states = {f"{name}: {state}" for name in MACHINES for state in definition(name)["States"]} - RARE
    goals = {"runs": GOAL, "steps": GOAL * STEPS}
    lines = [figure(f"stateful {name}", counts[name], goal) for name, goal in goals.items()]
    lines.append(figure("stateful states entered", len(states & entered), len(states)))
    lines += [figure(f"stateful {name}", value) for name, value in sorted(counts.items()) if name not in goals]
    lines.append(figure("stateful seconds", round(time.perf_counter() - begun)))
    for line in lines:
        print(json.dumps(line))
    if missed := sorted(states - entered):
        print("not entered:", *missed, sep="\n  ", file=sys.stderr)
    return 0 if all(line["ok"] in (True, None) for line in lines) else 1


def figure(name: str, value: int, goal: int | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "goal": goal, "ok": None if goal is None else value >= goal}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(shard(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        sys.exit(main())

"""`python -m cli.demo`: runs the stages, prints a table, writes build/demo/summary.json. Exit code 0: all happened."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from cli.artefacts import ROOT
from cli.commands import console
from cli.connection import Connection
from cli.demo.console import elapsed, say, table, title
from cli.demo.memory import MemoryWatch
from cli.demo.stages import Demo
from cli.stack import LocalStack

FOLDER = ROOT / "build" / "demo"
SPEED = 10.0
OVERHEAD_GOAL = 20.0
MEMORY_GOAL = 6e9
STAGES = (
    ("build", "sam build"),
    ("start_cloud", "Start the local cloud"),
    ("deploy", "sam deploy"),
    ("contract", "Register the contract"),
    ("first_model", "A first file becomes a serving model"),
    ("better_challenger", "A better challenger is promoted through the canary"),
    ("bad_challenger", "A bad challenger is caught and rolled back"),
    ("damaged_file", "A damaged file goes to quarantine"),
    ("batch", "A file is scored in batch"),
    ("drift", "Traffic drifts, an alarm goes into ALARM, a retraining begins"),
    ("last_prediction", "A live prediction, and the reports"),
)


def main() -> int:
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(parents=True)
    stack = LocalStack(state=FOLDER / "cloud", speed=SPEED)
    demo = Demo(stack, reports=FOLDER / "reports")
    memory = MemoryWatch(stack.state / "localcloud.pid")
    memory.start()
    say(
        f"One real second is {SPEED:g} seconds of the cloud's bakes, alarm periods and schedules; jobs run as they are."
    )
    results: list[dict[str, Any]] = []
    try:
        for name, text in STAGES:
            title(text)
            results.append(_run(demo, name, text))
            if results[-1]["status"] != "done":
                break
        if os.environ.get("KEEP"):
            keep(stack.connection)
        else:
            say("`make demo KEEP=1` keeps the cloud at the end, and shows all of this in the console")
    except KeyboardInterrupt:
        say("stopped by hand")
    finally:
        _end(demo)
    peak = memory.stop()
    return _report(demo, results, peak)


def keep(connection: Connection) -> None:
    """The console over what the demonstration has made, until Ctrl-C."""
    title("The console shows what happened; Ctrl-C ends it and the local cloud")
    console.run(connection)


def _run(demo: Demo, name: str, text: str) -> dict[str, Any]:
    began = time.monotonic()
    result: dict[str, Any] = {"stage": name, "title": text}
    try:
        result |= {"status": "done", "facts": getattr(demo, name)()}
    except Exception as error:
        traceback.print_exc()
        say(f"{type(error).__name__}: {error}", mark="✗")
        result |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    return result | {"seconds": round(time.monotonic() - began, 1)}


def _end(demo: Demo) -> None:
    for name in ("traffic", "inbox"):
        part = getattr(demo, name, None)
        if part:
            part.stop()
    demo.stack.stop()


def _report(demo: Demo, results: list[dict[str, Any]], peak: int) -> int:
    missing = [{"stage": name, "title": text, "status": "not run"} for name, text in STAGES[len(results) :]]
    results += missing
    happened = all(result["status"] == "done" for result in results)
    runs = {
        name: {"run_id": run.run_id, "outcome": run.record["outcome"], "overhead_seconds": round(run.overhead, 1)}
        for name, run in demo.runs.items()
    }
    answers = demo.traffic.counts() if hasattr(demo, "traffic") else {}
    inbox = demo.inbox.alerts if hasattr(demo, "inbox") else []
    summary = {
        "happened": happened,
        "seconds": round(elapsed(), 1),
        "stages": results,
        "runs": runs,
        "answers_by_variant": answers,
        "alerts": [{"kind": alert["kind"], "subject": alert["subject"]} for alert in inbox],
        "memory_peak_bytes": peak,
    }
    path = FOLDER / "summary.json"
    path.write_text(json.dumps(summary, indent=1, default=str))
    title("What happened")
    say(table(("stage", "status", "seconds"), [(r["title"], r["status"], str(r.get("seconds", ""))) for r in results]))
    say()
    say(
        table(
            ("run", "outcome", "seconds", "in jobs", "in bakes", "overhead"),
            [
                (
                    run.run_id,
                    run.record["outcome"],
                    *(f"{v:.1f}" for v in (run.seconds, run.jobs, run.bakes, run.overhead)),
                )
                for run in demo.runs.values()
            ],
        )
    )
    say()
    for variant, outcomes in answers.items():
        say(f"{variant}: " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))
    say(f"memory at most {peak / 1e9:.1f} GB (goal: below {MEMORY_GOAL / 1e9:.0f} GB)")
    for report in demo.report_paths[:12]:
        say(f"report: {report}")
    say(f"everything: {_shown(path)}")
    slow = [run.run_id for run in demo.runs.values() if run.overhead >= OVERHEAD_GOAL]
    if slow:
        say(f"overhead goal of {OVERHEAD_GOAL:.0f} s a run missed by {', '.join(slow)}", mark="!")
    say("all of it happened" if happened else "NOT everything happened as expected", mark="✓" if happened else "✗")
    return 0 if happened else 1


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())

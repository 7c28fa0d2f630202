"""`python -m proofs.canaries --good 50 --bad 50`: the proof, as JSON lines and a table. Exit code 0: all goals met."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli.artefacts import ROOT
from proofs.canaries.bench import Settings, keep, prove, report, say, table
from proofs.canaries.candidates import BAD


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = Settings()
    for name, kind in (("good", int), ("bad", int), ("projects", int), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(defaults, name))
    parser.add_argument("--speed", type=float, default=defaults.speed, help="cloud seconds in a real second")
    parser.add_argument("--per-second", type=float, default=defaults.per_second, help="requests to each project")
    parser.add_argument("--kinds", nargs="+", choices=list(BAD), help="kinds of bad canaries; all by default")
    parser.add_argument(
        "--noise", nargs="+", type=float, default=defaults.noise, help="shares that fail on every model, a project each"
    )
    parser.add_argument("--state", type=Path, help="keep models and the cloud's logs there")
    settings = Settings(**vars(parser.parse_args()))
    told = prove(settings)
    found = report(settings, told)
    print(table(told))
    keep(ROOT / "build" / "canaries" / "results.json", settings, found, told)
    for part in told:
        if part.trouble:
            say(f"{part.project}: {part.trouble}")
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main())

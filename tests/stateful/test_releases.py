"""The property test: a minute's worth in every run of the tests, 5,000 x 50 steps by `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from proofs.stateful import prove
from proofs.stateful.asl import ROOT
from proofs.stateful.mutants import MUTANTS, caught
from proofs.stateful.releases import run

QUICK = 60


def test_releases_protect_users_whatever_happens() -> None:
    run(QUICK, derandomize=True)


@pytest.mark.long
def test_five_thousand_runs_of_fifty_steps() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proofs.stateful.prove"],
        cwd=ROOT,
        env=prove.environment(),
        capture_output=True,
        text=True,
    )
    print(done.stdout)
    figures = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr[-6_000:]
    assert [figure for figure in figures if figure["ok"] is False] == []
    assert {"stateful runs", "stateful steps"} <= {figure["name"] for figure in figures}


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_is_found(name: str) -> None:
    assert caught(name)

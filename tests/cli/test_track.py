"""`sluice track`: each run and trial is in MLflow once, however often the command ran and wherever it was stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from cli.app import main
from cli.commands import track
from cli.tracking.mlflow_store import DIGEST, KEY, MAX_VALUE, mirror
from cli.tracking.runs import tracked_runs
from cli.tracking.tracked import Tracked
from tests.cli.fake_mlflow import Store, installed
from tests.console import recorded

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / ".envs" / "bench" / "bin" / "python"
"""An environment with MLflow itself: `make bench-serving` makes it."""
PROMOTED = recorded.run_with("promoted")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    found = Store()
    installed(monkeypatch, found)
    return found


def tracked(capsys: Any, *more: str, stack: Any = None) -> tuple[int, dict[str, Any], str]:
    code = main(["track", "shop", "--to", "http://mlflow", "--json", *more], lambda _: stack or recorded.stack())
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out.strip() else {}, told.err


def of_key(store: Store, key: str) -> Any:
    (found,) = [run for run in store.runs if run.data.tags[KEY] == key]
    return found


def test_runs_and_trials_are_there_with_settings_and_metrics(store: Store, capsys: Any):
    code, told, _ = tracked(capsys)
    assert (code, track.JSON.mistakes(told), told["experiment"]) == (0, [], "sluice-shop")
    assert told["made"] == told["runs"] + told["trials"] == len(store.runs)
    run = of_key(store, PROMOTED)
    assert run.info.status == "FINISHED"
    assert run.data.tags["sluice.outcome"] == "promoted"
    assert {"family", "contract_version", "rows_train"} <= run.data.params.keys()
    assert 0.5 < run.data.metrics["test.roc_auc.low"] <= run.data.metrics["test.roc_auc"] < 1
    children = [each for each in store.runs if each.data.tags.get("mlflow.parentRunId") == run.info.run_id]
    assert children
    assert all(each.data.params["family"] for each in children)
    # a run that goes on is one that MLflow shows as running
    open_runs = [each["run_id"] for each in recorded.project()["ledger"]["runs"] if not each.get("outcome")]
    assert {of_key(store, run_id).info.status for run_id in open_runs} <= {"RUNNING"}


def test_a_second_time_nothing_is_written(store: Store, capsys: Any):
    first = tracked(capsys)[1]
    calls = store.calls
    again = tracked(capsys)[1]
    assert (again["made"], again["changed"], again["unchanged"]) == (0, 0, first["made"])
    assert store.calls == calls


@pytest.mark.parametrize("dies_at", [1, 4, 9, 20])
def test_what_was_interrupted_is_completed_and_nothing_is_there_twice(store: Store, capsys: Any, dies_at: int):
    store.dies_at = dies_at
    code, _, error = tracked(capsys)
    assert (code, "run `sluice track` again" in error) == (1, True)
    code, told, _ = tracked(capsys)
    assert (code, told["changed"]) == (0, 1)
    tags = [run.data.tags[KEY] for run in store.runs]
    assert len(tags) == len(set(tags)) == told["runs"] + told["trials"]
    assert all(DIGEST in run.data.tags for run in store.runs)
    for run in store.runs:
        assert len(run.data.history) == len(run.data.metrics)


def test_a_run_that_went_on_is_written_again(store: Store):
    began = Tracked("r1", "r1", "RUNNING", 5)
    assert mirror(store, "e", [began]).made == 1
    ended = Tracked("r1", "r1", "FINISHED", 5, 9, {"a": "1"}, {"m": 0.5}, {"sluice.outcome": "promoted"})
    assert mirror(store, "e", [ended]).changed == 1
    (run,) = store.runs
    assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"a": "1"}, {"m": 0.5})


def test_long_values_are_cut_and_other_parameters_kept_and_both_are_counted(store: Store):
    mirror(store, "e", [Tracked("r1", "r1", "FINISHED", params={"a": "1"})])
    done = mirror(store, "e", [Tracked("r1", "r1", "FINISHED", params={"a": "2", "b": "x" * 900})])
    assert (done.kept_params, done.cut_values) == (1, 1)
    (run,) = store.runs
    assert (run.data.params["a"], len(run.data.params["b"])) == ("1", MAX_VALUE)


def test_a_drill_is_no_experiment():
    stack = recorded.stack()
    stack.world.ledger.start_run("shop", "rdrill", stack.world.clock.now(), {"trigger": "drill", "outcome": "passed"})
    found = tracked_runs(stack.world, lambda: stack.clients, "shop")
    assert "rdrill" not in [each.key for each in found]


def test_an_experiment_in_the_bin_is_said_so(store: Store, capsys: Any):
    store.create_experiment("sluice-shop")
    store.experiments["sluice-shop"].lifecycle_stage = "deleted"
    code, _, error = tracked(capsys)
    assert (code, "restore it there" in error) == (1, True)


def test_without_mlflow_or_an_address_the_command_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["track", "shop"], lambda _: recorded.stack()) == 1
    assert "say where MLflow is" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main(["track", "shop", "--to", "http://mlflow"], lambda _: recorded.stack()) == 1
    assert "uv pip install mlflow-skinny" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(not REAL.exists(), reason="MLflow is not installed (make bench-serving makes its environment)")
def test_mlflow_itself_takes_it_once(tmp_path: Path):
    """The client and a database of MLflow's own, in an environment of its own; written twice, interrupted once."""
    script = textwrap.dedent(
        """
        import json, sys
        from mlflow import MlflowClient
        from cli.tracking.mlflow_store import mirror
        from cli.tracking.tracked import Tracked
        client = MlflowClient(tracking_uri=sys.argv[1])
        trials = tuple(
            Tracked(f"r1/t{i}", f"t{i}", "KILLED" if i else "FINISHED", 1_764_000_000_000, 1_764_000_001_000,
                    {"family": "forest", "depth": str(i)}, {"validation.roc_auc": 0.5 + i / 10}) for i in range(3))
        run = Tracked("r1", "r1", "FINISHED", 1_764_000_000_000, 1_764_000_009_000, {"family": "forest"},
                      {f"test.m{i}": i / 7 for i in range(230)}, {"why": "ä" * 600}, trials)
        batch, client.log_batch = client.log_batch, lambda *a, **k: (_ for _ in ()).throw(RuntimeError("gone"))
        try:
            mirror(client, "sluice-shop", [run])
        except RuntimeError:
            pass
        client.log_batch = batch
        told = [mirror(client, "sluice-shop", [run]).plain() for _ in range(2)]
        place = client.get_experiment_by_name("sluice-shop").experiment_id
        runs = client.search_runs([place])
        first = next(each for each in runs if each.data.tags["sluice.key"] == "r1")
        history = client.get_metric_history(first.info.run_id, "test.m5")
        print(json.dumps([told, len(runs), len(first.data.metrics), first.info.status, first.data.params,
                          len(history), sorted(each.info.status for each in runs)]))
        """
    )
    done = subprocess.run(
        [str(REAL), "-c", script, f"sqlite:///{tmp_path}/mlflow.db"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told, runs, metrics, status, params, history, statuses = json.loads(done.stdout.strip().splitlines()[-1])
    assert [(each["made"], each["changed"], each["unchanged"]) for each in told] == [(3, 1, 0), (0, 0, 4)]
    assert told[0]["cut_values"] == 1
    assert (runs, metrics, status, params, history) == (4, 230, "FINISHED", {"family": "forest"}, 1)
    assert statuses == ["FINISHED", "FINISHED", "KILLED", "KILLED"]

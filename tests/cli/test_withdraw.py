"""`sluice withdraw`: later runs leave a dataset out, and everybody can see what learned from it."""

from __future__ import annotations

from datetime import timedelta

from sluice.steps.plan_training import plan_training
from tests.cli.stack import OTHER, RUN, serve, start


def datasets(world, *ids: str) -> None:
    for number, each in enumerate(ids):
        at = world.clock.now() + timedelta(seconds=number)
        world.ledger.add_dataset("shop", each, at, {"rows": 100, "key": f"raw/shop/{each}.csv"})


def planned(world) -> list[str]:
    run_id = world.call(plan_training, "shop", "manual")["run_id"]
    return world.ledger.run("shop", run_id)["datasets"]


def test_later_runs_leave_it_out_and_the_serving_model_is_named(sluice, world):
    datasets(world, "d1", "d2")
    start(world, RUN, datasets=["d1", "d2"])
    start(world, OTHER, datasets=["d2"])
    serve(world)
    code, printed, _ = sluice("withdraw", "shop", "d1", "--reason", "wrong month")
    assert code == 0
    assert "raw/shop/d1.csv, 100 rows" in printed
    assert f"learned by {RUN}\n" in printed
    assert f"serving model {RUN} learned from it" in printed
    alert = world.alerts.published[-1]
    assert (alert.kind, alert.facts["runs"]) == ("Dataset Withdrawn", [RUN])
    assert "sluice retrain" in alert.message
    status = sluice("status", "shop")[1]
    assert "1 dataset, 100 rows accepted" in status
    assert f"withdrawn  d1 (raw/shop/d1.csv): learned by {RUN}" in status
    assert f"{RUN} learned from data that was withdrawn: d1" in sluice("runs", "shop")[1]


def test_a_second_time_changes_and_alerts_nothing(sluice, world):
    datasets(world, "d1", "d2")
    sluice("withdraw", "shop", "d1", "--reason", "a")
    before, told = world.ledger.datasets("shop"), len(world.alerts.published)
    world.clock.advance(60)
    code, printed, _ = sluice("withdraw", "shop", "d1", "--reason", "b")
    assert (code, "was withdrawn before" in printed) == (0, True)
    assert (world.ledger.datasets("shop"), len(world.alerts.published)) == (before, told)


def test_a_run_that_is_on_is_named(sluice, world):
    datasets(world, "d1")
    run_id = world.call(plan_training, "shop", "data")["run_id"]
    assert f"{run_id} is in progress and still uses it" in sluice("withdraw", "shop", "d1", "--reason", "a")[1]


def test_an_unknown_dataset_is_refused_with_the_nearest(sluice, world):
    datasets(world, "0123456789abcdef")
    code, _, error = sluice("withdraw", "shop", "0123456789abcdee", "--reason", "a")
    assert code == 1
    assert "0123456789abcdef" in error


def test_with_every_dataset_withdrawn_there_is_nothing_to_learn_from(sluice, world):
    datasets(world, "d1")
    sluice("withdraw", "shop", "d1", "--reason", "a")
    assert world.call(plan_training, "shop", "manual")["status"] == "no data"
    assert "no accepted data" in sluice("retrain", "shop", "--reason", "a")[2]


def test_status_counts_what_was_ignored(sluice, world):
    for name in ("a/_SUCCESS", "b/_SUCCESS"):
        world.ledger.add_ignored("shop", world.clock.now(), {"key": f"raw/shop/{name}", "what": "a marker of Spark"})
    assert "ignored    2 × a marker of Spark in raw/" in sluice("status", "shop")[1]


def test_a_later_run_leaves_it_out(sluice, world):
    datasets(world, "d1", "d2")
    sluice("withdraw", "shop", "d1", "--reason", "a")
    assert planned(world) == ["d2"]

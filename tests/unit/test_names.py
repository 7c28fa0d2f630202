from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import names
from sluice.contract.models import PROJECT_PATTERN
from sluice.errors import InputError

projects = st.from_regex(PROJECT_PATTERN.replace("$", r"\Z"), fullmatch=True)
stacks = st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{0,30}", fullmatch=True)
ids = st.lists(st.text(max_size=20), max_size=5)
# of SageMaker's models, endpoints and jobs; of tuning jobs; of executions
LIMITED = {63: r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", 32: r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}"}


@given(stacks, projects, ids)
def test_every_name_is_one_that_aws_takes(stack: str, project: str, datasets: list[str]) -> None:
    run = names.run_id(project, "v1", datasets)
    assert re.fullmatch("r[0-9a-f]{12}", run)
    for name in (
        names.endpoint(stack, project),
        names.variant(run),
        names.model(stack, project, run),
        names.endpoint_config(stack, project, run, "canary"),
        names.job(stack, project, run, "evaluation"),
        names.package_group(stack, project),
    ):
        assert len(name) <= 63
        assert re.fullmatch(LIMITED[63], name)
    assert len(names.tuning_job(stack, run)) <= 32
    assert re.fullmatch(LIMITED[32], names.tuning_job(stack, run))
    assert len(names.execution(project, run)) <= 80
    schedules = {names.monitor_schedule(stack, project), names.retrain_schedule(stack, project)}
    assert len(schedules) == 2
    assert all(re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", name) for name in schedules)
    assert len(names.alarm(stack, project, run, "canary-errors")) <= 255


@given(ids, st.randoms())
def test_a_run_is_known_by_its_datasets_whatever_their_order(datasets: list[str], random) -> None:
    shuffled = random.sample(datasets, len(datasets))
    assert names.run_id("shop", "v1", datasets) == names.run_id("shop", "v1", shuffled)
    assert names.run_id("shop", "v1", datasets) != names.run_id("shop", "v2", datasets)
    assert names.run_id("shop", "v1", datasets) != names.run_id("shop", "v1", datasets, salt="drift")


def test_parts_do_not_run_into_each_other() -> None:
    assert names.digest("ab", "c") != names.digest("a", "bc")
    assert names.run_id("shop", "v1", ["ab"]) != names.run_id("shop", "v1", ["a", "b"])


@given(st.text(max_size=200), st.integers(20, 80))
def test_a_bounded_name_is_short_and_always_the_same(text: str, limit: int) -> None:
    if not re.search("[A-Za-z0-9]", text):
        with pytest.raises(InputError):
            names.bounded(text, limit)
        return
    name = names.bounded(text, limit)
    assert name == names.bounded(text, limit)
    assert 1 <= len(name) <= limit
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", name)


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert names.bounded("x" * 70 + "a", 63) != names.bounded("x" * 70 + "b", 63)


def test_an_arrival_is_known_by_its_version() -> None:
    first = names.dataset_id("data", "raw/shop/a b.csv", "v1")
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first == names.dataset_id("data", "raw/shop/a b.csv", "v1")
    assert first != names.dataset_id("data", "raw/shop/a b.csv", "v2")

"""The comparison and the cleaning job write the same sentences and stop at the same limit.

The job imports pyspark, which is not here, so its own functions are taken out of its source and run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.changes import losses

SCRIPT = Path(__file__).resolve().parents[3] / "jobs" / "glue" / "clean_dataset.py"
TAKEN = {"_sentence", "_share", "_where", "check_limit", "NAMED", "Loss", "CleaningError"}


@dataclass
class Limit:
    max_lost: float


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    def names(node: ast.stmt) -> set[str]:
        targets = node.targets if isinstance(node, ast.Assign) else []
        return {getattr(node, "name", ""), *(each.id for each in targets if isinstance(each, ast.Name))}

    taken = [node for node in ast.parse(SCRIPT.read_text("utf-8")).body if names(node) & TAKEN]
    assert {name for node in taken for name in names(node)} >= TAKEN
    found: dict[str, Any] = {"dataclass": dataclass, "Any": Any, "Plan": Limit, "__name__": __name__}
    future = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*future, *taken], []), str(SCRIPT), "exec"), found)
    return found


@pytest.mark.parametrize(
    "reason",
    [
        *("no_target", "no_target_of_type", "no_time", "no_time_of_type"),
        *("not_converted", "column_absent", "column_left_out"),
    ],
)
@pytest.mark.parametrize("datasets", [("d1",), ("d1", "d2"), ("d1", "d2", "d3", "d4")])
def test_the_sentences_are_the_job_s(job: dict[str, Any], reason: str, datasets: tuple[str, ...]) -> None:
    for count, of in ((1000, 1000), (12, 34567)):
        share, where = job["_share"](count, of), job["_where"](datasets)
        assert (share, where) == (losses.share(count, of), losses.where(datasets))
        theirs = job["_sentence"](reason, "a 'b'", "text", "boolean", share, where)
        assert losses.sentence(reason, "a 'b'", "text", "boolean", share, where) == theirs


LOSS = st.tuples(
    st.sampled_from(["no_target", "no_time", "not_converted", "column_absent", "column_left_out"]),
    st.sampled_from("abc"),
    st.integers(1, 400),
)


@given(st.lists(LOSS, max_size=8), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_the_limit_is_the_job_s(job: dict[str, Any], found: list[tuple[str, str, int]], limit: float) -> None:
    total = 1000
    ours = [losses.Loss(reason, column, ("d",), rows, total, f"{reason} {column}") for reason, column, rows in found]
    theirs = [job["Loss"](each.reason, each.column, each.datasets, each.rows, each.of, each.text) for each in ours]
    said = losses.limit_violation(ours, total, limit)
    if said is None:
        job["check_limit"](theirs, total, Limit(limit))
        return
    with pytest.raises(job["CleaningError"]) as stopped:
        job["check_limit"](theirs, total, Limit(limit))
    assert str(stopped.value).startswith(f"{said}: ")

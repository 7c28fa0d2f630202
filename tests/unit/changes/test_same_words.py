"""The comparison and the cleaning job write the same sentences and stop at the same limit.

The module of the job that has them is without pyspark, which is not here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaning import losses as job
from cleaning.errors import CleaningError
from sluice.changes import losses


@pytest.mark.parametrize(
    "reason",
    [
        *("no_target", "no_target_of_type", "no_time", "no_time_of_type"),
        *("not_converted", "column_absent", "column_left_out"),
    ],
)
@pytest.mark.parametrize("datasets", [("d1",), ("d1", "d2"), ("d1", "d2", "d3", "d4")])
def test_the_sentences_are_the_job_s(reason: str, datasets: tuple[str, ...]) -> None:
    for count, of in ((1000, 1000), (12, 34567)):
        share, where = job.share(count, of), job.where(datasets)
        assert (share, where) == (losses.share(count, of), losses.where(datasets))
        theirs = job.sentence(reason, "a 'b'", "text", "boolean", share, where)
        assert losses.sentence(reason, "a 'b'", "text", "boolean", share, where) == theirs


LOSS = st.tuples(
    st.sampled_from(["no_target", "no_time", "not_converted", "column_absent", "column_left_out"]),
    st.sampled_from("abc"),
    st.integers(1, 400),
)


@given(st.lists(LOSS, max_size=8), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_the_limit_is_the_job_s(found: list[tuple[str, str, int]], limit: float) -> None:
    total = 1000
    ours = [losses.Loss(reason, column, ("d",), rows, total, f"{reason} {column}") for reason, column, rows in found]
    theirs = [job.Loss(each.reason, each.column, each.datasets, each.rows, each.of, each.text) for each in ours]
    plan: Any = SimpleNamespace(max_lost=limit)
    said = losses.limit_violation(ours, total, limit)
    if said is None:
        job.check_limit(theirs, total, plan)
        return
    with pytest.raises(CleaningError) as stopped:
        job.check_limit(theirs, total, plan)
    assert str(stopped.value).startswith(f"{said}: ")

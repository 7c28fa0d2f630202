"""Mistakes in the bucket, the table and Lambda's network that deploy: one patch each."""

from __future__ import annotations

from functools import cache

import pytest

from proofs import stores, time_limits
from proofs.mutants import by_patch
from proofs.project import Project


@cache
def good() -> Project:
    return Project.load()


def test_the_application_raises_nothing() -> None:
    assert stores.findings(good()) == []
    assert time_limits.findings(good()) == []


@pytest.mark.long
def test_each_patch_of_their_kinds_is_found() -> None:
    mutants = list(by_patch.mutants(good()))
    found = {each.name for each in mutants if stores.findings(each.project)}
    assert found == {
        "a bucket that refuses its own key",
        "the table's keys the other way round",
        "a sort key that is a number",
        "old versions that go while they are read",
        "a refusal that holds for Lambda itself",
    }
    polled = {each.name for each in mutants if time_limits.findings(each.project)}
    assert "a swap that is awaited for six minutes" in polled

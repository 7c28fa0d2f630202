"""A share of the mistakes in what flows through the state machines, and what is no mistake."""

from __future__ import annotations

from functools import cache

from proofs import dataflow
from proofs.mutants import Mutant, of_dataflow
from proofs.mutants.hunt import Hunter
from proofs.project import Project

SHARE = 97


@cache
def good() -> Project:
    project = Project.load()
    assert dataflow.findings(project) == []
    return project


@cache
def made() -> tuple[Mutant | of_dataflow.Equivalent, ...]:
    return tuple(of_dataflow.every(good()))


def test_a_share_of_them_is_caught() -> None:
    mutants = [each for each in made() if isinstance(each, Mutant)]
    assert {each.kind for each in mutants} == of_dataflow.KINDS
    missed = [each.mutant.name for each in Hunter(good()).hunt(mutants[::SHARE]) if not each.check]
    assert missed == []


def test_what_changes_nothing_is_known_by_its_rule() -> None:
    same = [each for each in made() if isinstance(each, of_dataflow.Equivalent)]
    assert {each.rule for each in same} == {
        "is of that type already",
        "nobody reads what the items of the Map come to",
    }


def test_an_expression_is_broken_in_every_way_once_and_in_two_ways_where_it_stands_again() -> None:
    text = good().definitions["ReleaseModel"]["States"]["Attach Canary"]["Catch"][0]["Assign"]["failure"]
    path = ("definitions", "ReleaseModel", "States", "Attach Canary", "Catch", 0, "Assign", "failure")
    every = list(of_dataflow._built(good(), path, text))
    assert len(every) == 20
    assert len(of_dataflow._by_turns(every, 0)) == 20
    assert len(of_dataflow._by_turns(every, 3)) == 2

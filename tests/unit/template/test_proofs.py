"""The proofs themselves: the good application raises nothing, mistakes do, and copies are what they would be afresh."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from proofs import metrics, prove
from proofs.checks import CHEAP, Check
from proofs.expressions import Parsed, constant, parse
from proofs.mutants import Mutant, by_hand, of_template
from proofs.mutants.__main__ import table
from proofs.mutants.hunt import Hunter, every
from proofs.project import Project, TranslationError


@cache
def good() -> Project:
    return Project.load()


@cache
def mutants() -> tuple[Mutant, ...]:
    return tuple(every(good()))


@cache
def hunter() -> Hunter:
    return Hunter(good())


# iam and posture have tests of their own
@pytest.mark.parametrize(
    "check", [each for each in CHEAP if each.name not in ("iam", "posture")], ids=lambda check: check.name
)
def test_the_application_raises_nothing(check: Check) -> None:
    assert [str(each) for each in check.findings(good())] == []


@pytest.mark.parametrize("mutant", by_hand.mutants(good()), ids=lambda mutant: mutant.name)
def test_a_mistake_that_people_make_is_noticed(mutant: Mutant) -> None:
    (caught,) = hunter().hunt([mutant])
    assert caught.check


def test_there_are_hundreds_of_mutants_of_every_kind_that_the_issue_names() -> None:
    kinds = {each.kind for each in mutants()}
    assert len(mutants()) > 1_000
    assert len(by_hand.mutants(good())) >= 40
    assert kinds >= {
        *("IAM action missing", "IAM action misspelt", "Ref of another kind", "GetAtt of another kind"),
        *("PassRole to another service", "wrong trust principal", "dangling target", "JSONata syntax"),
        *("mixed query languages", "wrong handler", "wrong metric name", "wrong dimension", "deprecated runtime"),
        *("over-long name in an expression", "pattern that cannot match", "substitution not declared"),
    }
    assert len({(each.kind, each.name) for each in mutants()}) > 0.95 * len(mutants())


@pytest.mark.long
def test_no_mutant_is_the_application_itself() -> None:
    fields = ("source", "definitions", "code")
    for each in mutants()[::7]:
        assert any(getattr(each.project, name) != getattr(good(), name) for name in fields), each.name


@pytest.mark.long
def test_what_nobody_notices_is_told() -> None:
    harmless = Mutant("harmless", "another description", good().changed(("source", "Description"), "Another."))
    (caught,) = hunter().hunt([harmless])
    assert not caught.check
    assert "**nobody**" in table([("harmless", "another description", caught.check)])


def test_a_copy_is_translated_as_it_would_be_afresh() -> None:
    compared = 0
    for each in list(of_template.generated(good()))[::97]:
        afresh = replace(each.project, _parent=None)
        try:
            wanted = afresh.translated
        except TranslationError:
            with pytest.raises(TranslationError):
                _ = each.project.translated
            continue
        assert each.project.translated == wanted, each.name
        compared += 1
    assert compared > 10


def test_a_change_leaves_the_original_alone() -> None:
    before = good().source["Resources"]["Table"]["Properties"]["BillingMode"]
    changed = good().changed(("source", "Resources", "Table", "Properties", "BillingMode"), "PROVISIONED")
    assert changed.source["Resources"]["Table"]["Properties"]["BillingMode"] == "PROVISIONED"
    assert good().source["Resources"]["Table"]["Properties"]["BillingMode"] == before
    assert changed.source["Resources"]["Bus"] is good().source["Resources"]["Bus"]


def test_what_an_expression_uses() -> None:
    parsed = parse("{% $map($plan.items, function($x) { $x.name & $suffix }) %}")
    assert isinstance(parsed, Parsed)
    assert parsed.variables == {"plan", "suffix"}
    assert parsed.functions == {"map"}
    assert isinstance(parse("{% $plan. %}"), str)
    assert constant({"name": "{% 'a' & 'b' %}", "other": "{% $plan %}"}) == {"name": "ab", "other": "{% $plan %}"}


def test_alarms_made_at_run_time_are_looked_at() -> None:
    alarms = metrics.run_time_alarms()
    assert len(alarms) >= 3
    assert list(metrics.check_alarm(replace(alarms[0], metric="Invocation5xxErrors")))
    assert list(metrics.check_alarm(replace(alarms[0], dimensions={"EndpointName": "e"})))


@pytest.mark.parametrize("module", prove.PROOFS)
def test_every_proof_is_a_module(module: str) -> None:
    assert (prove.ROOT / (module.replace(".", "/") + ".py")).exists() or (
        prove.ROOT / module.replace(".", "/") / "__main__.py"
    ).exists()

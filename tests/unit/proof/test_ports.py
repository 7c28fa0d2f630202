"""What a step's signature says and what its role grants are the same; whatever differs is noticed."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from proofs import ports
from proofs.mutants import Mutant, of_ports
from proofs.project import Project
from sluice.bootstrap import PORTS


@cache
def good() -> Project:
    return Project.load()


def test_the_application_raises_nothing() -> None:
    assert ports.findings(good()) == []


def test_each_port_stands_for_the_services_of_its_adapter() -> None:
    assert ports.services("ledger") == {"dynamodb"}
    assert ports.services("models") == {"sagemaker", "application-autoscaling"}
    assert ports.services("signer") == {ports.SIGNING}
    assert {port for port in PORTS if not ports.services(port)} == {"settings", "clock"}


def test_a_function_has_the_ports_of_all_its_steps() -> None:
    function = good().functions()["MonitorModelFunction"]
    assert ports.steps_of(good(), function) == ["monitor_model", "request_retraining"]
    assert {"metrics", "events", "clock"} <= ports.of_function(good(), function)


def test_every_generated_mistake_is_noticed() -> None:
    mutants = list(of_ports.generated(good()))
    assert [f"{each.kind}: {each.name}" for each in mutants if not ports.findings(each.project)] == []
    counted = Counter(each.kind for each in mutants)
    assert len(counted) == 5
    assert counted["role with a service too many"] > 100
    assert counted["step with a port that it does not use"] > 150


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def f(a: str, *, objects: ObjectStore) -> None:\n    print(a)", "does not use its port objects"),
        ("def f(*, objects: ObjectStore) -> None:\n    objects = 1", "does not use its port objects"),
        ("def f(*, objects: Ledger) -> None:\n    print(objects)", "the port objects is ObjectStore, not Ledger"),
        ("def f(*, store: ObjectStore) -> None:\n    print(store)", "store is a port"),
        ("def f(world: World) -> None:\n    print(world)", "takes every port"),
        ("class C:\n    def f(self, *, clock: Clock) -> None:\n        pass", "does not use its port clock"),
        ("def f(:", "no Python"),
    ],
)
def test_a_function_with_wrong_ports(source: str, what: str) -> None:
    ((_, said),) = ports.wrong_ports(source)
    assert what in said


def test_a_function_may_give_its_port_to_another() -> None:
    assert ports.wrong_ports("def f(*, clock: Clock) -> None:\n    return lambda: g(clock=clock)") == ()


def test_a_role_may_pass_roles_where_its_port_hands_one_on() -> None:
    def with_pass_role(function: str) -> Mutant:
        role = good().functions()[function]["Role"]["Fn::GetAtt"][0]
        where = ("source", "Resources", role, "Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Action")
        return Mutant("", function, good().changed(where, ["iam:PassRole"]))

    told = [each.what for each in ports.findings(with_pass_role("SealModelFunction").project)]
    assert any("grants iam" in each for each in told)
    told = [each.what for each in ports.findings(with_pass_role("PlanReleaseFunction").project)]
    assert not any("grants iam" in each for each in told)

"""A contract arrives."""

from __future__ import annotations

import yaml

from sluice.errors import InputError
from sluice.steps.register_project import register_project
from testing.fakes import world
from tests.unit.steps.intake_world import CONTRACT, put, shop

KEY = "projects/shop/project.yaml"


def test_a_good_contract_is_registered_once() -> None:
    at = shop()
    assert at.ledger.projects() == ["shop"]
    assert at.call(register_project, KEY, at.objects.version(KEY))["status"] == "unchanged"
    assert at.alerts.kinds == ["Contract Registered"]


def test_a_typo_is_refused_with_the_nearest_key_and_the_old_contract_stays() -> None:
    at = shop()
    before = at.ledger.contract("shop")
    wrong = {**CONTRACT, "problem": {"type": "binary", "tagret": "bought", "positive": True}}
    answer = at.call(register_project, KEY, put(at, KEY, yaml.safe_dump(wrong).encode()))
    assert answer["status"] == "refused"
    assert "'tagret'" in answer["message"]
    assert "'target'" in answer["message"]
    assert at.ledger.contract("shop") == before
    assert at.alerts.kinds[-1] == "Contract Refused"
    assert "stays in force" in at.alerts.published[-1].message


def test_an_older_version_that_comes_late_does_not_win() -> None:
    at = world()
    old = put(at, KEY, yaml.safe_dump(CONTRACT).encode())
    new = put(at, KEY, yaml.safe_dump({**CONTRACT, "description": "new"}).encode())
    at.call(register_project, KEY, new)
    at.call(register_project, KEY, old)
    registered = at.ledger.contract("shop")
    assert registered
    assert (registered[0]["description"], registered[1]) == ("new", new)


def test_the_project_must_be_that_of_the_key_and_own_columns_are_refused() -> None:
    at = world()
    other = "projects/other/project.yaml"
    assert at.call(register_project, other, put(at, other, yaml.safe_dump(CONTRACT).encode()))["status"] == "refused"
    data = {**CONTRACT["data"], "columns": {**CONTRACT["data"]["columns"], "_row": {"type": "integer"}}}
    body = yaml.safe_dump({**CONTRACT, "data": data}).encode()
    assert "_row" in at.call(register_project, KEY, put(at, KEY, body))["message"]


def test_the_addresses_of_a_contract_are_subscribed_to_its_project() -> None:
    emails = ["anna@example.com", "team@example.com"]
    at = shop({**CONTRACT, "alerts": {"emails": emails}})
    assert at.alerts.subscribed == {email: {"shop"} for email in emails}
    assert at.alerts.kinds == ["Contract Registered"]


def test_an_address_that_sns_refuses_refuses_the_contract() -> None:
    at = shop()

    def refuse(project: str, addresses: list[str]) -> None:
        raise InputError(f"alerts.emails: SNS refuses {addresses[0]!r}")

    at.alerts.subscribe = refuse
    body = yaml.safe_dump({**CONTRACT, "alerts": {"emails": ["anna@example.com"]}}).encode()
    answer = at.call(register_project, KEY, put(at, KEY, body))
    assert answer["status"] == "refused"
    assert "anna@example.com" in at.alerts.published[-1].message
    assert "stays in force" in at.alerts.published[-1].message


def test_a_problem_that_says_what_its_type_cannot_mean_is_refused_at_once() -> None:
    at = world()
    body = yaml.safe_dump({**CONTRACT, "problem": {"type": "clustering", "contamination": 0.1}}).encode()
    answer = at.call(register_project, KEY, put(at, KEY, body))
    assert answer["status"] == "refused"
    assert "`contamination` is for anomaly problems" in answer["message"]


def test_other_files_are_none_of_its_business() -> None:
    assert world().call(register_project, "projects/shop/notes.txt")["status"] == "ignored"

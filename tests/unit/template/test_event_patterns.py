from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import eventbridge
from template_files import template

from proofs.event_patterns import DEFAULT_BUS, Rule, matches, resolve, rules
from proofs.events import EXPECTED, RECORDED, VALUES, all_events, bus_of, started_by
from sluice import keys

RULES = list(rules(template(), VALUES))
ALL = all_events()


def spoilt(pattern: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The pattern with one key or one value that no event has."""
    shown = ".".join(map(str, path))
    if isinstance(pattern, dict) and "anything-but" in pattern:
        # a prefix that no event has matches more, not less
        yield f"{shown} values", "never"
    elif isinstance(pattern, dict):
        for key, inner in pattern.items():
            if not set(pattern) <= {"prefix", "wildcard"}:
                yield f"{shown} key {key}", {**{k: v for k, v in pattern.items() if k != key}, key + "x": inner}
            for name, each in spoilt(inner, (*path, key)):
                yield name, {**pattern, key: each}
    elif isinstance(pattern, list):
        # all the values at once: a rule with two of them still matches by the other
        yield f"{shown} values", [next(spoilt(each, path))[1] for each in pattern]
    else:
        yield f"{shown} value", "never" + str(pattern)


def test_every_recorded_event_is_expected_to_start_something() -> None:
    assert RECORDED.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", ALL)
def test_an_event_starts_what_it_should_and_nothing_else(name: str) -> None:
    event, expected = ALL[name]
    assert started_by(RULES, event) == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_started_by_an_event(rule: Rule) -> None:
    assert [name for name, (event, _) in ALL.items() if rule.name in started_by(RULES, event)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_whose_events_of_what_kind_it_takes(rule: Rule) -> None:
    assert {"source", "detail-type"} <= rule.pattern.keys()
    if rule.pattern["source"] == ["aws.s3"]:
        assert rule.pattern["detail"].keys() == {"bucket", "object"}
    elif rule.bus == DEFAULT_BUS:
        assert rule.pattern["detail"]  # the account's bus carries other stacks' events too


@pytest.mark.parametrize("name", RECORDED)
def test_an_event_on_the_other_bus_starts_nothing(name: str) -> None:
    event = RECORDED[name]
    assert started_by(RULES, event, "Bus" if bus_of(event) == DEFAULT_BUS else DEFAULT_BUS) == set()


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        pytest.param(rule, pattern, id=f"{rule.name}: {name}")
        for rule in RULES
        for name, pattern in spoilt(rule.pattern)
    ],
)
def test_a_pattern_with_a_mistake_is_found(rule: Rule, pattern: dict[str, Any]) -> None:
    events = [event for event, expected in ALL.values() if expected and rule.name in expected]
    assert not any(matches(pattern, event) for event in events)


def test_the_rule_of_misplaced_objects_leaves_out_just_the_areas_of_others() -> None:
    rule = next(rule for rule in RULES if rule.name == "RegisterProjectFunction.ObjectMisplaced")
    (option,) = rule.pattern["detail"]["object"]["key"]
    assert option == {"anything-but": {"prefix": [f"{area}/" for area in (*keys.READ, *keys.WRITTEN)]}}


@pytest.mark.parametrize("area", keys.WRITTEN)
def test_an_object_in_an_area_that_sluice_writes_starts_nothing(area: str) -> None:
    assert ALL[f"an object in {area}/"][1] == set()


@pytest.mark.parametrize("name", ALL)
def test_the_local_cloud_s_matcher_agrees(name: str) -> None:
    event = ALL[name][0]
    for rule in RULES:
        request = {"Event": json.dumps(event), "EventPattern": json.dumps(rule.pattern)}
        _, _, body = eventbridge._test_event_pattern(request)
        assert json.loads(body)["Result"] is matches(rule.pattern, event), rule.name


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": []},
        {"source": "sluice"},
        {"source": [{"sounds-like": "sluice"}]},
        {"source": [{"anything-but": {"prefix": []}}]},
        {"source": [{"anything-but": {"prefix": [""]}}]},
        {"detail": {"a": [["b"]]}},
    ],
    ids=str,
)
def test_a_pattern_that_is_none_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"pattern|operator|list|prefixes"):
        matches(pattern, {"source": "aws.s3"})


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        resolve({"name": [{"Ref": "DataBuket"}]}, {"DataBucket": "data"})

"""Layouts: no state stands on another, links lead downwards but for circles, and branches stay within their box."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from cli import machines
from console.graph import laid_out, links_of, names

Json = dict[str, Any]


def state(*following: str, **more: Any) -> Json:
    if len(following) > 1:
        return {"Type": "Choice", "Choices": [{"Next": name} for name in following], **more}
    return {"Type": "Task", **({"Next": following[0]} if following else {"End": True}), **more}


def drawn(**states: Json) -> Json:
    return laid_out({"StartAt": next(iter(states)), "States": states})


def box(found: Json, name: str) -> tuple[float, float, float, float]:
    node = next(each for each in found["nodes"] if each["name"] == name)
    return node["x"], node["y"], node["x"] + node["width"], node["y"] + node["height"]


def within(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def apart(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("source", machines.sources(), ids=machines.name_of)
def test_each_machine_of_sluice_is_drawn_whole_and_nothing_overlaps(source: Any):
    definition = machines.definition(source)
    found = laid_out(definition)
    wanted = dict(names(definition))
    assert sorted(node["name"] for node in found["nodes"]) == sorted(wanted)
    whole = (0.0, 0.0, found["width"], found["height"])
    boxes = {node["name"]: box(found, node["name"]) for node in found["nodes"]}
    assert [name for name, each in boxes.items() if not within(each, whole)] == []
    holders = {node["name"] for node in found["nodes"] if node["box"]}
    plain = [name for name in boxes if name not in holders]
    assert [pair for pair in combinations(plain, 2) if not apart(boxes[pair[0]], boxes[pair[1]])] == []
    wished = {(link.source, link.target) for name, each in wanted.items() for link in links_of(name, each)}
    assert {(edge["from"], edge["to"]) for edge in found["edges"]} == wished


def test_a_chain_is_straight_and_in_order():
    found = drawn(A=state("B"), B=state("C"), C=state())
    middles = {round((left + right) / 2, 1) for left, _, right, _ in (box(found, name) for name in "ABC")}
    assert len(middles) == 1
    assert box(found, "A")[3] < box(found, "B")[1] < box(found, "C")[1]


def test_a_circle_leads_upwards_at_the_side():
    found = drawn(A=state("B"), B=state("A", "C"), C=state())
    kinds = {(edge["from"], edge["to"]): edge["kind"] for edge in found["edges"]}
    assert kinds == {("A", "B"): "next", ("B", "A"): "choice back", ("B", "C"): "choice"}


def test_a_long_link_passes_beside_the_states_between():
    found = drawn(A=state("B", "D"), B=state("C"), C=state("D"), D=state())
    path = next(edge["path"] for edge in found["edges"] if (edge["from"], edge["to"]) == ("A", "D"))
    numbers = [float(each) for each in re.findall(r"-?\d+\.\d+", path)]
    left, top, right, bottom = box(found, "B")
    # wherever the path turns at the height of B, it is not on B
    xs = [x for x, y in zip(numbers[::2], numbers[1::2], strict=False) if top <= y <= bottom]
    assert [x for x in xs if left < x < right] == []


def test_branches_lie_in_their_box_side_by_side():
    branches = [{"StartAt": "X", "States": {"X": state("Y"), "Y": state()}}, {"StartAt": "Z", "States": {"Z": state()}}]
    found = drawn(A={"Type": "Parallel", "Branches": branches, "Next": "B"}, B=state())
    outer = box(found, "A")
    assert all(within(box(found, name), outer) for name in "XYZ")
    assert apart(box(found, "X"), box(found, "Z"))
    assert box(found, "B")[1] > outer[3]


def test_a_failure_path_is_a_catch_and_pulls_nothing_aside():
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "F"}]
    found = drawn(A=state("B", Catch=catch), B=state("C", Catch=catch), C=state(Catch=catch), F={"Type": "Fail"})
    assert [edge["kind"] for edge in found["edges"] if edge["to"] == "F"] == ["catch"] * 3
    middles = [round((box(found, name)[0] + box(found, name)[2]) / 2, 1) for name in "ABC"]
    assert max(middles) - min(middles) < 30


def test_a_definition_with_dangling_links_and_unreached_states_is_drawn_all_the_same():
    found = drawn(A=state("Nowhere"), B=state("B"))
    assert {node["name"] for node in found["nodes"]} == {"A", "B"}
    assert laid_out({}) == {"width": 28.0, "height": 28.0, "nodes": [], "edges": []}

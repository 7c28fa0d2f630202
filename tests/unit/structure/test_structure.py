"""`make structure` sees an import among entry points, a module that is none, and a circle."""

from __future__ import annotations

import json

import grimp
import pytest

from scripts import structure


def graph(*imports: tuple[str, str]) -> grimp.ImportGraph:
    """Two entry points with their functions, a package that both import, and `imports` beside."""
    built = grimp.ImportGraph()
    right = [
        ("functions.one.app", "sluice.steps.one"),
        ("functions.two.app", "sluice.steps.two"),
        ("sluice.steps.one", "sluice.serving.lock"),
        ("sluice.steps.two", "sluice.serving.lock"),
    ]
    for importer, imported in [*right, *imports]:
        for module in (importer, imported):
            parts = module.split(".")
            for end in range(1, len(parts) + 1):
                built.add_module(".".join(parts[:end]))
        built.add_import(importer=importer, imported=imported)
    return built


def figures(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    return {line["name"]: line["value"] for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_the_code_is_as_it_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert structure.main() == 0
    found = figures(capsys)
    assert found["entry points"] >= 25
    assert found["imports among packages"] > found["packages"]
    assert found["imports among entry points"] == found["circles of imports"] == 0


def test_what_is_right_passes_and_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert structure.report(graph()) == 0
    drawn = capsys.readouterr().err
    assert "steps       ─→ serving" in drawn
    assert "one                     ─→ serving.lock" in drawn


@pytest.mark.parametrize(
    ("imported", "figure"),
    [
        (("sluice.steps.one", "sluice.steps.two"), "imports among entry points"),
        (("sluice.steps.helper", "sluice.serving.lock"), "modules in steps that are no entry point"),
        (("sluice.serving.lock", "sluice.steps.one"), "circles of imports"),
    ],
)
def test_what_is_wrong_is_counted_and_fails(
    imported: tuple[str, str], figure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert structure.report(graph(imported), brief=True) == 1
    assert figures(capsys)[figure] >= 1


def test_packages_in_a_circle_are_found_though_no_module_is() -> None:
    arrows = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a", "d"}), "d": frozenset[str]()}
    assert structure.circles_of(arrows) == [["a", "b", "c"]]
    assert structure.circles_of(arrows | {"c": frozenset({"d"})}) == []
    crossing = graph(("sluice.a.x", "sluice.b.x"), ("sluice.b.y", "sluice.a.y"))
    assert structure.circles_of(structure.among_packages(crossing)) == [["sluice.a", "sluice.b"]]

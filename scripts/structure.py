"""`make structure`: the imports among the core's packages and among its entry points, computed from the code.

Standard output has the figures as JSON lines, standard error the diagram (not with `--brief`). Exit code 1 if an entry
point imports another one, if a module of `sluice.steps` is not the entry point of a function, or if packages or modules
import in a circle.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
STEPS = "sluice.steps"
Arrows = Mapping[str, frozenset[str]]
"""Importer → what it imports."""


def main() -> int:
    return report(grimp.build_graph("sluice", "functions", cache_dir=None), brief="--brief" in sys.argv)


def report(graph: grimp.ImportGraph, brief: bool = False) -> int:
    packages = among_packages(graph)
    modules = {module: frozenset(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    entries = graph.find_children(STEPS)
    among_entries = {entry: modules[entry] & entries for entry in sorted(entries)}
    strays = sorted(entries - called_by_functions(modules))
    for line in () if brief else (*diagram(packages), *drawn_entries(among_entries, modules)):
        print(line, file=sys.stderr)
    circles = [*circles_of(packages), *circles_of(modules)]
    for entry, others in among_entries.items():
        for other in sorted(others):
            print(f"{entry} imports {other}. Move what they share to the package of what it does", file=sys.stderr)
    for circle in circles:
        print(f"circle: {', '.join(circle)}", file=sys.stderr)
    for stray in strays:
        print(
            f"not an entry point: {stray}; no function imports it. Move it to the package of what it does",
            file=sys.stderr,
        )
    figures = {
        "entry points": len(entries),
        "imports among entry points": sum(map(len, among_entries.values())),
        "modules in steps that are no entry point": len(strays),
        "packages": len(packages),
        "imports among packages": sum(map(len, packages.values())),
        "circles of imports": len(circles),
    }
    for name, value in figures.items():
        print(json.dumps({"name": name, "value": value}))
    wrong = ("imports among entry points", "modules in steps that are no entry point", "circles of imports")
    return int(any(figures[name] for name in wrong))


def among_packages(graph: grimp.ImportGraph) -> dict[str, frozenset[str]]:
    """The imports among what lies directly in `sluice`: a package stands for all its modules."""
    parts = sorted(graph.find_children("sluice"))
    owner = {module: part for part in parts for module in (part, *graph.find_descendants(part))}
    arrows: dict[str, set[str]] = {part: set() for part in parts}
    for module, part in owner.items():
        imported = {owner[each] for each in graph.find_modules_directly_imported_by(module) if each in owner}
        arrows[part] |= imported - {part}
    return {part: frozenset(others) for part, others in arrows.items()}


def called_by_functions(modules: Arrows) -> frozenset[str]:
    """What the functions import."""
    return frozenset().union(*(imported for module, imported in modules.items() if module.startswith("functions.")))


def circles_of(arrows: Arrows) -> list[list[str]]:
    """The strongly connected components with more than one member (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        path.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in path:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            start = path.index(node)
            if len(path) - start > 1:
                found.append(sorted(path[start:]))
            del path[start:]

    for node in sorted(arrows):
        if node not in number:
            visit(node)
    return found


def levels(arrows: Arrows) -> list[list[str]]:
    """The packages from the top: each stands below everything that imports it. In a circle, on one level."""
    left = dict(arrows)
    found = []
    while left:
        imported = frozenset().union(*(others for part, others in left.items()))
        top = sorted(set(left) - imported) or sorted(left)
        found.append(top)
        for part in top:
            del left[part]
    return found


def diagram(packages: Arrows) -> Iterable[str]:
    yield "Packages, each above what it imports:"
    for level in levels(packages):
        yield ""
        for part in level:
            others = ", ".join(_short(each) for each in sorted(packages[part]))
            yield f"  {_short(part):<12}{'─→ ' + others if others else ''}"
    yield ""


def drawn_entries(among_entries: Arrows, modules: Arrows) -> Iterable[str]:
    yield "Entry points, with what they import of the packages that they share:"
    shared = ("sluice.monitoring.", "sluice.serving.", "sluice.datasets.", "sluice.training.", "sluice.store.")
    for entry in among_entries:
        names = ", ".join(_short(each) for each in sorted(modules[entry]) if each.startswith(shared))
        yield f"  {entry.rpartition('.')[2]:<24}{'─→ ' + names if names else ''}"
    yield ""


def _short(module: str) -> str:
    return module.removeprefix("sluice.")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "layers" / "core"), str(ROOT)]
    sys.exit(main())

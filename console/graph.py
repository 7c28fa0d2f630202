"""Where the states of a machine stand: a layered layout of its Amazon States Language definition.

Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures (1981): edges that close a
circle are set aside, states get the layer of the longest path to them, layers are ordered by the barycentre of their
neighbours. Places across are the least-squares solution of "stand below your neighbours" that keeps the order, by
pooling adjacent violators. A Parallel or Map state is a box with its own layouts inside.

A definition has some tens of states, so nothing here is made to be fast.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
HEIGHT, GAP, LAYER, MARGIN, TITLE = 34.0, 22.0, 30.0, 14.0, 30.0
"""In pixels: a state's height, the gaps between states and between layers, a box's margin, and its title."""
_SWEEPS = 12


@dataclass(frozen=True)
class Link:
    """`kind`: next, choice, catch; `back` closes a circle."""

    source: str
    target: str
    kind: str
    label: str = ""


@dataclass
class _Box:
    name: str
    width: float
    height: float
    inner: list[tuple[_Plan, float, float]] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    real: bool = True


@dataclass
class _Plan:
    """One level of a definition: its boxes with places from 0, 0."""

    width: float
    height: float
    boxes: dict[str, _Box]
    links: list[tuple[Link, list[tuple[float, float]]]]
    states: Mapping[str, Any]


def links_of(name: str, state: Mapping[str, Any]) -> Iterator[Link]:
    """Where the state leads, in the order of the definition."""
    if state.get("Next"):
        yield Link(name, str(state["Next"]), "next")
    for choice in state.get("Choices") or []:
        yield Link(name, str(choice["Next"]), "choice")
    if state.get("Default"):
        yield Link(name, str(state["Default"]), "choice", "otherwise")
    for catch in state.get("Catch") or []:
        yield Link(name, str(catch["Next"]), "catch", ", ".join(map(str, catch.get("ErrorEquals") or [])))


def inner_of(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The definitions within a Parallel or Map state."""
    if state.get("Type") == "Parallel":
        return list(state.get("Branches") or [])
    processor = state.get("ItemProcessor") or state.get("Iterator")
    return [processor] if processor else []


def laid_out(definition: Mapping[str, Any]) -> Json:
    """`{"width", "height", "nodes": [{"name", "type", "x", "y", "width", "height", "box", "comment"}], "edges":
    [{"from", "to", "kind", "label", "path"}]}`; `path` is that of an SVG element. States come in the order in which
    they are reached.
    """
    plan = _planned(definition)
    nodes: list[Json] = []
    edges: list[Json] = []
    _collected(plan, MARGIN, MARGIN, nodes, edges)
    return {
        "width": round(plan.width + 2 * MARGIN, 1),
        "height": round(plan.height + 2 * MARGIN, 1),
        "nodes": nodes,
        "edges": edges,
    }


def names(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every state with its name, those within others included."""
    for name, state in (definition.get("States") or {}).items():
        yield str(name), state
        for inner in inner_of(state):
            yield from names(inner)


def _planned(definition: Mapping[str, Any]) -> _Plan:
    states: Mapping[str, Any] = definition.get("States") or {}
    order, back = _reached(definition, states)
    links = [link for name in order for link in dict.fromkeys(links_of(name, states[name])) if link.target in states]
    forward = [link for link in links if (link.source, link.target) not in back and link.source != link.target]
    layer = _layers(order, forward)
    boxes = {name: _boxed(name, states[name]) for name in order}
    # a link over several layers goes through a place of its own in each of them, so that no state stands on it
    chains: dict[Link, list[str]] = {}
    for link in forward:
        first, last = layer[link.source], layer[link.target]
        if link.kind == "catch" or last - first < 2:
            continue
        chain = [f"\0{link.source}\0{link.target}\0{level}" for level in range(first + 1, last)]
        for level, name in enumerate(chain, first + 1):
            if name not in boxes:
                boxes[name], layer[name] = _Box(name, 8.0, HEIGHT, real=False), level
        chains[link] = chain
    pairs = set()
    for link in forward:
        # a state of failures alone stands below the last state that may fail, whatever else leads there
        near = layer[link.target] - layer[link.source] == 1 and not _has_other(link.target, forward)
        if link.kind != "catch" or near:
            path = [link.source, *chains.get(link, []), link.target]
            pairs |= set(itertools.pairwise(path))
    rows = _ordered(boxes, layer, pairs)
    _place(rows, boxes, pairs)
    height = 0.0
    for row in rows:
        tallest = max((boxes[name].height for name in row), default=0.0)
        for name in row:
            boxes[name].y = height + (tallest - boxes[name].height) / 2
        height += tallest + LAYER
    left = min((box.x for box in boxes.values()), default=0.0)
    for box in boxes.values():
        box.x -= left
    width = max((box.x + box.width for box in boxes.values()), default=0.0)
    drawn = [(link, _points(link, boxes, chains.get(link, []))) for link in links]
    return _Plan(width, max(0.0, height - LAYER), {n: b for n, b in boxes.items() if b.real}, drawn, states)


def _has_other(target: str, links: Sequence[Link]) -> bool:
    """A state that is reached otherwise than by failures stands where that leads it."""
    return any(link.target == target and link.kind != "catch" for link in links)


def _reached(definition: Mapping[str, Any], states: Mapping[str, Any]) -> tuple[list[str], set[tuple[str, str]]]:
    """States in depth-first order, those that nothing leads to last; and the links that close a circle."""
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    start = str(definition.get("StartAt", ""))
    for root in [start, *states]:
        if root not in states or root in done or root in order:
            continue
        path = [root]
        order.append(root)
        stack = [iter(list(links_of(root, states[root])))]
        while stack:
            link = next(stack[-1], None)
            if link is None:
                stack.pop()
                done.add(path.pop())
            elif link.target in path:
                back.add((link.source, link.target))
            elif link.target in states and link.target not in order:
                order.append(link.target)
                path.append(link.target)
                stack.append(iter(list(links_of(link.target, states[link.target]))))
    return order, back


def _layers(order: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """Length of the longest path to each state."""
    layer = dict.fromkeys(order, 0)
    for _ in order:
        changed = False
        for link in links:
            if layer[link.target] < layer[link.source] + 1:
                layer[link.target], changed = layer[link.source] + 1, True
        if not changed:
            break
    return layer


def _boxed(name: str, state: Mapping[str, Any]) -> _Box:
    width = max(96.0, 7.2 * len(name) + 30)
    plans = [_planned(inner) for inner in inner_of(state)]
    if not plans:
        return _Box(name, min(width, 360.0), HEIGHT)
    placed, x = [], MARGIN
    for plan in plans:
        placed.append((plan, x, TITLE))
        x += plan.width + GAP
    inside = x - GAP + MARGIN
    tallest = max(plan.height for plan in plans)
    return _Box(name, max(width, inside), TITLE + tallest + MARGIN, placed)


def _ordered(boxes: Mapping[str, _Box], layer: Mapping[str, int], pairs: set[tuple[str, str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in boxes:
        rows[layer[name]].append(name)
    above, below = _neighbours(pairs)
    best, least = [list(row) for row in rows], _crossings(rows, pairs, layer)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        beside = above if down else below
        for row in rows if down else reversed(rows):
            place = {name: i for each in rows for i, name in enumerate(each)}
            own = {name: i for i, name in enumerate(row)}
            row.sort(key=lambda n: (_mean([place[m] for m in beside[n]], own[n]), own[n]))
        crossed = _crossings(rows, pairs, layer)
        if crossed < least:
            best, least = [list(row) for row in rows], crossed
    return best


def _crossings(rows: Sequence[Sequence[str]], pairs: set[tuple[str, str]], layer: Mapping[str, int]) -> int:
    place = {name: i for row in rows for i, name in enumerate(row)}
    found = 0
    by_layer: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in pairs:
        by_layer[layer[a]].append((place[a], place[b]))
    for ends in by_layer.values():
        found += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :])
    return found


def _place(rows: Sequence[Sequence[str]], boxes: Mapping[str, _Box], pairs: set[tuple[str, str]]) -> None:
    above, below = _neighbours(pairs)
    for row in rows:
        x = 0.0
        for name in row:
            boxes[name].x = x
            x += boxes[name].width + GAP
        for name in row:
            boxes[name].x -= x / 2
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else list(reversed(rows)):
            wanted = []
            for name in row:
                near = above[name] + below[name] if sweep > _SWEEPS // 2 else (above if down else below)[name]
                middle = _mean([_middle(boxes[each]) for each in near], _middle(boxes[name]))
                wanted.append(middle - boxes[name].width / 2)
            for name, x in zip(row, _apart(wanted, [boxes[name].width for name in row]), strict=True):
                boxes[name].x = x


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to `wanted`, in this order and GAP apart: isotonic regression without the widths."""
    offsets = [0.0]
    for width in widths[:-1]:
        offsets.append(offsets[-1] + width + GAP)
    pools: list[list[float]] = []  # sum and count
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append([want - offset, 1.0])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    flat = [total / count for total, count in pools for _ in range(int(count))]
    return [base + offset for base, offset in zip(flat, offsets, strict=True)]


def _neighbours(pairs: set[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above, below = defaultdict(list), defaultdict(list)
    for a, b in sorted(pairs):
        below[a].append(b)
        above[b].append(a)
    return above, below


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _middle(box: _Box) -> float:
    return box.x + box.width / 2


def _points(link: Link, boxes: Mapping[str, _Box], chain: Sequence[str]) -> list[tuple[float, float]]:
    """From the lower edge of the source to the upper edge of the target; upwards and aside for what leads back."""
    source, target = boxes[link.source], boxes[link.target]
    if target.y <= source.y:
        side = max(source.x + source.width, target.x + target.width)
        return [
            (source.x + source.width, source.y + source.height / 2),
            (side + GAP, source.y + source.height / 2),
            (side + GAP, target.y + target.height / 2),
            (target.x + target.width, target.y + target.height / 2),
        ]
    points = [(_middle(source), source.y + source.height)]
    for name in chain:
        points += [(_middle(boxes[name]), boxes[name].y), (_middle(boxes[name]), boxes[name].y + boxes[name].height)]
    return [*points, (_middle(target), target.y)]


def _collected(plan: _Plan, x: float, y: float, nodes: list[Json], edges: list[Json]) -> None:
    for name, box in plan.boxes.items():
        state = plan.states[name]
        nodes.append(
            {
                "name": name,
                "type": str(state.get("Type", "")),
                "x": round(x + box.x, 1),
                "y": round(y + box.y, 1),
                "width": round(box.width, 1),
                "height": round(box.height, 1),
                "box": bool(box.inner),
                "comment": str(state.get("Comment", "")),
            }
        )
        for inner, right, down in box.inner:
            _collected(inner, x + box.x + right, y + box.y + down, nodes, edges)
    for link, points in plan.links:
        moved = [(a + x, b + y) for a, b in points]
        back = plan.boxes[link.target].y <= plan.boxes[link.source].y
        edges.append(
            {
                "from": link.source,
                "to": link.target,
                "kind": f"{link.kind} back" if back else link.kind,
                "label": link.label,
                "path": _bent(moved) if back else _curved(moved),
            }
        )


def _curved(points: Sequence[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (a, b), (c, d) in itertools.pairwise(points):
        if a == c:
            path += f"V{d:.1f}"
        else:
            half = (b + d) / 2
            path += f"C{a:.1f} {half:.1f} {c:.1f} {half:.1f} {c:.1f} {d:.1f}"
    return path


def _bent(points: Sequence[tuple[float, float]]) -> str:
    (a, b), (c, _), (_, d), (e, f) = points
    return f"M{a:.1f} {b:.1f}C{c:.1f} {b:.1f} {c:.1f} {b:.1f} {c:.1f} {(b + d) / 2:.1f}S{c:.1f} {d:.1f} {e:.1f} {f:.1f}"

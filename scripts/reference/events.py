"""docs/reference/events.md, from the calls of `events.put` in the core and the rules of template.yaml."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from proofs.event_patterns import rules
from scripts.reference.pages import code, codes, page, section, table
from scripts.reference.source import functions, template

TITLE = "Events"
INTRODUCTION = (
    "What Sluice sends on its own event bus, and which events start its functions. The stack's output `BusName` names "
    "the bus. An event that no function could handle goes to the event dead-letter queue "
    "([operations](../operations.md#events-that-nobody-handled))."
)
_VALUES = {"DataBucket": "<bucket>", "AWS::StackName": "<stack>", "MlLifecycle": "<MlLifecycle>"}


def text() -> str:
    listening = list(_listening())
    sent = section(
        "Sent by Sluice",
        "Source `sluice`, on the stack's own bus. A member that ends in … stands for several.",
        table(("detail type", "members of `detail`", "sent by", "starts"), _sent(listening)),
    )
    received = section(
        "That start a function",
        "A rule is named after the function that it starts; `ArrivalRule` sends to the intake queue, which "
        "`ValidateDatasetFunction` reads.",
        table(("rule", "bus", "source and detail type", "only if"), [_row(*each) for each in listening]),
    )
    return page(TITLE, INTRODUCTION, sent + received)


def senders() -> dict[str, dict[str, Any]]:
    """Detail type → its members and the modules that send it, from every `events.put(...)`."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"members": {}, "modules": {}})
    for path, function in functions():
        for call in ast.walk(function):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("events.put")):
                continue
            kinds = [str(each.value) for each in ast.walk(call.args[0]) if isinstance(each, ast.Constant)]
            for kind in kinds:
                found[kind]["members"] |= dict.fromkeys(_members(call.args[1], function))
                found[kind]["modules"][path] = None
    return dict(found)


def _members(detail: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """Keys of the dictionary, which may have been given a name before, or keys after."""
    if isinstance(detail, ast.Dict):
        for key, value in zip(detail.keys, detail.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value)
            elif key is None:
                yield f"{ast.unparse(value)}…"
        return
    if isinstance(detail, ast.BinOp):
        yield from _members(detail.left, function)
        yield from _members(detail.right, function)
    if isinstance(detail, ast.IfExp):
        yield from _members(detail.body, function)
        yield from _members(detail.orelse, function)
    if isinstance(detail, ast.Name):
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) or node.value is None:
                continue
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id == detail.id:
                    yield from _members(node.value, function)
                if isinstance(target, ast.Subscript) and ast.unparse(target.value) == detail.id:
                    yield from (str(each.value) for each in ast.walk(target.slice) if isinstance(each, ast.Constant))


def _listening() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for rule in rules(template(), _VALUES):
        yield rule.name, rule.bus, rule.pattern


def _sent(listening: list[tuple[str, str, dict[str, Any]]]) -> Iterator[tuple[str, str, str, str]]:
    for kind, facts in sorted(senders().items()):
        starts = [name for name, bus, pattern in listening if bus == "Bus" and kind in pattern["detail-type"]]
        yield (
            code(kind),
            codes(facts["members"]),
            codes(facts["modules"]),
            codes(name.partition(".")[0] for name in starts) or "nothing; for your own rules",
        )


def _row(name: str, bus: str, pattern: dict[str, Any]) -> tuple[str, str, str, str]:
    kinds = f"{', '.join(pattern['source'])}: {', '.join(pattern['detail-type'])}"
    only = json.dumps(pattern["detail"], separators=(", ", ": ")) if "detail" in pattern else ""
    return code(name), "the stack's" if bus == "Bus" else "the account's", kinds, code(only) if only else "always"

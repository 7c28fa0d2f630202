"""docs/reference/storage.md: the areas of the data bucket, the items of the table, the records of runs."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

from scripts.reference.pages import code, codes, page, section, table
from scripts.reference.roles import users
from scripts.reference.source import CORE, documented, short, template
from sluice import keys, records
from sluice.aws.items import stamp
from sluice.aws.ledger import DynamoLedger
from sluice.names import digest
from sluice.ports import ENDPOINT, RUN, Champion, Ledger, Settings
from sluice.records.run_record import RunRecord

TITLE = "Bucket and table"
INTRODUCTION = (
    "Where everything lies. [Architecture](../architecture.md) says what each object and item is for; this page is "
    "made from `sluice.keys`, `sluice.aws.ledger`, `sluice.records` and the roles of template.yaml."
)
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = "<area>/<project>/<file>"
_FACTS = {"key": _KEY}


def text() -> str:
    areas = section(
        "Areas of the data bucket",
        "People write to the first ones; Sluice and its jobs write to the others. A role may read or write only the "
        "areas that its policy names.",
        table(("area", "written by", "read by"), _areas()),
    )
    made = section("Keys", "Functions of `sluice.keys`.", table(("function", "key", "what"), _keys()))
    items = section(
        "Items of the table",
        "Found by calling each method of `sluice.ports.Ledger` on a recording client.",
        table(("pk", "sk", "written by", "read by"), _items()),
    )
    run = section(
        "A run's record",
        "Item `RUN#<run>`, `sluice.records.run_record`. Only `run_id` and `started_at` are always there.",
        table(("member", "type", "meaning"), _members(RunRecord, CORE / "records" / "run_record.py")),
    )
    return page(TITLE, INTRODUCTION, areas + made + items + run)


def _areas() -> Iterator[tuple[str, str, str]]:
    readers: dict[str, dict[str, None]] = defaultdict(dict)
    writers: dict[str, dict[str, None]] = defaultdict(dict)
    for name, each in template()["Resources"].items():
        if each["Type"] != "AWS::IAM::Role":
            continue
        who = users(name) or [name]
        for action, resource in _grants(each["Properties"].get("Policies", [])):
            area = resource.removeprefix("bucket: ").partition("/")[0]
            if resource.startswith("bucket: ") and area in (*keys.READ, *keys.WRITTEN):
                into = writers if action.startswith("s3:Put") else readers if action.startswith("s3:Get") else None
                if into is not None:
                    into[area] |= dict.fromkeys(who)
    for area in (*keys.READ, *keys.WRITTEN):
        people = ["people"] if area in keys.READ else []
        written = ", ".join([*people, *(code(each) for each in writers[area])])
        yield code(f"{area}/"), written, codes(readers[area])


def _grants(policies: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, resources = statement.get("Action", []), statement.get("Resource", [])
            for action in actions if isinstance(actions, list) else [actions]:
                for resource in resources if isinstance(resources, list) else [resources]:
                    yield action, short(resource)


def _keys() -> Iterator[tuple[str, str, str]]:
    """Every function of `keys` that makes a key of names, called with its parameters' names."""
    for name, function in vars(keys).items():
        if not inspect.isfunction(function) or get_type_hints(function).get("return") is not str:
            continue
        wanted = inspect.signature(function).parameters.values()
        if name in ("project_of",):
            continue
        given = [f"<{each.name}>" for each in wanted if each.kind is not each.VAR_POSITIONAL]
        rest = ["<name>"] if any(each.kind is each.VAR_POSITIONAL for each in wanted) else []
        yield code(name), code(function(*given, *rest)), (inspect.getdoc(function) or "").partition("\n")[0]


class _Recorder:
    """A DynamoDB client that remembers which items are asked for, and finds none."""

    def __init__(self) -> None:
        self.touched: list[tuple[str, str, str]] = []

    def _note(self, kind: str, pk: Any, sk: Any) -> None:
        self.touched.append((kind, pk["S"], sk["S"] if sk else ""))

    def get_item(self, Key: Any, **_: Any) -> Any:  # noqa: N803 - boto3's name
        self._note("read", Key["pk"], Key["sk"])
        return {}

    def put_item(self, Item: Any, **_: Any) -> Any:  # noqa: N803
        self._note("write", Item["pk"], Item["sk"])
        return {}

    def update_item(self, Key: Any, **_: Any) -> Any:  # noqa: N803
        self._note("write", Key["pk"], Key["sk"])
        return {}

    def delete_item(self, Key: Any, **_: Any) -> Any:  # noqa: N803
        self._note("write", Key["pk"], Key["sk"])
        return {"Attributes": {}}

    def transact_write_items(self, TransactItems: Any, **_: Any) -> Any:  # noqa: N803
        for each in TransactItems:
            ((_kind, facts),) = each.items()
            at = facts.get("Item") or facts["Key"]
            self._note("write", at["pk"], at["sk"])
        return {}

    def get_paginator(self, _: str) -> _Recorder:
        return self

    def paginate(self, ExpressionAttributeValues: Any, **_: Any) -> Any:  # noqa: N803
        values = ExpressionAttributeValues
        self._note("read", values[":pk"], values.get(":prefix"))
        return []


def _items() -> Iterator[tuple[str, str, str, str]]:
    writers: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    readers: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for name, method in inspect.getmembers(Ledger, inspect.isfunction):
        if name.startswith("_"):
            continue
        for of in (RUN, ENDPOINT) if "of" in inspect.signature(method).parameters else (RUN,):
            recorder = _Recorder()
            ledger = DynamoLedger(lambda _, made=recorder: made, Settings(table="table"))  # type: ignore[arg-type]
            getattr(ledger, name)(*_arguments(method, of))
            for kind, pk, sk in recorder.touched:
                (writers if kind == "write" else readers)[_readable(pk), _readable(sk)][name] = None
    # a query by the beginning of a sort key reads the items whose key begins so
    for (pk, sk), methods in list(readers.items()):
        whole = [each for each in {**writers, **readers} if each[0] == pk and each[1] != sk and each[1].startswith(sk)]
        if whole and (not sk or sk.endswith("#")):
            for each in whole:
                readers[each] |= methods
            del readers[pk, sk]
    for item in sorted({**writers, **readers}):
        yield code(item[0]), code(item[1]), codes(sorted(writers[item])), codes(sorted(readers[item]))


def _arguments(method: Any, of: str) -> list[Any]:
    hints = get_type_hints(method)
    found: list[Any] = []
    for each in list(inspect.signature(method).parameters.values())[1:]:
        kind = hints[each.name]
        if each.name == "of":
            found.append(of)
        elif kind is str or kind == str | None:
            found.append(f"<{each.name}>")
        elif kind is int:
            found.append(0)
        elif kind is datetime:
            found.append(_AT)
        elif kind is timedelta:
            found.append(timedelta())
        elif kind is Champion:
            found.append(Champion("", "", "", "", "", "", _AT, _AT))
        else:
            found.append(dict(_FACTS))
    return found


def _readable(text: str) -> str:
    for made, name in ((stamp(_AT), "<time>"), (digest(_KEY), "<hash of the key>")):
        text = text.replace(made, name)
    head, _, last = text.rpartition("#")
    return f"{head}#<hash of the facts>" if head.startswith("RESPONSE#") and last != "" else text


def _members(record: type[records.record.Record], path: Any) -> Iterator[tuple[str, str, str]]:
    meanings = documented(path)
    for name, field in record.model_fields.items():
        kind = ast.unparse(ast.parse(str(inspect.formatannotation(field.annotation)), mode="eval"))
        plain = kind.replace(f"{record.__module__}.", "").replace("typing.", "").removesuffix(" | None")
        yield code(name), code(plain), meanings.get(name, "")

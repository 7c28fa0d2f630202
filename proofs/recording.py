"""What product roles and AWS's services asked for in an end-to-end session, made the same from run to run.

`recorded_checks.jsonl`: one example of each (principal, action, shape of resource and context).
`recorded_calls.jsonl`: one example of each (role, operation, members), with parameters.
Names, ids and times are replaced by fixed ones; physical names by those of `stack_values.py`. `make record-calls`
writes both; the end-to-end session checks at its end that nothing new was seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.iam_policies import Request
from proofs.stack_values import STACK, StackValues

HERE = Path(__file__).parent
CHECKS, CALLS = HERE / "recorded_checks.jsonl", HERE / "recorded_calls.jsonl"
PROJECT = "shop"
_KEPT = re.compile(
    r"(iam:PassedToService|cloudwatch:namespace|s3:prefix|kms:.*|aws:Source(Arn|Account))", re.IGNORECASE
)
_SERVICE = re.compile(r"[\w.-]+\.amazonaws\.com")
# In this order: what is longer first.
_IDS = (
    (
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        "00000000-0000-0000-0000-000000000000",
    ),
    (
        re.compile(r"\b(?!\d{12}\b)(jr_|r|b)?(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b"),
        lambda match: (match[1] or "") + "0" * 12,
    ),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|[+-]\d\d:?\d\d)?"), "2026-01-01T00:00:00+00:00"),
    (re.compile(r"\d{4}/\d\d/\d\d/\d\d/[\d-]+"), "2026/01/01/00/00"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "2026-01-01"),
    (re.compile(r"\b\d{8,11}\b"), "0" * 8),
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request of a role, as boto3 would make it."""

    role: str
    service: str
    operation: str
    parameters: Json

    @property
    def kind(self) -> tuple[str, str, tuple[str, ...]]:
        return self.role, f"{self.service}.{self.operation}", tuple(sorted(self.parameters))


class Normaliser:
    """Replaces what differs from run to run. `resources` are logical → physical ids of the deployed stack."""

    def __init__(self, template: Json, resources: dict[str, str], projects: Iterable[str]) -> None:
        values = StackValues(template)
        self._roles: dict[str, str] = {}
        names: dict[str, str] = {}
        for logical_id, physical in resources.items():
            tail = re.split(r"[/:|]", physical)[-1]
            known = template["Resources"].get(logical_id)
            if known is None or not tail:
                continue
            names[tail] = values.name(logical_id)
            if known["Type"] == "AWS::IAM::Role":
                self._roles[tail] = logical_id
        names = {old: new for old, new in names.items() if old != new and len(old) > 8}
        self._names = _replacer(names)
        # a tuning job's name has ten letters of the project
        every = {each: PROJECT for project in projects for each in (project, project[:10].rstrip("-"))}
        self._projects = _replacer({old: new for old, new in every.items() if old != PROJECT}, words=True)

    def role(self, arn: str) -> str | None:
        """Logical id of a role of the stack; None for any other."""
        return self._roles.get(arn.rsplit("/", 1)[-1])

    def text(self, value: str) -> str:
        value = self._projects(self._names(value))
        for pattern, new in _IDS:
            value = pattern.sub(new, value)
        return value

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"^<\d+ (bytes|characters)>$", r"<9 \1>", self.text(value))
        return 1_767_225_600 if isinstance(value, int | float) and value > 1_500_000_000 else value


def _replacer(names: dict[str, str], *, words: bool = False) -> Callable[[str], str]:
    if not names:
        return lambda text: text
    options = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![a-z0-9]){'(' + options + ')'}(?![a-z0-9])" if words else f"({options})")
    return lambda text: pattern.sub(lambda match: names[match[1]], text)


def checks(lines: Iterable[Json], normaliser: Normaliser) -> dict[tuple[Any, ...], Request]:
    """Shape → example of the allowed checks of the stack's roles and of services on its resources."""
    found: dict[tuple[Any, ...], Request] = {}
    for line in lines:
        if not line["allowed"]:
            continue
        role = normaliser.role(line["role"]) if line["role"] else None
        if role:
            principal = f"role:{role}"
        elif _SERVICE.fullmatch(line["principal"]):
            principal = f"service:{line['principal']}"
        else:
            continue
        context = {key: normaliser.value(value) for key, value in line["context"].items() if _KEPT.fullmatch(key)}
        request = Request(principal, line["action"], normaliser.text(line["resource"]), context)
        if (
            principal.startswith("service:")
            and f":{STACK}-" not in request.resource
            and f"/{STACK}-" not in request.resource
        ):
            continue  # a queue or a role of the tests
        shape = shape_of(request)
        other = found.get(shape)
        if other is None or _simpler(request, other):
            found[shape] = request
    return found


def _simpler(one: Request, other: Request) -> bool:
    return (len(one.resource), one.resource, str(one.context)) < (
        len(other.resource),
        other.resource,
        str(other.context),
    )


def shape_of(request: Request) -> tuple[Any, ...]:
    """What tells two checks apart for a policy: areas of the bucket, kinds and prefixes of names, context."""
    context = tuple(sorted((key, _shape(key, str(value))) for key, value in request.context.items()))
    return request.principal, request.action, _shape("", request.resource), context


def _shape(key: str, value: str) -> str:
    if value.startswith("arn:aws:s3:::"):
        bucket, _, path = value.partition("/")
        return f"{bucket}/{path.split('/', 1)[0]}/" if path else bucket
    if key == "s3:prefix":
        return value.split("/", 1)[0]
    parts = value.split(":", 5)
    if len(parts) < 6:
        return value
    # names made by the product, such as sluice-shop-r000000000000-model, are cut behind their prefix
    rest = re.sub(rf"(?<=[/:])({STACK}[-/])({PROJECT}|r0{{12}})\b.*", r"\1*", parts[5])
    rest = re.sub(rf"(?<=[/:]){PROJECT}\b.*", "*", rest)
    rest = re.sub(r"(log-stream:|^execution:[^:]+:).*", r"\1*", rest)
    return ":".join([*parts[:5], rest])


def calls(lines: Iterable[Json], normaliser: Normaliser) -> dict[tuple[Any, ...], Call]:
    """Kind → example of the calls of the stack's roles that were answered, not refused."""
    found: dict[tuple[Any, ...], Call] = {}
    for line in lines:
        role = normaliser.role(line["role"])
        if role is None or line["status"] >= 400:
            continue
        call = Call(role, line["service"], line["operation"], normaliser.value(line["parameters"]))
        other = found.get(call.kind)
        if other is None or (-len(str(call.parameters)), str(call)) < (-len(str(other.parameters)), str(other)):
            found[call.kind] = call
    return found


def read_lines(path: Path) -> Iterator[Json]:
    """The lines of a log of the local cloud; one that is being written may lack its end."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def projects_of(lines: Iterable[Json]) -> set[str]:
    """The projects whose files were touched."""
    area = re.compile(r"^arn:aws:s3:::[^/]+/(?:projects|raw|runs|batch)/([^/]+)/")
    return {match[1] for line in lines if (match := area.match(line["resource"]))}


def of_session(state: Path, template: Json, resources: dict[str, str]) -> tuple[list[Request], list[Call]]:
    """What the logs in a cloud's state folder hold, in order."""
    paths = [path for path in (state / "previous-calls.jsonl", state / "calls.jsonl") if path.exists()]
    lines = [line for path in paths for line in read_lines(path)]
    normaliser = Normaliser(template, resources, projects_of(lines))
    asked = checks(lines, normaliser)
    made = calls(read_lines(state / "requests.jsonl"), normaliser)
    return sorted(asked.values(), key=str), sorted(made.values(), key=lambda call: (call.kind, str(call)))


def write(asked: list[Request], made: list[Call]) -> None:
    """Writes the fixtures."""
    CHECKS.write_text("".join(f"{json.dumps(vars_of(each), sort_keys=True)}\n" for each in asked), encoding="utf-8")
    CALLS.write_text("".join(f"{json.dumps(vars_of(each), sort_keys=True)}\n" for each in made), encoding="utf-8")


def add(asked: list[Request], made: list[Call]) -> None:
    """Writes what another session did, too: what the fixtures hold stays as it is."""
    shapes = {shape_of(each): each for each in [*asked, *recorded_checks()]}
    kinds = {each.kind: each for each in [*made, *recorded_calls()]}
    write(sorted(shapes.values(), key=str), sorted(kinds.values(), key=lambda call: (call.kind, str(call))))


def vars_of(item: Request | Call) -> Json:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def recorded_checks(path: Path = CHECKS) -> list[Request]:
    return [Request(**line) for line in read_lines(path)]


def recorded_calls(path: Path = CALLS) -> list[Call]:
    return [Call(**line) for line in read_lines(path)]


def unrecorded(asked: list[Request], made: list[Call]) -> list[str]:
    """What a session did that the recording does not know."""
    known = {shape_of(each) for each in recorded_checks()}
    # whoever makes it, it is the same call to botocore's models; who makes it first is a race at times
    kinds = {each.kind[1:] for each in recorded_calls()}
    new = [
        f"{each.principal} {each.action} {each.resource} {dict(each.context)}"
        for each in asked
        if shape_of(each) not in known
    ]
    return new + [" ".join(map(str, each.kind)) for each in made if each.kind[1:] not in kinds]

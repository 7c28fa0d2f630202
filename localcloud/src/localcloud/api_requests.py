"""What an HTTP request asks for, in boto3's terms: service, operation and parameters, without the data.

Read back from botocore's models for the protocols json, rest-json, rest-xml and query. Bodies, blobs and texts that
carry data become `<12 bytes>` or `<12 characters>`, because the log of calls must hold none of them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from botocore.model import OperationModel

from localcloud import shapes

# ministack's names of services that boto3 calls otherwise
_BOTO_NAMES = {"monitoring": "cloudwatch", "states": "stepfunctions", "ses": "", "unknown_query": ""}
# Members that carry data or prose. The values of DynamoDB's items are data whatever they are called.
_DATA = frozenset(
    {"Body", "Message", "Subject", "Detail", "MessageBody", "Payload", "input", "output", "cause", "message"}
    | {"DashboardBody", "Input", "AlarmDescription", "ApprovalDescription", "Endpoint", "AttributeValue"}
)
_MAX_BODY = 262_144  # longer ones are data, not parameters


@dataclass(frozen=True)
class ApiRequest:
    """`service` is boto3's name, `operation` the API's."""

    service: str
    operation: str
    parameters: dict[str, Any]


def read(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> ApiRequest | None:
    """None for what is not a call of a service that botocore knows."""
    name = _BOTO_NAMES.get(service, service)
    try:
        model = shapes.service_model(name) if name else None
    except Exception:  # botocore's UnknownServiceError: a page of ministack's own
        return None
    if model is None:
        return None
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if target:
        if target not in model.operation_names:
            return None
        operation = model.operation_model(target)
        return ApiRequest(name, target, _told(operation.input_shape, _json(body)))
    if model.metadata["protocol"] in ("query", "ec2"):
        flat = _form(body, query)
        action = flat.pop("Action", "")
        if action not in model.operation_names:
            return None
        shape = model.operation_model(action).input_shape
        return ApiRequest(name, action, _told(shape, _from_form(shape, flat, "") if shape else {}))
    found = _rest_operation(name, method, path, query)
    if found is None:
        return None
    operation, uri = found
    return ApiRequest(name, operation.name, _rest_parameters(operation, uri, headers, body, query))


def members(parameters: Any, prefix: str = "") -> Iterator[str]:
    """Paths of the members of a request, lists without their indices; keys of maps count as members."""
    if isinstance(parameters, dict):
        for name, item in parameters.items():
            path = f"{prefix}.{name}" if prefix else str(name)
            yield path
            yield from members(item, path)
    elif isinstance(parameters, list):
        for item in parameters:
            yield from members(item, prefix)


# --- reading ----------------------------------------------------------------------------------------------------------


def _json(body: bytes) -> Any:
    if not body or len(body) > _MAX_BODY:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _form(body: bytes, query: Mapping[str, Any]) -> dict[str, str]:
    from urllib.parse import parse_qsl

    text = body.decode("utf-8", "replace") if len(body) <= _MAX_BODY else ""
    flat = {key: value[0] if isinstance(value, list) else str(value) for key, value in query.items()}
    flat |= dict(parse_qsl(text, keep_blank_values=True))
    flat.pop("Version", None)
    return flat


def _from_form(shape: Any, flat: dict[str, str], prefix: str) -> Any:
    """A value out of the query protocol's flat names."""
    if shape.type_name == "structure":
        pairs = {}
        for name, member in shape.members.items():
            path = prefix + member.serialization.get("name", name)
            if any(key == path or key.startswith(f"{path}.") for key in flat):
                pairs[name] = _from_form(member, flat, f"{path}.")
        return pairs
    if shape.type_name in ("list", "map"):
        listed = shape.type_name == "list"
        middle = "" if shape.serialization.get("flattened") else ("member." if listed else "entry.")
        base = prefix + middle
        numbers = sorted({int(key[len(base) :].split(".")[0]) for key in flat if _numbered(key, base)})
        if listed:
            return [_from_form(shape.member, flat, f"{base}{number}.") for number in numbers]
        key, value = (
            part.serialization.get("name", name) for part, name in ((shape.key, "key"), (shape.value, "value"))
        )
        return {
            flat.get(f"{base}{number}.{key}", ""): _from_form(shape.value, flat, f"{base}{number}.{value}.")
            for number in numbers
        }
    return _scalar(shape, flat.get(prefix.removesuffix("."), ""))


def _numbered(key: str, base: str) -> bool:
    return key.startswith(base) and key[len(base) :].split(".")[0].isdigit()


def _scalar(shape: Any, text: str) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        return text
    return text == "true" if kind == "boolean" else text


@functools.cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], frozenset[str], OperationModel]]:
    """(method, path, query keys that must be there, operation), those with most such keys first."""
    model = shapes.service_model(service)
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, literal = operation.http["requestUri"].partition("?")
        keys = {each.partition("=")[0] for each in literal.split("&") if each}
        shape = operation.input_shape
        if shape is not None:
            for member in shape.required_members:
                serialization = shape.members[member].serialization
                if serialization.get("location") == "querystring":
                    keys.add(serialization.get("name", member))
        pattern = re.sub(
            r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(path))
        )
        keys.discard("x-id")
        found.append((operation.http["method"], re.compile(pattern.rstrip("/") + "/?"), frozenset(keys), operation))
    return sorted(found, key=lambda each: (-len(each[2]), -each[1].pattern.count("/"), each[1].groups))


def _rest_operation(
    service: str, method: str, path: str, query: Mapping[str, Any]
) -> tuple[OperationModel, dict[str, str]] | None:
    named = query.get("x-id")
    wanted = (named[0] if isinstance(named, list) else named) if named else None
    for verb, pattern, keys, operation in _routes(service):
        if verb != method or not keys <= set(query) or (wanted and operation.name != wanted):
            continue
        if service == "s3" and operation.name in ("CopyObject", "UploadPartCopy"):
            continue  # told apart by a header, see below
        match = pattern.fullmatch(path)
        if match:
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def _rest_parameters(
    operation: OperationModel, uri: dict[str, str], headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    found: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    payload = shape.serialization.get("payload")
    document = _json(body) if operation.service_model.metadata["protocol"] == "rest-json" and not payload else {}
    for name, member in shape.members.items():
        location, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri" and wire in uri:
            found[name] = _scalar(member, uri[wire])
        elif location == "querystring" and wire in query:
            values = query[wire] if isinstance(query[wire], list) else [query[wire]]
            found[name] = values if member.type_name == "list" else _scalar(member, values[0])
        elif location == "header" and wire.lower() in headers:
            found[name] = _scalar(member, headers[wire.lower()])
        elif location == "headers":
            prefix = wire.lower()
            values = {key[len(prefix) :]: value for key, value in headers.items() if key.startswith(prefix)}
            found |= {name: values} if values else {}
        elif name == payload:
            if body:
                found[name] = _payload(member, body, headers)
        elif location is None and isinstance(document, dict) and wire in document:
            rest[name] = document[wire]
    return found | _told(shape, rest) if rest else found


def _payload(member: Any, body: bytes, headers: Mapping[str, str]) -> Any:
    if member.type_name != "structure":
        return f"<{headers.get('x-amz-decoded-content-length') or len(body)} bytes>"
    if len(body) > _MAX_BODY:
        return {}
    if body.lstrip()[:1] == b"{":
        return _told(member, _json(body))
    try:
        document = ElementTree.fromstring(body)  # noqa: S314  # nosec B314 - requests of our own clients, on the loopback
    except ElementTree.ParseError:
        return {}
    return _told(member, _from_xml(member, document))


def _from_xml(shape: Any, node: ElementTree.Element) -> Any:
    children: dict[str, list[ElementTree.Element]] = {}
    for child in node:
        children.setdefault(child.tag.rpartition("}")[2], []).append(child)
    if shape.type_name == "structure":
        pairs = {}
        for name, member in shape.members.items():
            nodes = children.get(member.serialization.get("name", name), [])
            if member.type_name == "list" and member.serialization.get("flattened") and nodes:
                pairs[name] = [_from_xml(member.member, each) for each in nodes]
            elif nodes:
                pairs[name] = _from_xml(member, nodes[0])
        return pairs
    if shape.type_name == "list":
        return [_from_xml(shape.member, each) for each in node]
    return _scalar(shape, node.text or "")


# --- telling without the data -----------------------------------------------------------------------------------------


def _told(shape: Any, value: Any, name: str = "") -> Any:
    """`value` with data replaced by its length; what does not fit its shape stays, for the walker to find."""
    if shape is None:
        return value if not isinstance(value, dict) else dict.fromkeys(value, "?")
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        data = "AttributeValue" if shape.name == "AttributeValue" else ""
        known = shape.members
        return {key: _told(known.get(key), item, data or key) if key in known else item for key, item in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_told(shape.member, item, name) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _told(shape.value, item, name) for key, item in value.items()}
    if kind == "blob":
        return f"<{len(value) if isinstance(value, str | bytes) else 0} bytes>"
    if name in _DATA and isinstance(value, str) and kind == "string" and not getattr(shape, "enum", None):
        return f"<{len(value)} characters>"
    return value

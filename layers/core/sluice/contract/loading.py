"""Reads project.yaml and says what is wrong in the person's own terms."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from sluice.contract.consistency import violations
from sluice.contract.hints import in_own_words, nearest
from sluice.contract.models import Contract
from sluice.contract.yaml_text import DuplicateKeyError, read_yaml
from sluice.errors import ContractError


def load_contract(text: str | bytes, *, source: str = "project.yaml", project: str | None = None) -> Contract:
    """The contract in `text` (YAML).

    Raises ContractError with one line per mistake: where it is (dotted key), what is wrong, the nearest known key.
    `project`, when given, is the name in the S3 key, and the contract must say the same.
    """
    try:
        raw = read_yaml(text)
    except DuplicateKeyError as error:
        raise ContractError(f"{source}: {error}") from None
    except UnicodeDecodeError as error:
        raise ContractError(f"{source}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.reader.ReaderError as error:
        raise ContractError(f"{source}: byte {error.position} is not UTF-8 text; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise ContractError(f"{source}:{where} this is not YAML: {problem}") from None
    except RecursionError:
        raise ContractError(
            f"{source}: this is not a contract: its lists or mappings are nested too deeply to be read; `sluice init "
            "data.csv` writes a first contract"
        ) from None
    if raw is None:
        raise ContractError(f"{source}: the file is empty; `sluice init data.csv` writes a first contract")
    if not isinstance(raw, dict):
        raise ContractError(f"{source}: a contract is a mapping with the keys {', '.join(Contract.model_fields)}")
    if "gates" in raw and raw["gates"] is None:
        raw["gates"] = []
    try:
        contract = Contract.model_validate(raw)
    except ValidationError as error:
        lines = [_describe(item) for item in _one_for_each_key(error.errors())]
        raise ContractError(f"{source}: " + "\n".join(lines)) from None
    # here and not in the models: a run continues with its frozen contract, and old ones may break newer rules
    if found := violations(contract):
        raise ContractError(f"{source}: " + "\n".join(found))
    if project is not None and contract.project != project:
        raise ContractError(f"{source}: project is {contract.project!r}, but the file lies in projects/{project}/")
    return contract


def schema() -> dict[str, Any]:
    """The JSON Schema of a contract, for editors."""
    return Contract.model_json_schema()


def _one_for_each_key(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """`errors`, with one in place of those that pydantic has for each form that a value may have (a number, or auto).

    The others would contradict each other, and their places end with pydantic's name of the form.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, item in enumerate(errors):
        *path, last = item["loc"] or ("",)
        form = isinstance(last, str) and last.startswith(("constrained-", "literal["))
        key = tuple(path) if form else (number, *item["loc"])
        if not form or key not in found:
            found[key] = {**item, "loc": tuple(path) if form else item["loc"]}
            continue
        known = found[key]
        known["msg"] = f"{known['msg']}, or {item['msg'].removeprefix('Input should be ')}"
        if item["type"] == "literal_error":
            both = [each["ctx"]["expected"] for each in (known, item) if each["type"] == "literal_error"]
            known |= {"type": "literal_error", "ctx": {"expected": ", ".join(both)}}
    return list(found.values())


def _describe(item: Any) -> str:
    path = [str(part) for part in item["loc"]]
    where = ".".join(path) or "the contract"
    if item["type"] == "extra_forbidden":
        known = _fields_at(item["loc"][:-1])
        hint = nearest(path[-1], known) or (f"; known keys: {', '.join(known)}" if known else "")
        return f"{where}: unknown key {path[-1]!r}{hint}"
    if item["type"] == "missing":
        return f"{where}: this key is required"
    message = in_own_words(item["msg"])
    value = item.get("input")
    if item["type"] == "literal_error" and isinstance(value, str):
        choices = [part.strip(" '") for part in item["ctx"]["expected"].replace(" or ", ", ").split(",")]
        message += f", got {value!r}{nearest(value, choices)}"
    elif isinstance(value, str | int | float | bool) and item["type"] != "value_error":
        message += f", got {value!r}"
    return f"{where}: {message}"


def _fields_at(location: tuple[Any, ...]) -> list[str]:
    """Names of the fields that the model at `location` has."""
    annotation: Any = Contract
    for part in location:
        annotation = _step(annotation, part)
        if annotation is None:
            return []
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    return []


def _step(annotation: Any, part: Any) -> Any:
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = typing.get_args(annotation)
    return arguments[-1] if arguments else None


def _plain(annotation: Any) -> Any:
    """`annotation` without `| None` and `Annotated`."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (typing.Union, types.UnionType):
            annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
        else:
            return annotation

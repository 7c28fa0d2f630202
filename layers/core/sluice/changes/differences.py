"""What a new version of a contract changes for rows that are accepted already, by the two contracts alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.contract import Contract

Json = dict[str, Any]
LIMITS = ("min", "max", "values", "nullable")


@dataclass(frozen=True)
class Differences:
    """`columns`: those whose accepted values are read otherwise now. `limits`: those with other limits than before."""

    sentences: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    limits: frozenset[str] = frozenset()
    positive: bool = False
    key: bool = False

    def __bool__(self) -> bool:
        return bool(self.sentences)


def differences(old: Json, contract: Contract) -> Differences:
    """What `contract` changes for accepted rows; falsy when nothing. `old` is the contract before, as plain JSON.

    Gates, training, release and monitoring are not part of it: they change nothing for the rows.
    """
    new = contract.model_dump(mode="json")
    before, after = old["data"].get("columns") or {}, new["data"]["columns"]
    added, removed = [name for name in after if name not in before], [name for name in before if name not in after]
    told = [f"column {name!r} is new" for name in added]
    told += [f"column {name!r} is no longer in the contract" for name in removed]
    told += _renamed(before, after, added, removed)
    columns, limits = {*added, *removed}, set()
    for name in after:
        if name not in before:
            continue
        one, two = before[name], after[name]
        if one["type"] != two["type"]:
            told.append(f"column {name!r} is {two['type']} instead of {one['type']}")
            columns.add(name)
        if _markers(old, one) != _markers(new, two):
            told.append(f"column {name!r} has other missing markers")
            columns.add(name)
        if any(one.get(each) != two.get(each) and _tighter(each, two.get(each)) for each in LIMITS):
            told.append(f"column {name!r} has other limits")
            limits.add(name)
    roles, concerned = _roles(old, new)
    columns |= concerned
    positive = _of(old, "problem", "positive") != new["problem"]["positive"]
    if positive:
        told.append(f"problem.positive is {_shown(new['problem']['positive'])} instead of "
                    f"{_shown(_of(old, 'problem', 'positive'))}")  # fmt: skip
    key = list(old["data"].get("key") or []) != new["data"]["key"]
    return Differences((*told, *roles), frozenset(columns), frozenset(limits), positive, key)


SPLIT_AGAIN = "; rows are split again, and test rows that the champion was trained on are left out beside it"


def _roles(old: Json, new: Json) -> tuple[list[str], set[str]]:
    """Sentences on the problem, target, key, time, split and duplicates; and the columns with a new part in them."""
    told: list[str] = []
    concerned: set[str] = set()
    for section, name in (("problem", "type"), ("problem", "target"), ("data", "time"), ("data", "duplicates")):
        one, two = _of(old, section, name), _of(new, section, name)
        if name == "duplicates":
            one = one or "keep"  # contracts of before this key
        if one != two:
            told.append(f"{section}.{name} is {_shown(two)} instead of {_shown(one)}")
            concerned |= {two} if name in ("target", "time") and two else set()
    one, two = old["data"].get("key") or [], new["data"]["key"]
    if list(one) != two:
        told.append(f"data.key is {', '.join(two) or 'none'} instead of {', '.join(one) or 'none'}{SPLIT_AGAIN}")
        concerned |= set(two) - set(one)
    one, two = _of(old, "data", "split", "by") or "random", new["data"]["split"]["by"]
    if one != two:
        told.append(f"data.split.by is {two} instead of {one}{SPLIT_AGAIN}")
        concerned |= {new["data"]["time"]} if two == "time" else set()
    one, two = _of(old, "data", "split", "group") or [], _of(new, "data", "split", "group") or []
    if one != two:
        told.append(
            f"data.split.group is {', '.join(two) or 'none'} instead of {', '.join(one) or 'none'}{SPLIT_AGAIN}"
        )
    return told, concerned


def _renamed(before: Json, after: Json, added: list[str], removed: list[str]) -> list[str]:
    """One new column and one that is gone, of one type, look like a new name."""
    pairs = [(gone, new) for gone in removed for new in added if before[gone]["type"] == after[new]["type"]]
    if len(pairs) != 1:
        return []
    gone, new = pairs[0]
    return [
        f"if {new!r} is {gone!r} under a new name: a column is known by its name alone, so keep the name, or drop the "
        "files again with the new one"
    ]


def _tighter(limit: str, value: Any) -> bool:
    """Whether a limit of this value can refuse anything."""
    return value is False if limit == "nullable" else value is not None


def _markers(contract: Json, column: Json) -> list[str]:
    own = column.get("missing")
    return sorted(((contract["data"].get("format") or {}).get("missing") or []) if own is None else own)


def _of(contract: Json, *path: str) -> Any:
    found: Any = contract
    for part in path:
        found = (found or {}).get(part)
    return found


def _shown(value: Any) -> str:
    """
    >>> _shown(True), _shown("churned"), _shown(None)
    ('true', 'churned', 'none')
    """
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

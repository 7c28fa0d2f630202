"""What a request leaves out or misspells, beside the contract: the model answers anyway."""

from __future__ import annotations

from typing import Any

from sluice.contract import Contract
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.model.values import category_text

_SHOWN = 5


def notes(contract: Contract, record: dict[str, Any]) -> list[str]:
    """Sentences on one record: fields that the model does not use, features that are missing, unknown categories."""
    features = contract.feature_columns
    others = contract.data.columns.keys() - set(features)
    unknown = [visible(name) for name in record if name not in features and name not in others]
    # the key names the row, and a row of a file may have its label with it
    expected = {*contract.data.key, contract.problem.target}
    unused = [visible(name) for name in record if name in others - expected]
    missing = [visible(name) for name in features if record.get(name) in (None, "")]
    found = []
    if unknown:
        found.append(f"not in the contract, so not used: {listed(unknown, _SHOWN)}")
    if unused:
        found.append(f"in the contract, but not among the model's features, so not used: {listed(unused, _SHOWN)}")
    if missing:
        found.append(
            f"{len(missing)} of {len(features)} features are missing (read as empty cells): {listed(missing, _SHOWN)}"
        )
    for name in features:
        column, value = contract.data.columns[name], record.get(name)
        if column.type != "category" or not column.values or value in (None, "") or isinstance(value, dict | list):
            continue
        known = [category_text(each) for each in column.values]
        if category_text(value) not in known:
            allowed = listed([visible(each) for each in known], _SHOWN)
            found.append(f"{visible(name)}: {visible(str(value))!r} is not one of the contract's values ({allowed})")
    return found

"""A profile that is still being counted, as JSON: one function counts a part of a table, another one adds the parts."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from sluice.profile.distinct import Distinct
from sluice.profile.numbers import Moments, Numbers
from sluice.profile.profiler import ColumnProfile, Profiler
from sluice.profile.quantiles import Quantiles

_KINDS = {each.__name__: each for each in (Profiler, ColumnProfile, Numbers, Quantiles, Moments, Distinct)}


def kept(profiler: Profiler) -> Any:
    """Every member of the profiler and of what it counts with; floats keep their last digit."""
    return _told(profiler)


def restored(told: Any) -> Profiler:
    """What `kept` was given."""
    found = _made(told)
    if not isinstance(found, Profiler):
        raise ValueError("this is not a kept profile")
    return found


def _told(value: Any) -> Any:
    if isinstance(value, Distinct):
        # only the smallest hashes are left then
        value.settle()
    if type(value).__name__ in _KINDS:
        return {"is": type(value).__name__, "of": {name: _told(each) for name, each in vars(value).items()}}
    if isinstance(value, np.ndarray):
        return {"is": "array", "of": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
    if isinstance(value, dict):
        return {"is": "dict", "of": [[_told(key), _told(each)] for key, each in value.items()]}
    if isinstance(value, tuple):
        return {"is": "tuple", "of": [_told(each) for each in value]}
    if isinstance(value, list):
        return [_told(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a profile counts with {type(value).__name__}: add it to sluice.profile.kept")


def _made(told: Any) -> Any:
    if isinstance(told, list):
        return [_made(each) for each in told]
    if not isinstance(told, dict):
        return told
    kind, of = told["is"], told["of"]
    if kind == "array":
        return np.frombuffer(base64.b64decode(of[1]), np.dtype(of[0])).copy()
    if kind == "dict":
        return {_made(key): _made(each) for key, each in of}
    if kind == "tuple":
        return tuple(_made(each) for each in of)
    made = object.__new__(_KINDS[kind])
    vars(made).update({name: _made(each) for name, each in of.items()})
    return made

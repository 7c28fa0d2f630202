"""A CatBoost model in its JSON form → node arrays, with its tables of categories as columns over category codes.

A level of a tree asks one question: is a number above a border, is a category a certain one, or is a statistic of the
category above a border. The last two are columns of their own, whose values are looked up by the code of the category
(`sluice.model.category_columns`); to the trees all questions are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from families import float32
from families.base import Arrays, Meta
from families.node_tables import Tree, flatten

_MULTIPLIER = 0x4906BA494954CB65
_WHOLE = (1 << 64) - 1


def exported(
    model: Mapping[str, Any], output: str, width: int, numbers: Sequence[int], states: Mapping[int, int]
) -> tuple[Arrays, Meta]:
    """Arrays and meta data of the scorer.

    `numbers`: the matrix column of each number that CatBoost was given; `states`: column of codes → number of states.
    Raises NotImplementedError for statistics of a kind that is not known here.
    """
    features = model["features_info"]
    hashes = {int(each["value"]): int(each["hash"]) for each in features.get("cat_features_hash") or ()}
    codes = list(states.items())
    questions = _questions(features)
    found: dict[Any, tuple[int, int, np.ndarray]] = {}

    def looked_up(key: Any, feature: int, values: Callable[[int], np.ndarray]) -> int:
        """The column of the values of each state of a category feature; `values` is given the number of states."""
        if key not in found:
            column, count = codes[feature]
            found[key] = width + len(found), column, values(count)
        return found[key][0]

    def test(split: Mapping[str, Any]) -> tuple[int, float]:
        """The column and the threshold of a question."""
        if split["split_type"] == "FloatFeature":
            return numbers[split["float_feature_index"]], float(float32.at_most(np.array(split["border"])))
        if split["split_type"] == "OneHotFeature":
            feature, value = split["cat_feature_index"], split["value"] & 0xFFFFFFFF
            return looked_up((feature, value), feature, partial(_is_one, value, hashes)), 0.5
        place = questions[split["split_index"]]
        statistic = features["ctrs"][place]
        if len(statistic["elements"]) != 1:
            raise NotImplementedError("statistics of several categories together are not exported")
        feature = statistic["elements"][0]["cat_feature_index"]
        values = partial(_statistic, statistic, model["ctr_data"][statistic["identifier"]], hashes)
        return looked_up(place, feature, values), float(np.float32(split["border"]))

    scale, bias = model["scale_and_bias"]
    outputs = len(bias)
    trees = []
    for tree in model["oblivious_trees"]:
        tests = [test(split) for split in tree.get("splits") or ()]
        values = np.array(tree["leaf_values"], dtype=np.float64).reshape(-1, outputs) * scale
        trees.append(_tree(tests, values if outputs > 1 else values[:, 0]))
    # it is added after all trees, as CatBoost does: a tree of a single leaf
    trees.append(_tree([], np.array([bias] if outputs > 1 else bias, dtype=np.float64)))
    arrays, depth = flatten(trees)
    arrays["start"] = np.zeros(outputs)
    meta = {"scorer": "boosting", "output": output, "width": width + len(found), "depth": depth}
    if found:
        meta["scorer"] = "category_boosting"
        sizes = np.array([len(values) for _, _, values in found.values()])
        arrays |= {
            "lookup_code": np.array([code for _, code, _ in found.values()], dtype=np.int32),
            "lookup_size": sizes.astype(np.int32),
            "lookup_value": np.concatenate([values for _, _, values in found.values()]),
        }
    return arrays, meta


def _questions(features: Mapping[str, Any]) -> dict[int, int]:
    """Number of a question about a statistic → the statistic's place. All questions about numbers come first, then
    those about single categories."""
    first = sum(len(each.get("borders") or ()) for each in features.get("float_features") or ())
    first += sum(len(each.get("values") or ()) for each in features.get("categorical_features") or ())
    found: dict[int, int] = {}
    for place, statistic in enumerate(features.get("ctrs") or ()):
        for _ in statistic["borders"]:
            found[first + len(found)] = place
    return found


def _is_one(value: int, hashes: Mapping[int, int], states: int) -> np.ndarray:
    """1 for the state of the category with the hash `value`, else 0."""
    return np.array([hashes.get(state) == value for state in range(states)], dtype=np.float32)


def _statistic(
    statistic: Mapping[str, Any], table: Mapping[str, Any], hashes: Mapping[int, int], states: int
) -> np.ndarray:
    """The statistic of each state, (states,), in 32 bits as CatBoost computes it; an unknown category counts 0 rows.

    Source: CatBoost's `TModelCtr::Calc` and `TStaticCtrProvider::CalcCtrs`.
    """
    stride = int(table["hash_stride"])
    rows = table["hash_map"]
    counts = {int(rows[at]): rows[at + 1 : at + stride] for at in range(0, len(rows), stride)}
    found = np.zeros((states, stride - 1), dtype=np.int64)
    for state in range(states):
        if state in hashes:
            found[state] = counts.get(_key(hashes[state]), 0)
    if statistic["ctr_type"] == "Borders":
        good = found[:, int(statistic["target_border_idx"]) + 1 :].sum(axis=1)
        whole = found.sum(axis=1)
    elif statistic["ctr_type"] == "Counter":
        good, whole = found[:, 0], np.full(states, int(table["counter_denominator"]))
    else:
        raise NotImplementedError(f"statistics of the kind {statistic['ctr_type']} are not exported")
    prior, more, shift, scale = (
        np.float32(statistic[name]) for name in ("prior_numerator", "prior_denomerator", "shift", "scale")
    )
    share = (good.astype(np.float32) + prior) / (whole.astype(np.float32) + more)
    values: np.ndarray = (share + shift) * scale
    return values


def _key(value: int) -> int:
    """CatBoost's key of a single category in its tables, from the category's hash of 32 bits (with a sign)."""
    signed = value - (1 << 32) if value >= 1 << 31 else value
    return _MULTIPLIER * (_MULTIPLIER * (signed & _WHOLE) & _WHOLE) & _WHOLE


def _tree(tests: Sequence[tuple[int, float]], values: np.ndarray) -> Tree:
    """Level by level; the bit i of a leaf's number is the answer to question i."""
    left, right, level = _shape(len(tests))
    inner = len(level)
    feature = np.array([column for column, _ in tests], dtype=np.int64)
    threshold = np.array([limit for _, limit in tests], dtype=np.float64)
    nothing = np.zeros(len(values))
    return Tree(
        np.concatenate([feature[level], nothing]),
        np.concatenate([threshold[level], nothing]),
        left,
        right,
        # a missing number is above no border, and a column of look-ups has none
        np.concatenate([np.ones(inner), nothing]),
        np.concatenate([np.zeros((inner, *values.shape[1:])), values]),
    )


@cache
def _shape(depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right children of a complete tree, and the level of each inner node."""
    inner = (1 << depth) - 1
    level = np.repeat(np.arange(depth), 1 << np.arange(depth))
    place = np.arange(inner) - ((1 << level) - 1)
    leaves = np.arange(inner, 2 * inner + 1)
    left = (1 << (level + 1)) - 1 + place
    return np.concatenate([left, leaves]), np.concatenate([left + (1 << level), leaves]), level

"""Metric math: a safe subset of CloudWatch's expression language, parsed by Python's own parser and walked by hand.

A series maps period numbers (consecutive periods differ by one) to values; a period without a value is missing.
What is outside the subset raises `UnsupportedExpression`, whose message lists what there is.
"""

from __future__ import annotations

import ast
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Series = dict[int, float]
Value = float | Series | list[Series]

AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
POINTWISE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
FUNCTIONS = (*AGGREGATES, *POINTWISE, "IF", "FILL", "RATE", "METRICS")
OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.BitXor: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class UnsupportedExpression(ValueError):  # noqa: N818 (says what it is)
    """The expression is wrong or uses what the local cloud does not know."""


def parse(expression: str) -> ast.expr:
    """The tree of an expression; every name, function and operator in it is known to be allowed."""
    text = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", expression.strip()))
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise UnsupportedExpression(f"Unsupported metric math {expression!r}: {error.msg}") from error
    _check(tree, expression)
    return tree


def names(tree: ast.expr) -> set[str]:
    """Identifiers of other queries that an expression reads."""
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called}
    return found - {"REPEAT", "LINEAR"}


def uses_all_metrics(tree: ast.expr) -> bool:
    """Whether METRICS() occurs: the expression then reads every plain metric of the request."""
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "METRICS" for n in ast.walk(tree)
    )


def _check(node: ast.expr, expression: str) -> None:
    children: Iterable[ast.expr]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        children = (node.left, node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        children = (node.left, node.comparators[0])
    elif isinstance(node, ast.BoolOp):
        children = node.values
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        children = (node.operand,)
    elif isinstance(node, ast.List):
        children = node.elts
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        counts = {"IF": (2, 3), "FILL": (2, 2), "METRICS": (0, 0)}
        low, high = counts.get(node.func.id, (1, 1))
        if node.keywords or not low <= len(node.args) <= high:
            raise UnsupportedExpression(f"Wrong number of arguments of {node.func.id} in {expression!r}")
        children = node.args
    elif (isinstance(node, ast.Constant) and type(node.value) in (int, float)) or isinstance(node, ast.Name):
        children = ()
    else:
        raise UnsupportedExpression(
            f"Metric math {expression!r} is not supported by the local cloud at {ast.unparse(node)!r}; known: "
            f"numbers, identifiers, + - * / ^, comparisons, AND, OR, lists, {', '.join(FUNCTIONS)}"
        )
    for child in children:
        _check(child, expression)


@dataclass(frozen=True)
class Evaluator:
    """Evaluates expressions over `grid`, the period numbers in view; `period` is in seconds, for RATE."""

    series: Mapping[str, Series]
    metrics: tuple[str, ...]
    grid: range
    period: float

    def evaluate(self, tree: ast.expr) -> Series:
        """The expression as a series; a bare number becomes a constant one."""
        value = self._value(tree)
        if isinstance(value, list):
            raise UnsupportedExpression("An expression must give one time series, not a list of them")
        return value if isinstance(value, dict) else dict.fromkeys(self.grid, value)

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name):
            if node.id not in self.series:
                raise UnsupportedExpression(f"Expression reads {node.id!r}, which no query of the request defines")
            return self.series[node.id]
        if isinstance(node, ast.List):
            return [self._series(each) for each in node.elts]
        if isinstance(node, ast.UnaryOp):
            return _combine(operator.mul, -1.0, self._single(node.operand))
        if isinstance(node, ast.BinOp):
            return _combine(OPERATORS[type(node.op)], self._single(node.left), self._single(node.right))
        if isinstance(node, ast.Compare):
            operands = self._single(node.left), self._single(node.comparators[0])
            return _combine(OPERATORS[type(node.ops[0])], *operands)
        if isinstance(node, ast.BoolOp):
            both = isinstance(node.op, ast.And)
            value = self._single(node.values[0])
            for each in node.values[1:]:
                value = _combine(lambda a, b: (a and b) if both else (a or b), value, self._single(each))
            return _combine(lambda a, _: bool(a), value, 1.0)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, node.args)
        raise UnsupportedExpression(f"Unsupported metric math {ast.unparse(node)!r}")

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return [self.series[each] for each in self.metrics]
        if name in AGGREGATES:
            return _aggregate(AGGREGATES[name], self._value(arguments[0]))
        if name in POINTWISE:
            function = POINTWISE[name]
            return _combine(lambda a, _: function(a), self._single(arguments[0]), 0.0)
        if name == "IF":
            return self._if(*arguments)
        if name == "FILL":
            return self._fill(self._series(arguments[0]), arguments[1])
        series = self._series(arguments[0])
        ordered = sorted(series)
        return {
            later: (series[later] - series[earlier]) / (self.period * (later - earlier))
            for earlier, later in itertools.pairwise(ordered)
        }

    def _if(self, condition: ast.expr, then: ast.expr, otherwise: ast.expr | None = None) -> Series:
        tests, yes = self._series(condition), self._series(then)
        no = self._series(otherwise) if otherwise is not None else {}
        chosen = {at: (yes if tests[at] else no).get(at) for at in tests}
        return {at: value for at, value in chosen.items() if value is not None}

    def _fill(self, series: Series, how: ast.expr) -> Series:
        if isinstance(how, ast.Name) and how.id == "LINEAR":
            raise UnsupportedExpression("FILL(..., LINEAR) is not supported by the local cloud; use REPEAT or a number")
        if isinstance(how, ast.Name) and how.id == "REPEAT":
            filled: Series = {}
            last: float | None = None
            for at in self.grid:
                last = series.get(at, last)
                if last is not None:
                    filled[at] = last
            return filled
        return {**self._series(how), **series}

    def _series(self, node: ast.expr) -> Series:
        value = self._single(node)
        return value if isinstance(value, dict) else dict.fromkeys(self.grid, value)

    def _single(self, node: ast.expr) -> float | Series:
        value = self._value(node)
        if isinstance(value, list):
            raise UnsupportedExpression(f"{ast.unparse(node)!r} is a list of time series where one is expected")
        return value


def _combine(function: Callable[[float, float], float], left: float | Series, right: float | Series) -> float | Series:
    """Pointwise; a period missing on either side, or divided by zero, is missing in the result."""
    if isinstance(left, dict) or isinstance(right, dict):
        shared = set.intersection(*(set(side) for side in (left, right) if isinstance(side, dict)))
        result: Series = {}
        for at in sorted(shared):
            a = left[at] if isinstance(left, dict) else left
            b = right[at] if isinstance(right, dict) else right
            try:
                result[at] = float(function(a, b))
            except (ZeroDivisionError, OverflowError):
                continue
        return result
    try:
        return float(function(left, right))
    except (ZeroDivisionError, OverflowError) as error:
        raise UnsupportedExpression(f"The expression divides {left} by zero or overflows") from error


def _aggregate(function: Callable[[list[float]], float], value: Value) -> float | Series:
    """Over a list of series: for each period. Over one series: a single number."""
    if isinstance(value, list):
        periods = sorted({at for series in value for at in series})
        return {at: function([series[at] for series in value if at in series]) for at in periods}
    if isinstance(value, dict):
        return function(list(value.values())) if value else {}
    return value

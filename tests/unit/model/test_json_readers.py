"""A request is answered alike whether orjson is there or not: a container need not have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.learn import inference
from sluice.model.model import Model
from tests.unit.model import test_requests, test_table_rows

MODELS = [*test_table_rows.MODELS, *test_requests.MODELS]
JSON = "application/json"

number = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")
literals = "NaN Infinity -Infinity -0 -0.0 01 1. .5 +1 1e 1e400 -1e400 1e-400 3.0e38 3.1e38 [] {} true null nul ''"
integers = [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**400]
texts = ['"', '""', '"a"', r'"\u0061"', r'"\ud800"', r'"\ud83d\ude00"', '"\n"', '"\t"', '"\ufeff"', "\u00a01", "1 \t"]
odd = st.sampled_from([*literals.split(), *map(str, integers), *texts, "[" * 5000, "[" * 5000 + "]" * 5000])
field = st.tuples(st.sampled_from(["n", "i", "b", "c", "m", "d", "unknown", "instances"]), number | odd)
one = st.lists(field.map(lambda pair: f'"{pair[0]}": {pair[1]}'), max_size=7).map(
    lambda pairs: f"{{{', '.join(pairs)}}}"
)
many = st.lists(one, max_size=12).map(lambda rows: f'{{"instances": [{",".join(rows)}]}}')
document = one | many | odd


def asked(served: Model, text: str, reader: Any) -> tuple[int, Any]:
    """The answer without its id, which is always another one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "orjson", reader)
        status, answer = test_requests.ask(served, text, JSON, JSON)
    found = json.loads(answer)
    found.pop("inference_id", None)
    return status, found


@given(document, st.sampled_from(["", "\ufeff", " ", "\n"]), st.sampled_from(["", " ", "x", "\u2028"]),
       st.sampled_from(MODELS))  # fmt: skip
def test_a_request_is_answered_alike_with_and_without_orjson(text: str, before: str, after: str, served: Model) -> None:
    text = before + text + after
    assert asked(served, text, inference.orjson) == asked(served, text, None)


@pytest.mark.parametrize("depth", [350, 450, 900, 960, 980, 1000, 1023, 1024, 5000])
def test_so_is_one_that_nests_deeply(depth: int) -> None:
    text = f'{{"n": 1, "unknown": {depth * "["}{depth * "]"}}}'
    assert asked(MODELS[0], text, inference.orjson) == asked(MODELS[0], text, None)


@given(many | one, st.data())
def test_so_is_a_broken_one(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.text(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    assert asked(MODELS[0], text, inference.orjson) == asked(MODELS[0], text, None)


@given(number)
def test_a_number_is_the_same_to_both(text: str) -> None:
    try:
        value = inference.orjson.loads(text)
    except ValueError:
        assume(False)
    assert float(value).hex() == float(json.loads(text)).hex() or value == json.loads(text) == 0


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_written_so_that_they_read_the_same(values: list[float]) -> None:
    texts = inference._numbers(values)
    assert [float(text).hex() for text in texts] == [value.hex() for value in values]
    assert json.loads(f"[{','.join(texts)}]") == values


def test_plain_requests_are_read_by_orjson() -> None:
    assert inference._plain('{"n": 1.5, "c": "a"}', MODELS[0]) is not None

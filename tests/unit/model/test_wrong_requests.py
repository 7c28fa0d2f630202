"""Requests as people send them by mistake: each is refused in words that lead to the right one."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_requests import ask, model

from jobs.learn import inference
from serving_container.user_code import as_answer
from sluice.model.model import Model
from sluice.model.schema import Schema
from tests.unit.model.test_table_rows import MODELS

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"
SHOP = model({"pages_viewed": "integer", "channel": "category", "member": "boolean"})
TEXTS = model({"branch": "category", "member": "category", "plan": "category"})
TABLES = MODELS[0]  # plain JSON goes straight to its tables
IN_TABLES = {"pages_viewed": "i", "channel": "c", "member": "b"}
ROW = {"pages_viewed": 9, "channel": "ads"}

WRONG: list[tuple[Model, Any, str, str]] = [
    # names in another spelling
    (SHOP, {"pagesViewed": 9, "cartAdditions": 2}, JSON, "'pagesViewed' (did you mean 'pages_viewed'?)"),
    (SHOP, {"PAGES_VIEWED": 9, "CHANNEL": "ads"}, JSON, "'CHANNEL' (did you mean 'channel'?)"),
    (SHOP, {"PagesViewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {"pages-viewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {"pages viewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {" pages_viewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {"pages.viewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {"page_viewed": 9}, JSON, "did you mean 'pages_viewed'?"),
    (SHOP, {"chanel": "ads"}, JSON, "did you mean 'channel'?"),
    (SHOP, {"": 1}, JSON, "found ''"),
    (SHOP, {"foo": 1, "bar": None}, JSON, "found 'foo', 'bar'; the features are 'pages_viewed', 'channel', 'member'"),
    # wrapped
    (SHOP, {"inputs": [ROW]}, JSON, "'inputs' holds a list: send one object"),
    (SHOP, {"data": ROW}, JSON, "'data' holds an object: send one object"),
    (SHOP, {"records": [ROW]}, JSON, '{"instances": [object, ...]}'),
    (SHOP, {"dataframe_records": [ROW]}, JSON, "'dataframe_records' holds a list"),
    (SHOP, {"dataframe_split": {"columns": [], "data": []}}, JSON, "'dataframe_split' holds an object"),
    (SHOP, {"features": ROW}, JSON, "'features' holds an object"),
    (SHOP, {"instance": ROW}, JSON, "'instance' holds an object"),
    (SHOP, {"Instances": [ROW]}, JSON, "'Instances' holds a list"),
    (SHOP, {"instances": [{"features": ROW}]}, JSON, "record 1: no field"),
    (SHOP, {"instances": ROW}, JSON, "'instances' must be a list"),
    (SHOP, [ROW], JSON, "the body is a list: send one object"),
    (SHOP, [9, "ads"], JSON, "the body is a list: send one object"),
    (SHOP, {"instances": [[9, "ads"]]}, JSON, "record 1: a row must be an object"),
    (SHOP, "text", JSON, "the body is not an object: send one object"),
    (SHOP, None, JSON, "the body is not an object: send one object"),
    # one record among several
    (SHOP, {"instances": [ROW, {"Channel": "ads"}]}, JSON, "record 2: no field"),
    (SHOP, {"instances": [ROW] * 20 + [{"Channel": "ads"}]}, JSON, "record 21: no field"),
    (SHOP, {"instances": [ROW, {"pages_viewed": "many"}]}, JSON, "record 2: field 'pages_viewed' must be an integer"),
    (SHOP, {"instances": [ROW, 3]}, JSON, "record 2: a row must be an object"),
    (SHOP, '{"PAGES_VIEWED": 9}\n{"PAGES_VIEWED": 1}\n', LINES, "record 1: no field"),
    (SHOP, '{"pages_viewed": 1}\n{broken\n{"pages_viewed": 2}\n', LINES, "record 2 is not JSON at line 2, column 2"),
    (SHOP, '\n{"pages_viewed": 1}\n\n{broken\n', LINES, "record 2 is not JSON at line 4, column 2"),
    (SHOP, '{"pages_viewed": 1}\n{"member": "perhaps"}\n', LINES, "record 2: field 'member' must be a boolean"),
    (SHOP, '{"pages_viewed": 1}\n[1]\n', LINES, "record 2: a row must be an object"),
    (SHOP, '{"pages_viewed": 1}\n{"pages_viewed": 2}\n', JSON, "one a line, as application/jsonlines"),
    # CSV
    (TEXTS, "plan,member,branche\nfree,True,3.0\npro,False,1.0\n", CSV, "'branche' (did you mean 'branch'?)"),
    (TEXTS, "Plan,Member,Branch\nfree,True,3\n", CSV, "'Plan' (did you mean 'plan'?)"),
    (TEXTS, "plan, member, branch\nfree,True,3\n", CSV, "' member' (did you mean 'member'?)"),
    (TEXTS, "branche,membre,plann\na,b,c\n", CSV, "did you mean 'branch'?"),
    (TEXTS, "plan,member,branch,extra\na,b,c,d\n", CSV, "'extra'"),
    (TEXTS, "plan,colour\na,b\n", CSV, "'colour'"),
    (TEXTS, "plan,plan,member\na,b,c\n", CSV, "names the column 'plan' twice"),
    (TEXTS, "plan;member;branch\na;b;c\n", CSV, "separated by ';'; separate them by commas"),
    (TEXTS, "plan\tmember\tbranch\na\tb\tc\n", CSV, "separate them by commas"),
    (TEXTS, "x,y,z\na,b,c\n", f"{CSV}; header=present", "no column of the CSV header is a feature"),
    (TEXTS, "a,b,c\n", f"{CSV}; header=maybe", "is present or absent, not 'maybe'"),
    (TEXTS, "a,b,c\n1,2\n", CSV, "record 2 has 2 fields where 3 are expected"),
    (TEXTS, "a,b\n", CSV, "record 1 has 2 fields where 3 are expected"),
    (SHOP, "pages_viewed,chanel,member\n1,ads,true\n", CSV, "'chanel' (did you mean 'channel'?)"),
    (SHOP, "alpha,beta,gamma\n1,ads,true\n", CSV, "the first line is a header, but"),
    (SHOP, "9,ads,true\nx,ads,true\n", CSV, "record 2, column 'pages_viewed': not a valid integer"),
]


@pytest.mark.parametrize(("served", "body", "kind", "told"), WRONG)
def test_a_wrong_request_is_refused_in_words_that_help(served: Model, body: Any, kind: str, told: str) -> None:
    status, text = ask(served, body if isinstance(body, str) and kind != JSON else _json(body), kind, JSON)
    assert status == 400, text
    assert told in json.loads(text)["error"]


def _json(body: Any) -> str:
    return body if isinstance(body, str) and body.startswith("{") else json.dumps(body)


def test_a_refusal_is_bounded_and_carries_no_value_and_no_control_character() -> None:
    fields = {f"\x1b\n{number}{'x' * 5_000}": "secret" for number in range(500)}
    _, text = ask(SHOP, json.dumps(fields), JSON, JSON)
    message = json.loads(text)["error"]
    assert len(message) < 1_500
    assert "and 492 more" in message
    assert "secret" not in message
    assert message.isprintable()


def test_a_column_that_is_no_feature_is_not_enough() -> None:
    served = model({"n": "number", "id": "text"}, ("n",))
    status, text = ask(served, '{"id": "a"}', JSON, JSON)
    assert (status, "'id' (a column, but not a feature)" in text) == (400, True)
    assert ask(served, '{"id": "a", "n": 1}', JSON, JSON)[0] == 200


@pytest.mark.parametrize(
    ("body", "kind", "rows"),
    [
        ("free,yes,3\n", CSV, 1),
        ("branch,member,plan\n3,yes,free\n", CSV, 1),
        ("plan,member\nfree,yes\n", CSV, 1),
        ("branch,member,plan\n", f"{CSV}; header=absent", 1),
        ("plan,member,branche\n3,yes,free\n", f"{CSV}; header=absent", 2),
        ("plan,member,branche\n3,yes,free\n", f'{CSV}; Header="Present"', 1),
    ],
)
def test_csv_with_and_without_a_header(body: str, kind: str, rows: int) -> None:
    status, text = ask(TEXTS, body, kind, JSON)
    assert status == 200, text
    assert len(json.loads(text)["predictions"]) == rows


NUMBERED = model({"0": "number", "1": "number", "2": "number"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("0,1,2\n5,6,7\n", 1),
        ("5,6,7\n0,1,2\n", 2),
        ("1,1,1\n", 1),
        ("2,0,1\n5,6,7\n", None),
        ("0,1,2\n", None),
        ("0,1,3\n5,6,7\n", None),
    ],
)
def test_columns_named_by_numbers(body: str, expected: int | None) -> None:
    status, text = ask(NUMBERED, body, CSV, JSON)
    assert status == (400 if expected is None else 200), text
    if expected is None:
        assert "header=absent" in text
    else:
        assert len(json.loads(text)["predictions"]) == expected


def test_a_value_that_is_a_columns_name_makes_no_header_of_a_row_with_numbers() -> None:
    status, text = ask(SHOP, "9,channel,true\n", CSV, JSON)
    assert (status, len(json.loads(text)["predictions"])) == (200, 1)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_unknown_fields_are_counted(count: int) -> None:
    many = [{**ROW, "colour": 1, "size": 2}] + [ROW] * (count - 1)
    _, text = ask(SHOP, json.dumps({"instances": many, "parameters": {}}), JSON, JSON)
    assert json.loads(text)["unknown_fields"] == 3
    _, text = ask(SHOP, "\n".join(map(json.dumps, many)), LINES, LINES)
    assert [json.loads(line).get("unknown_fields", 0) for line in text.splitlines()] == [2] + [0] * (count - 1)
    _, text = ask(SHOP, json.dumps({"instances": [ROW] * count}), JSON, JSON)
    assert "unknown_fields" not in json.loads(text)


@pytest.mark.parametrize("accept", [CSV, f"{CSV}; header=present"])
def test_a_csv_answer_has_the_number_of_unknown_fields_in_a_header(accept: str) -> None:
    """Also from a worker without Flask, as the local cloud's is."""
    inference._loaded = SHOP
    known, unknown = (
        inference.output_fn(inference.predict_fn(inference.input_fn(json.dumps(row), JSON), SHOP), accept)
        for row in (ROW, {**ROW, "colour": 1, "size": 2})
    )
    assert as_answer(known, accept)[3] == {}
    status, kind, body, headers = as_answer(unknown, accept)
    assert (status, headers) == (200, {inference.ATTRIBUTES: "unknown_fields=2"})
    assert kind.startswith(CSV)
    text, form = unknown
    assert (text.encode(), form) == (body, kind)


def test_unknown_columns_of_a_stated_header_are_counted() -> None:
    _, text = ask(TEXTS, "plan,colour\na,b\nc,d\n", f"{CSV}; header=present", JSON)
    assert json.loads(text)["unknown_fields"] == 2


@pytest.mark.parametrize(
    ("accept", "first"),
    [
        ("application/json, text/plain, */*", "{"),
        ("text/csv, application/json", "{"),
        ("application/*", "{"),
        ("", "{"),
        ("*", "{"),
        ("*/*", "{"),
        (" , ", "{"),
        ("text/html, image/gif, *; q=.2, */*; q=.2", "{"),
        ("Application/JSON;charset=utf-8", "{"),
        ("text/csv;q=0.5, application/json;q=0.9", "{"),
        ("text/csv;q=0.9, application/json;q=0.5", "t"),
        ("text/csv, */*;q=0.1", "t"),
        ("text/csv, */*", "t"),
        ("text/*", "t"),
        ("application/json;q=0, */*", '{"prediction"'),
        ("application/*;q=0, */*", "t"),
        ("application/x-ndjson", '{"prediction"'),
        ("text/csv; header=present", "prediction,"),
        ('text/csv; header="present"; q=0.8, application/json; q=0.1', "prediction,"),
        ('text/csv; note="a, application/json;q=1"', "t"),
        ("application/json;q=often", "{"),
        ("image/png", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("json", None),
        ("application/xml, text/html;q=0.9", None),
    ],
)
def test_accept_as_rfc_9110_has_it(accept: str, first: str | None) -> None:
    status, text = ask(SHOP, json.dumps(ROW), JSON, accept)
    if first is None:
        assert status == 406
        assert all(name in json.loads(text)["error"] for name in (JSON, LINES, CSV))
    else:
        assert (status, text.startswith(first)) == (200, True), text
        assert ('"predictions"' in text) == (first == "{")


names = st.text(st.characters(exclude_characters='\0\r\n",', exclude_categories=["Cs"]), min_size=1, max_size=12)
spelt = st.sampled_from(["Branch", "branche", "MEMBER", "member ", "Plan", "plan_", "plans", "colour"])


@given(st.lists(names | spelt, min_size=1, max_size=4, unique=True), st.sampled_from([SHOP, TEXTS, NUMBERED]))
def test_unknown_names_never_get_a_prediction(found: list[str], served: Model) -> None:
    unknown = [name for name in found if name not in served.encoder.schema.types]
    if unknown:
        for body in (dict.fromkeys(unknown, 1), {"instances": [dict.fromkeys(unknown, "x")] * 9}):
            assert ask(served, json.dumps(body), JSON, "*/*")[0] == 400
        assert ask(served, json.dumps(dict.fromkeys(unknown)), LINES, "*/*")[0] == 400
        text = ",".join(unknown) + "\n" + ",".join(["a"] * len(unknown)) + "\n"
        assert ask(served, text, f"{CSV}; header=present", "*/*")[0] == 400


@given(st.permutations(["plan", "member", "branch"]), names | spelt, st.integers(0, 2))
def test_a_header_with_one_unknown_name_is_a_header(header: list[str], other: str, at: int) -> None:
    header[at] = other
    if other not in TEXTS.encoder.schema.types:
        text = "\n".join([",".join(header), ",".join("abc")])
        assert ask(TEXTS, text, CSV, "*/*")[0] == 400


@pytest.mark.parametrize(
    ("kind", "text"),
    [(JSON, '{"channel": "r\u00f4le"}'), (CSV, "channel\nr\u00f4le\n"), (LINES, '{"channel": "r\u00f4le"}\n')],
)
def test_a_body_in_another_encoding_is_refused_not_answered_as_an_unseen_category(kind: str, text: str) -> None:
    """SageMaker's server replaces what it cannot decode; with a parameter in the content type it hands over bytes."""
    latin = text.encode("latin-1")
    for body in (latin, latin.decode("utf-8", "replace"), text.encode("utf-16")):
        status, told = ask(SHOP, body, kind, JSON)
        assert (status, "not UTF-8 at" in told) == (400, True), told
    for body in (text, text.encode(), "\ufeff" + text):
        assert ask(SHOP, body, kind, JSON)[0] == 200


def test_the_replacement_character_itself_can_be_sent() -> None:
    assert ask(SHOP, '{"channel": "\\ufffd"}', JSON, JSON)[0] == 200
    assert ask(SHOP, "channel\n\ufffd\n".encode(), f"{CSV}; charset=utf-8", JSON)[0] == 200


@pytest.mark.parametrize("kind", [JSON, LINES, CSV])
@pytest.mark.parametrize("body", ["", " \r\n", "\ufeff", b"", b"\n"])
def test_an_empty_body_is_said_to_be_empty(body: str | bytes, kind: str) -> None:
    status, told = ask(SHOP, body, kind, JSON)
    assert (status, "the body is empty: send" in told) == (400, True)


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ('{"pages_viewed": 1, "pages_viewed": 2}', JSON, "the object has the name 'pages_viewed' twice"),
        ('{"pages_viewed": 1, "pages_viewed" : 2}', JSON, "twice"),
        ('{"pages_viewed" : 1, "pages_viewed": 2, "channel": "a:b"}', JSON, "twice"),
        ('{"pages_viewed": 1, "pages_viewed": 2, "channel": "\\":"}', JSON, "twice"),
        ('{"instances": [{}, {"member": true, "x": ":", "member": false}]}', JSON, "record 2: the object has the name"),
        ('{"instances": [{"member": true}], "instances": []}', JSON, "'instances' twice"),
        ('{"member": true}\n{"member": true, "member": true}\n', LINES, "record 2: the object has the name 'member'"),
        ("{" + ", ".join(['"pages_viewed": 1'] * 30) + "}", JSON, "'pages_viewed' twice"),
    ],
)
def test_a_name_that_an_object_has_twice_is_refused_as_in_a_file(body: str, kind: str, told: str) -> None:
    status, text = ask(SHOP, body, kind, JSON)
    assert (status, told in json.loads(text)["error"]) == (400, True), text
    for name, own in IN_TABLES.items():
        body, told = body.replace(name, own), told.replace(name, own)
    status, text = ask(TABLES, body, kind, JSON)
    assert (status, told in json.loads(text)["error"]) == (400, True), text


def test_a_name_twice_in_what_is_not_read_refuses_nothing() -> None:
    status, text = ask(SHOP, '{"member": true, "other": {"a": 1, "a": 2}}', JSON, JSON)
    assert (status, json.loads(text)["unknown_fields"]) == (200, 1)


HALVES = model({"channel": "category", "note": "text", "pages_viewed": "integer"})


@pytest.mark.parametrize("field", ["channel", "note"])
@pytest.mark.parametrize("many", [1, 20])
def test_half_of_a_character_is_no_value_as_in_a_file(field: str, many: int) -> None:
    rows = [{"channel": "ads", "note": "x"}] * (many - 1) + [{field: "a\ud800"}]
    status, text = ask(HALVES, json.dumps({"instances": rows}), JSON, JSON)
    assert (status, json.loads(text)["field"], json.loads(text)["record"]) == (400, field, many)
    assert ask(HALVES, json.dumps({"instances": [{field: "a\U0001f600"}] * many}), JSON, JSON)[0] == 200


def test_half_of_a_character_is_no_category_of_the_tables_either() -> None:
    for rows in ([{"c": "\udc00"}], [{"c": "a"}, {"c": "\udc00"}], [{"c": "\udc00"}] * 20):
        status, text = ask(TABLES, json.dumps({"instances": rows}), JSON, JSON)
        assert (status, json.loads(text).get("field")) == (400, "c"), text


@pytest.mark.parametrize("digits", [400, 5_000])
def test_an_integer_of_many_digits_is_refused_with_its_field(digits: int) -> None:
    number = "1" + "0" * digits
    status, text = ask(SHOP, f'{{"instances": [{{}}, {{"pages_viewed": {number}}}]}}', JSON, JSON)
    assert (status, json.loads(text)["field"], json.loads(text)["record"]) == (400, "pages_viewed", 2)
    assert ask(SHOP, f'{{"member": true, "other": {number}}}', JSON, JSON)[0] == 200


LOCAL = {"price": {"decimal": ",", "thousands": "."}, "day": {"dates": ["%d.%m.%Y"]}, "member": {}, "at": {}}


def local_model() -> Model:
    types = {"price": "number", "day": "timestamp", "member": "boolean", "at": "timestamp"}
    served = model(types)
    state = {**served.encoder.schema.to_json(), "readings": {name: form for name, form in LOCAL.items() if form}}
    served.encoder.schema = Schema.from_json(state)
    return served


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("at", "31.01.2026", "an ISO 8601 timestamp, such as 2026-01-31T12:30:00Z; the string is not one"),
        ("at", 1769853600, "an ISO 8601 timestamp, such as 2026-01-31T12:30:00Z, not a number"),
        ("day", "2026-01-31", "a timestamp in the contract's format (dates '%d.%m.%Y'); the string is not one"),
        ("price", "12.5", "a number in the contract's format (decimal ','; thousands '.'); the string is not one"),
        ("price", True, "not a boolean"),
        ("member", "on", "a boolean, such as true or false (also yes/no, y/n, t/f, 1/0); the string is not one"),
        ("member", 2, "(also yes/no, y/n, t/f, 1/0), not a number"),
    ],
)
def test_a_refusal_says_how_a_value_is_written(field: str, value: Any, told: str) -> None:
    status, text = ask(local_model(), json.dumps({field: value}), JSON, JSON)
    assert status == 400
    assert told in json.loads(text)["error"], text
    line = ",".join(str(value) if name == field else "" for name in LOCAL)
    status, text = ask(local_model(), f"{','.join(LOCAL)}\n,,,\n{line}\n", CSV, JSON)
    refusal = json.loads(text)
    assert (status, refusal["record"], refusal["field"]) == (400, 2, field)
    assert told.partition(", such as ")[2].partition(";")[0].partition(", not")[0] in refusal["error"]


@pytest.mark.parametrize(
    ("value", "told"),
    [(12.5, "a number with a fraction"), (2**63, "a number of more than 64 bits"), (True, "a boolean")],
)
def test_what_is_wrong_with_a_number_is_said(value: Any, told: str) -> None:
    _, text = ask(SHOP, json.dumps({"pages_viewed": value}), JSON, JSON)
    assert json.loads(text)["error"] == f"field 'pages_viewed' must be an integer, such as 12, not {told}"


@pytest.mark.parametrize(
    ("body", "kind", "record", "told"),
    [
        ('plan,member\na,b\n"c,d\ne,f\n', CSV, 2, "record 2 is not CSV: a quote that opens a field is never closed"),
        ('a,b,c\na,b,"c\n', CSV, 2, "record 2 is not CSV"),
        ('a,b,c\n"a"x,b,c\n', CSV, 2, "',' expected after"),
        ("plan,member\ra,b\r", CSV, 1, "a carriage return"),
        (
            '{"plan": "a", "member": "b", "branch": "c"}',
            CSV,
            None,
            "the body is JSON, but its content type is text/csv",
        ),
        ('{"plan": "a"}\n{"plan": "b"}\n', CSV, None, "send application/json, or application/jsonlines"),
        ("plan,member\na,b\n", JSON, None, "is not JSON at line 1, column 1; send CSV as text/csv"),
        ("plan,member\na,b\n", LINES, 1, "send CSV as text/csv"),
    ],
)
def test_a_body_of_another_form_and_broken_csv_are_refused_with_the_record(
    body: str, kind: str, record: int | None, told: str
) -> None:
    status, text = ask(TEXTS, body, kind, JSON)
    refusal = json.loads(text)
    assert (status, refusal.get("record"), told in refusal["error"]) == (400, record, True), text


def test_a_first_line_in_the_contracts_own_format_is_data() -> None:
    types = {"price": "number", "day": "timestamp", "plan": "category"}
    served = model(types)
    forms = {"price": {"decimal": ",", "missing": ["NA"]}, "day": {"dates": ["%d.%m.%Y"]}}
    served.encoder.schema = Schema.from_json({**served.encoder.schema.to_json(), "readings": forms})
    for line in ('"12,5",31.01.2026,free', "NA,31.01.2026,free", '"12,5",,free'):
        status, text = ask(served, line + "\n", CSV, JSON)
        assert (status, len(json.loads(text).get("predictions", []))) == (200, 1), text


@pytest.mark.parametrize("kind", [JSON, LINES, CSV])
def test_a_packed_body_is_said_to_be_packed(kind: str) -> None:
    packed = gzip.compress(b'{"channel": "ads"}')
    for body in (packed, packed.decode("utf-8", "replace")):
        assert "packed with gzip" in ask(SHOP, body, kind, JSON)[1]


@pytest.mark.parametrize(
    ("body", "answers"),
    [("n\n1\n\n2\n", 0), ("1\n\n2\n", 0), ("n\n\n1\n", 0), ('n\n1\n""\n2\n', 3), ("\n1\n2\n\n\n", 2)],
)
def test_a_blank_line_of_one_column_may_be_a_value_and_shifts_no_answer(body: str, answers: int) -> None:
    status, text = ask(model({"n": "number"}), body, CSV, JSON)
    assert (status, len(json.loads(text).get("predictions", []))) == ((200, answers) if answers else (400, 0)), text
    assert answers or "a blank line stands before record" in text


def test_a_blank_line_between_records_of_several_columns_is_none() -> None:
    _, text = ask(TEXTS, "plan,member\na,b\n\nc,d\n", CSV, JSON)
    assert len(json.loads(text)["predictions"]) == 2

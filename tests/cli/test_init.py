"""`sluice init`: the drafted contract loads, accepts its own file, and guesses only what is certain."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract import Contract, load_contract
from tests.messy.workbooks import number, rows, text, workbook

ROWS = 200


def table() -> dict[str, list[object]]:
    return {
        "session_id": [f"s{i}" for i in range(ROWS)],
        "started_at": [f"2026-01-{1 + i % 28:02}T10:00:00" for i in range(ROWS)],
        "pages": list(range(ROWS)),
        "price": [i / 4 for i in range(ROWS)],
        "yes": ["no" if i % 3 else "off" for i in range(ROWS)],
        "comment text": [f"words {i}" for i in range(ROWS)],
        "bought": ["true" if i % 4 == 0 else "false" for i in range(ROWS)],
    }


def as_csv(columns: dict[str, list[object]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture
def drafted(sluice, tmp_path):
    def draft(columns: dict[str, list[object]], *more: str) -> tuple[Contract, str]:
        source, out = tmp_path / "Web sessions.csv", tmp_path / "project.yaml"
        source.write_text(as_csv(columns))
        code, printed, error = sluice("init", str(source), "-o", str(out), "--force", *more)
        assert code == 0, error
        return load_contract(out.read_text()), printed + out.read_text()

    return draft


def test_types_key_and_time_are_guessed_where_they_are_certain(drafted):
    contract, text = drafted(table())
    types = {name: column.type for name, column in contract.data.columns.items()}
    assert types == {
        "session_id": "text",
        "started_at": "timestamp",
        "pages": "integer",
        "price": "number",
        "yes": "category",
        "comment text": "text",
        "bought": "boolean",
    }
    assert (contract.project, contract.data.key, contract.data.time) == ("web-sessions", ["session_id"], "started_at")
    # words that YAML would read as booleans stay words
    assert sorted(contract.data.columns["yes"].values or []) == ["no", "off"]
    assert (contract.problem.type, contract.problem.target, contract.problem.positive) == ("binary", "bought", True)
    assert "200 rows of the file are accepted and 0 refused" in text
    assert "DECIDE problem.target" in text


def test_a_long_name_of_a_project_may_be_shorter(sluice, tmp_path):
    path, contract = tmp_path / "Online Shoppers Intention.csv", tmp_path / "project.yaml"
    path.write_text("a,b\n1,x\n2,y\n" * 9)
    init = ("init", str(path), "--target", "b", "-o", str(contract))
    assert "project online-shoppers-intention (a shorter name: --project NAME --force), 2" in sluice(*init)[1]
    code, printed, _ = sluice(*init, "--project", "shoppers", "--force")
    assert (code, "project shoppers, 2 columns" in printed) == (0, True)
    short = tmp_path / "shoppers.csv"
    short.write_text(path.read_text())
    assert (
        "project shoppers, 2 columns" in sluice("init", str(short), "--target", "b", "-o", str(contract), "--force")[1]
    )


def test_two_possible_keys_or_times_are_a_persons_choice(drafted):
    columns = table()
    columns = {**columns, "visit_id": columns["session_id"], "ended_at": columns["started_at"]}
    contract, text = drafted(columns, "--target", "bought")
    assert contract.data.key == []
    assert contract.data.time is None
    assert "DECIDE data.key" in text
    assert "which of started_at, ended_at" in text


@pytest.mark.parametrize(
    ("target", "kind", "column_type"),
    [("price", "regression", "number"), ("yes", "binary", "category"), ("pages", "regression", "integer")],
)
def test_the_targets_values_make_the_problem(drafted, target, kind, column_type):
    contract, _ = drafted(table(), "--target", target)
    assert (contract.problem.type, contract.problem.target) == (kind, target)
    assert contract.data.columns[target].type == column_type


@pytest.mark.parametrize(("yes", "no"), [("Yes", "No"), ("y", "n")])
def test_a_target_of_yes_and_no_keeps_the_words_of_the_file(drafted, yes, no):
    contract, text = drafted({**table(), "paid": [no if i % 3 else yes for i in range(ROWS)]}, "--target", "paid")
    assert (contract.problem.type, contract.problem.positive) == ("binary", yes)
    assert contract.data.columns["paid"].values == [no, yes]
    line = next(line for line in text.splitlines() if "paid: {" in line and "values" in line)
    assert line.endswith("# another spelling of yes or no is refused")
    assert "problem.positive" not in text  # which of them says yes is no question
    assert f"{ROWS} rows of the file are accepted" in text


@pytest.mark.parametrize("words", [("yes", "no", "Y"), ("true", "false", "TRUE", "False")])
def test_a_target_of_several_spellings_of_yes_and_no_is_one_question(drafted, words):
    contract, text = drafted({**table(), "paid": [words[i % len(words)] for i in range(ROWS)]}, "--target", "paid")
    assert (contract.problem.type, contract.problem.positive) == ("binary", True)
    assert contract.data.columns["paid"].type == "boolean"
    assert f"{ROWS} rows of the file are accepted and 0 refused" in text


def test_integer_classes_are_asked_about(drafted):
    contract, text = drafted({**table(), "grade": [i % 5 for i in range(ROWS)]}, "--target", "grade")
    assert contract.problem.type == "multiclass"
    assert contract.data.columns["grade"].values == ["0", "1", "2", "3", "4"]
    assert "classes or amounts" in text


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_formats_are_read_as_the_intake_reads_them(sluice, tmp_path, kind):
    columns, out = table(), tmp_path / "p.yaml"
    source = tmp_path / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), source)
    else:
        names = list(columns)
        rows = zip(*columns.values(), strict=True)
        source.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    code, printed, error = sluice("init", str(source), "--project", "shop", "-o", str(out))
    assert code == 0, error
    assert "200 rows of the file are accepted and 0 refused" in printed
    assert load_contract(out.read_text()).data.columns["pages"].type == "integer"


def test_nothing_is_overwritten_and_mistakes_are_named(sluice, tmp_path):
    source, out = tmp_path / "d.csv", tmp_path / "p.yaml"
    source.write_text(as_csv(table()))
    out.write_text("mine")
    code, _, error = sluice("init", str(source), "-o", str(out))
    assert code == 1
    assert "--force" in error
    assert out.read_text() == "mine"
    cases = {
        ("--target", "bougth"): "did you mean 'bought'?",
        ("--project", "Shop!"): "not a project name",
        ("--target", "comment text"): "cannot be predicted",
    }
    for more, told in cases.items():
        code, _, error = sluice("init", str(source), "-o", str(tmp_path / "new.yaml"), *more)
        assert code == 1
        assert told in error
    assert not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "no data row"),
        (b"a,a\n1,2\n", "more than once"),
        (b"\xff\xfe\x00", "UTF-16"),
    ],
)
def test_a_file_that_the_intake_would_refuse_is_refused(sluice, tmp_path, content, told):
    source = tmp_path / "bad.csv"
    source.write_bytes(content)
    code, _, error = sluice("init", str(source), "-o", str(tmp_path / "p.yaml"))
    assert code == 1
    assert told in error


def test_a_contract_without_labels_is_drafted_on_request(drafted, sluice, tmp_path):
    contract, text = drafted(table(), "--type", "clustering")
    assert (contract.problem.type, contract.problem.clusters, contract.problem.target) == ("clustering", "auto", None)
    assert "bought" in contract.feature_columns
    assert {gate.metric for gate in contract.gates} == {"stability", "silhouette"}
    assert "problem.clusters: auto chooses" in text
    contract, _ = drafted(table(), "--type", "anomaly")
    assert (contract.problem.metric, contract.problem.contamination) == ("stability", "auto")
    contract, _ = drafted(table(), "--type", "anomaly", "--target", "bought")
    assert (contract.problem.metric, contract.problem.positive) == ("pr_auc", True)
    assert "bought" not in contract.feature_columns
    code, printed, _ = sluice("check", str(tmp_path / "project.yaml"))
    assert code == 0
    assert "web-sessions: anomaly, finds rare rows from 3 columns" in printed
    source = str(tmp_path / "Web sessions.csv")
    for more, told in (
        (("--type", "clustering", "--target", "bought"), "clustering has no target"),
        (("--type", "anomaly", "--target", "price"), "the labels of anomalies have two values"),
        (("--type", "segments"), "write clustering or anomaly"),
    ):
        code, _, error = sluice("init", source, "-o", str(tmp_path / "other.yaml"), *more)
        assert code == 1
        assert told in error


def test_a_second_project_in_the_same_folder_gets_a_file_of_its_own(sluice, tmp_path, monkeypatch):
    """Whoever follows the README twice in one clone finds the first project's contract there."""
    monkeypatch.chdir(tmp_path)
    for name in ("data", "loans"):
        Path(f"{name}.csv").write_text(as_csv(table()))
    assert sluice("init", "data.csv", "--target", "bought")[0] == 0
    code, _, error = sluice("init", "loans.csv", "--target", "bought")
    assert code == 1
    assert "project.yaml exists: for another project give another --output, such as -o loans.yaml" in error
    code, printed, _ = sluice("init", "loans.csv", "--target", "bought", "-o", "loans.yaml")
    assert code == 0
    assert "sluice check loans.yaml && sluice register loans.yaml" in printed
    assert load_contract(Path("project.yaml").read_text()).project == "data"


def test_the_draft_says_what_happens_without_live_requests(drafted):
    _, text = drafted(table())
    assert "no_traffic: roll_back  # DECIDE: a later model without live requests; or hold, promote" in text


def test_check_names_every_mistake_and_the_nearest_key(sluice, tmp_path):
    path = tmp_path / "project.yaml"
    path.write_text("project: shop\nproblem: {type: binary, tagret: x}\ndata: {columns: {x: {type: integr}}}\n")
    code, _, error = sluice("check", str(path))
    assert code == 1
    assert "did you mean 'target'?" in error
    assert "did you mean 'integer'?" in error
    assert sluice("check", str(tmp_path / "none.yaml"))[0] == 1
    example = Path(__file__).parents[2] / "examples" / "shop" / "project.yaml"
    code, printed, _ = sluice("check", str(example))
    assert code == 0
    assert "shop: binary, learns purchase from 9 columns" in printed


def test_the_schema_is_json_schema(sluice):
    code, printed, _ = sluice("schema")
    assert code == 0
    document = json.loads(printed)
    assert document["$schema"].startswith("https://json-schema.org/")
    assert "problem" in document["required"]


def test_a_header_below_a_preamble_is_found_and_asked_about(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("Sales of May\n\n# all shops; one line each\n" + as_csv(table()).replace(",", ";"))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "bought")
    assert code == 0, error
    assert list(load_contract(out.read_text()).data.columns) == list(table())
    assert "DECIDE the header seems to be on line 4 of the file" in printed
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed


@pytest.mark.parametrize(
    "body", ["x,y\n" + "1,2,\n" * 50, "x,y\n" + "1,2\n" * 50, "x\n" + "1\n" * 50, "x,,\n" + "1,,\n" * 50]
)
def test_a_header_on_the_first_line_is_not_looked_for_below(sluice, tmp_path, body):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text(body)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--type", "clustering")
    assert code == 0, error
    assert "the header seems to be" not in printed
    assert next(iter(load_contract(out.read_text()).data.columns)) == "x"


def test_an_encoding_that_is_named_goes_into_the_contract(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_bytes(
        as_csv({"größe": [f"ä{i % 3}" for i in range(ROWS)], "y": [i % 2 for i in range(ROWS)]}).encode("cp1252")
    )
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert (code, "Name it with --encoding (cp1252" in error) == (1, True)
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--encoding", "klingon")
    assert (code, "there is no encoding 'klingon'" in error) == (1, True)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--encoding", "cp1252")
    assert code == 0, error
    contract = load_contract(out.read_text())
    assert (list(contract.data.columns), contract.data.file.encoding) == (["größe", "y"], "cp1252")
    assert f"{ROWS} rows of the file are accepted" in printed


def test_columns_with_the_same_name_are_left_out_and_told(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("x,a,a,y\n" + "".join(f"{i},1,2,{i % 2}\n" for i in range(ROWS)))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert code == 0, error
    assert list(load_contract(out.read_text()).data.columns) == ["x", "y"]
    assert "has them more than once: 'a'" in printed


def test_a_file_without_a_header_gets_names_by_place(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("".join(f"{i},{i * 0.5},{'ab'[i % 2]}\n" for i in range(ROWS)))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "column_3")
    assert code == 0, error
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed
    assert "the file seems to have no header" in printed
    contract = load_contract(out.read_text())
    assert (list(contract.data.columns), contract.data.file.header) == (["column_1", "column_2", "column_3"], 0)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--force", "--target", "a", "--header")
    assert code == 0, error
    assert f"{ROWS - 1} rows of the file are accepted" in printed


def test_a_sheet_of_a_workbook_is_drafted(sluice, tmp_path):
    source, out = tmp_path / "a.xlsx", tmp_path / "project.yaml"
    table = rows([text("title")], [text("x"), text("y")], *([number(i), number(i % 2)] for i in range(ROWS)))
    source.write_bytes(workbook(rows([text("notes")]), table))
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert (code, "read as: sheet 's1', not the sheet 's2'" in error) == (1, True)
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--sheet", "May")
    assert (code, "no sheet 'May', which --sheet names" in error) == (1, True)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--sheet", "s2")
    assert code == 0, error
    assert "the header seems to be on line 2 of the file" in printed
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed
    assert load_contract(out.read_text()).data.file.sheet == "s2"


@pytest.fixture
def init(sluice, tmp_path):
    """The contract and all that was printed for a file of this name and content."""

    def run(name: str, body: bytes | str, *more: str) -> tuple[Contract, str]:
        source, out = tmp_path / name, tmp_path / "project.yaml"
        source.write_bytes(body.encode() if isinstance(body, str) else body)
        code, printed, error = sluice("init", str(source), "-o", str(out), "--force", *more)
        assert code == 0, error
        return load_contract(out.read_text()), printed + out.read_text()

    return run


TICKETS = [
    {
        "id": f"t{at}",
        "customer": {"city": "Oslo" if at % 2 else "Bergen", "plan": {"name": "pro", "seats": at}},
        "tags": ["billing", "late"],
        "messages": [{"from": "anna", "text": "hi"}],
        "solved": at % 3 == 0,
    }
    for at in range(60)
]


@pytest.mark.parametrize("form", ["lines", "array", "parquet"])
def test_members_of_objects_are_columns_and_lists_are_left_out(form, init, tmp_path):
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(TICKETS), tmp_path / "made.parquet")
        body = (tmp_path / "made.parquet").read_bytes()
    else:
        body = json.dumps(TICKETS) if form == "array" else "\n".join(map(json.dumps, TICKETS))
    contract, text = init("tickets.json", body, "--target", "solved")
    assert list(contract.data.columns) == ["id", "customer.city", "customer.plan.name", "customer.plan.seats", "solved"]
    assert (contract.data.file.flatten, contract.data.key) == (True, ["id"])
    assert "'tags'" in text
    assert "'messages'" in text
    assert "60 rows of the file are accepted and 0 refused" in text


def test_flat_json_needs_no_word(init):
    contract, text = init("flat.json", "\n".join(f'{{"a.b": {at}, "c": {at % 2}}}' for at in range(40)))
    assert (list(contract.data.columns), contract.data.file.flatten) == (["a.b", "c"], False)
    assert "left out" not in text


def test_two_columns_that_identify_a_row_together_are_named(drafted):
    columns: dict[str, list[object]] = {
        "customer": [f"c{at // 12}" for at in range(ROWS)],
        "month": [f"2026-{1 + at % 12:02}" for at in range(ROWS)],
        "revenue": [at / 7 for at in range(ROWS)],
        "churned": ["yes" if at % 5 else "no" for at in range(ROWS)],
    }
    contract, text = drafted(columns)
    assert contract.data.key == []
    assert "distinct together: [customer, month]" in text
    columns["month"] = ["2026-01"] * ROWS
    assert "distinct together" not in drafted(columns)[1]


def test_two_spellings_of_a_value_are_asked_about(drafted):
    columns: dict[str, list[object]] = {
        "size": list(range(ROWS)),
        "state": [("Paid", "paid", "not paid", "not-paid", "A+", "A-", "A")[at % 7] for at in range(ROWS)],
    }
    _, text = drafted(columns, "--target", "size")
    assert "data.columns.state: 'Paid' and 'paid' are different values" in text
    assert "'not paid' and 'not-paid' are different values" in text
    assert "'A+'" not in text.split("columns:")[0]


@pytest.mark.parametrize(
    ("rows", "signs"),
    [
        ("id,note,n\n" + "a,'x, y',1\n" * 30, {"quote": "'"}),
        ("id,note,n\n" + 'a,"x \\"y, z\\"",1\n' * 30, {"escape": "\\"}),
        ("id,note,n\r" + "a\nb,x,1\r" * 30, {"line_end": "\r"}),
        ("id,note,n\n" + "a,it's,1\n" * 30, {}),
    ],
)
def test_other_signs_are_found_where_they_make_rows_whole(rows, signs, init):
    contract, text = init("rows.csv", rows, "--type", "anomaly")
    assert contract.data.file.model_dump(exclude_defaults=True) == signs
    assert "30 rows of the file are accepted and 0 refused" in text
    assert ("data.file: the rows seem to be written with" in text) == bool(signs)


def test_a_file_with_bad_rows_is_accepted_and_its_bad_rows_are_asked_about(init):
    contract, text = init("rows.csv", "id,x\n" + "a,1\n" * 80 + "a,1,2\n" * 20, "--type", "anomaly")
    assert contract.data.expectations.max_invalid_rows == 0.2
    assert "20.0% of the file's rows are quarantined" in text
    assert "80 rows of the file are accepted and 20 refused" in text
    contract, text = init("rows.csv", "id,x\n" + "a,1\n" * 20 + "a,1,2\n" * 80, "--type", "anomaly")
    assert contract.data.expectations.max_invalid_rows == 0.05
    assert "the file would be refused" in text


def test_a_file_of_one_row_hints_at_its_missing_header(sluice, tmp_path):
    (tmp_path / "one.csv").write_text("a,1,2\n")
    code, _, error = sluice("init", str(tmp_path / "one.csv"), "-o", str(tmp_path / "project.yaml"))
    assert code != 0
    assert "add --no-header" in error


def test_that_the_contract_exists_is_said_before_anything_is_read(sluice, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("x,y\n1,2\n")
    (tmp_path / "project.yaml").write_text("project: other\n")
    monkeypatch.setitem(sys.modules, "cli.guessing", None)  # whose import alone takes seconds on a busy machine
    code, _, error = sluice("init", str(tmp_path / "data.csv"), "-o", str(tmp_path / "project.yaml"))
    assert (code, "exists" in error) == (1, True), error


def test_blank_cells_are_said_to_be_missing_values(init, sluice, tmp_path):
    rows = "id,charges,x,y\n" + "".join(f"{at},{' ' if at < 11 else at},{at % 3},{at % 2}\n" for at in range(60))
    _, text = init("rows.csv", rows, "--target", "y")
    assert "blank cells are missing values: charges (11)" in text
    (tmp_path / "again.csv").write_text(rows)
    code, printed, _ = sluice(
        "init", str(tmp_path / "again.csv"), "--target", "y", "-o", str(tmp_path / "n.yaml"), "--json"
    )
    assert (code, json.loads(printed)["missing"]) == (0, {"charges": 11})


def rides(rows: int = 400) -> dict[str, list[object]]:
    chance = random.Random(2)
    casual, registered = ([chance.randrange(most) for _ in range(rows)] for most in (60, 200))
    temp = [round(chance.random(), 3) for _ in range(rows)]
    return {
        "instant": list(range(1, rows + 1)),
        "temp": temp,
        "casual": casual,
        "registered": registered,
        "cnt": [a + b for a, b in zip(casual, registered, strict=True)],
    }


def test_what_gives_the_target_away_and_row_numbers_are_drafted_as_dropped(drafted):
    contract, text = drafted(rides(), "--target", "cnt")
    assert contract.feature_columns == ["temp"]
    assert set(contract.features.drop) == {"instant", "casual", "registered"}
    assert "# DECIDE: 'instant' counts the rows; 'cnt' is 'registered' + 'casual'" in text
    assert "DECIDE features.drop: without instant, registered, casual ('instant' counts the rows" in text


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (lambda temp, cnt: [2 * each + 1 for each in cnt], "'more' is 'cnt' in other words"),
        (lambda temp, cnt: [f"c{each % 97}" for each in cnt], None),
        (lambda temp, cnt: [each * one for each, one in zip(cnt, temp, strict=True)], "'more' / 'temp' gives 'cnt'"),
    ],
)
def test_a_column_that_is_the_target_or_makes_it_is_drafted_as_dropped(drafted, of, why):
    columns = {name: values for name, values in rides().items() if name in ("temp", "cnt")}
    columns = {"age": list(reversed(columns["temp"])), **columns}
    contract, text = drafted({**columns, "more": of(columns["temp"], columns["cnt"])}, "--target", "cnt")
    assert ("more" in contract.features.drop) == bool(why)
    assert why is None or why in text


def test_a_category_that_stands_for_the_class_is_drafted_as_dropped(drafted):
    columns = table()
    columns["state"] = ["open" if each == "true" else "closed" for each in columns["bought"]]
    contract, text = drafted(columns, "--target", "bought")
    assert "state" in contract.features.drop
    assert "'state' is 'bought' in other words" in text


def test_a_column_is_left_to_learn_from(drafted):
    columns = {name: values for name, values in rides().items() if name != "temp"}
    contract, _ = drafted(columns, "--target", "cnt")
    assert contract.features.drop == []


@pytest.mark.parametrize(("first", "skipped"), [(0, 1), (1, 1), (1, 20)])
def test_a_counter_of_the_rows_is_no_key_whatever_its_name(drafted, first, skipped):
    """The next file counts from the same number on, and its rows would replace these."""
    numbers: list[object] = [each for each in range(first, 2 * ROWS) if each % skipped or skipped == 1][:ROWS]
    columns = {name: values for name, values in table().items() if name != "pages"}
    contract, text = drafted({**columns, "session_id": numbers}, "--target", "bought")
    assert (contract.data.key, "session_id" in contract.features.drop) == ([], True)
    assert "session_id only counts rows" in text
    assert "DECIDE data.key: which columns identify a row? Not 'session_id'" in text
    assert "known_before" not in text, "whether a counter is known before does not matter"


def test_a_number_that_goes_on_in_the_next_file_is_a_key(drafted):
    contract, _ = drafted({**table(), "session_id": [50_000 + each for each in range(ROWS)]}, "--target", "bought")
    assert contract.data.key == ["session_id"]


def test_rows_at_regular_times_are_tested_on_the_newest(drafted):
    hours = [f"2026-0{1 + i // 56}-{1 + i // 2 % 28:02}T10:00:00" for i in range(ROWS)]
    contract, text = drafted({**table(), "started_at": hours}, "--target", "bought")
    assert contract.data.split.by == "time"
    assert "DECIDE data.time: the newest rows by 'started_at' are the test" in text
    assert "split: {by: time}  # DECIDE: tests the newest rows; or random" in text


def test_events_are_tested_by_chance_and_the_draft_says_what_else_there_is(drafted):
    chance = random.Random(4)
    days = [f"2026-0{1 + i // 56}-{1 + chance.randrange(28):02}T10:00:00" for i in range(ROWS)]
    contract, text = drafted({**table(), "started_at": days}, "--target", "bought")
    assert contract.data.split.by == "random"
    assert "split: {by: random}  # DECIDE: or by: time, which tests the newest rows" in text


def shoppers(rows: int = 2_000) -> dict[str, list[object]]:
    """Of what is known, one column says nearly all: the value of the pages that led to a purchase."""
    chance = random.Random(3)
    bought = [chance.random() < 0.3 for _ in range(rows)]
    visits = {f"visits{i}": [chance.randrange(9) + (each and not i) for each in bought] for i in range(5)}
    value = [round(chance.random() * 50, 2) if each or chance.random() < 0.15 else 0 for each in bought]
    return {**visits, "page_value": value, "bought": [str(each).lower() for each in bought]}


def test_a_column_that_predicts_as_well_as_all_is_drafted_as_dropped(drafted):
    contract, text = drafted(shoppers(), "--target", "bought")
    why = "'page_value' alone predicts 'bought' nearly as well as all columns together"
    assert contract.features.drop == ["page_value"]
    assert f"# DECIDE: {why}; or known_before?" in text
    assert f"DECIDE features.drop: without page_value ({why}); list what is known when asking in" in text


@pytest.mark.parametrize("more", [("--target", "bought"), ("--type", "clustering")])
def test_the_gates_alone_decide_where_it_is_asked_for(drafted, more):
    assert drafted(table(), *more)[0].release.approval == "manual"
    contract, _ = drafted(table(), *more, "--approval", "automatic")
    assert contract.release.approval == "automatic"


def test_another_approval_is_refused(sluice, tmp_path):
    (tmp_path / "rows.csv").write_text(as_csv(table()))
    code, _, error = sluice("init", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "p.yaml"), "--approval", "auto")
    assert code != 0
    assert "write manual or automatic" in error


def test_a_time_with_nothing_beside_the_target_is_what_is_learned_from(drafted):
    times = [f"2026-01-{1 + row // 24:02} {row % 24:02}:00:00" for row in range(ROWS)]
    contract, text = drafted({"stamp": times, "value": [f"{row % 24}.5" for row in range(ROWS)]}, "--target", "value")
    assert (contract.data.time, contract.feature_columns) == (None, ["stamp"])
    told = "DECIDE data.time: 'stamp' is all there is to learn from"
    assert f"{told}; to find rare rows instead, give `init` --type anomaly\n" in text
    assert "  time: null  # DECIDE: 'stamp' is all there is to learn from, so it does not order the rows\n" in text
    assert f"{told}\n" in drafted({"stamp": times}, "--type", "anomaly")[1]

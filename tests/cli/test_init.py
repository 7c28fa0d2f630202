"""`sluice init`: the drafted contract loads, accepts its own file, and guesses only what is certain."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sluice.contract import load_contract
from tests.cli.tables import ROWS, as_csv, table


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


def test_that_the_contract_exists_is_said_before_anything_is_read(sluice, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("x,y\n1,2\n")
    (tmp_path / "project.yaml").write_text("project: other\n")
    monkeypatch.setitem(sys.modules, "cli.guessing", None)  # whose import alone takes seconds on a busy machine
    code, _, error = sluice("init", str(tmp_path / "data.csv"), "-o", str(tmp_path / "project.yaml"))
    assert (code, "exists" in error) == (1, True), error


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


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([min(9, i % 7 * (i % 5)) for i in range(ROWS - 1)] + [13], "regression"),  # visits of a doctor: 13 once
        ([i % 12 for i in range(ROWS)], "regression"),  # points: more than ten values
        ([(10, 50, 100, 1000, 5000)[i % 5] for i in range(ROWS)], "regression"),  # pieces sold, rounded
        ([(1, 2, 3, 5, 6, 7)[i % 6] for i in range(ROWS)], "multiclass"),  # kinds of glass: no fourth one
        ([(10, 20, 30)[i % 3] for i in range(ROWS)], "multiclass"),
    ],
)
def test_whole_numbers_that_are_counted_are_amounts_and_codes_are_classes(drafted, values, kind):
    contract, text = drafted({**table(), "result": values}, "--target", "result")
    assert contract.problem.type == kind
    assert "values of 'result' classes or amounts?" in text


def test_a_target_of_26_letters_has_26_classes(drafted):
    letters = [chr(ord("a") + i % 26) for i in range(26 * 12)]
    size = [i * i % 31 for i in range(len(letters))]
    contract, _ = drafted({"size": size, "letter": letters}, "--target", "letter")
    assert contract.problem.type == "multiclass"


def test_a_question_as_long_as_in_a_survey_is_left_out_by_name(sluice, tmp_path):
    question = "Consider that you are asked for your seat. " * 4
    path, out = tmp_path / "survey.csv", tmp_path / "project.yaml"
    path.write_text(as_csv({"age": [18 + i % 50 for i in range(90)], question: ["no"] * 90, "rude": ["a", "b"] * 45}))
    code, printed, _ = sluice("init", str(path), "--target", "rude", "-o", str(out))
    assert (code, list(load_contract(out.read_text()).data.columns)) == (0, ["age", "rude"])
    assert "left out: 'Consider that you are asked for your seat. " in printed
    assert f"a name that is {len(question.strip())} characters long; give it a shorter one" in printed
    code, _, error = sluice("init", str(path), "--target", question.strip(), "-o", str(out), "--force")
    assert (code, "this column cannot be the target: 'Consider" in error) == (1, True)


def test_a_first_line_of_the_words_below_is_no_header(init):
    rows = [f"{('hot', 'cold')[i % 2]},{('dry', 'wet', 'icy')[i % 3]},{('stay', 'go')[i % 5 % 2]}" for i in range(60)]
    contract, text = init("weather.csv", "\n".join(rows) + "\n")
    assert list(contract.data.columns) == ["column_1", "column_2", "column_3"]
    assert contract.problem.target == "column_3"
    assert "60 rows of the file are accepted" in text
    named, _ = init("weather.csv", "\n".join(["heat,rain,go", *rows]) + "\n")
    assert list(named.data.columns) == ["heat", "rain", "go"]


def test_without_a_header_the_last_column_is_the_guess(init):
    rows = [f"{i % 3},{('four', 'six')[i % 2]},{1000 + 7 * i}" for i in range(60)]
    contract, text = init("cars.csv", "\n".join(rows) + "\n")
    assert (contract.problem.target, contract.problem.type) == ("column_3", "regression")
    assert "is 'column_3' the column to predict?" in text


@pytest.mark.parametrize(
    "names",
    [
        [3 + 41 * i + i * i % 7 for i in range(ROWS)],  # R keeps the numbers of the rows that a sample was drawn from
        [f"Ann Lee {i}" for i in range(ROWS)],
    ],
)
def test_names_of_rows_are_no_feature(drafted, names):
    contract, text = drafted({"rownames": names, **table()}, "--target", "bought")
    assert "rownames" in contract.features.drop
    assert "'rownames' only tells rows apart" in text


def test_a_file_called_tsv_is_parted_by_tabs_though_its_texts_have_commas(init):
    texts = ["well, no, not now", "call me, please, at six", "sure, one, two"]
    body = "".join(f"{('ham', 'spam')[i % 2]}\t{texts[i % 3]} {i}\n" for i in range(90))
    contract, text = init("sms.tsv", "kind\ttext, as sent, in full\n" + body, "--target", "kind")
    assert list(contract.data.columns) == ["kind", "text, as sent, in full"]
    assert contract.data.file.delimiter == "\t"
    assert "90 rows of the file are accepted and 0 refused" in text
    plain, _ = init("plain.tsv", "kind\tlength\n" + "ham\t5\nspam\t9\n" * 30, "--target", "kind")
    assert plain.data.file.delimiter is None
    commas, _ = init("commas.tsv", "kind,length\n" + "ham,5\nspam,9\n" * 30, "--target", "kind")
    assert (list(commas.data.columns), commas.data.file.delimiter) == (["kind", "length"], None)

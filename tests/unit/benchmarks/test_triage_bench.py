"""The bench counts what a judge answers, says when none is connected, and its page names every kind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.triage import __main__ as bench
from benchmarks.triage import cases as cases_module
from benchmarks.triage import result_page
from benchmarks.triage.cases import Case, Choice, of_set
from benchmarks.triage.faults import FAULTS
from benchmarks.triage.judge import JudgeNotConnectedError, Verdict, connected, named
from benchmarks.triage.report import Result, by_kind, confusion, kinds_tables, lines
from benchmarks.triage.sets import SETS, LiveSet
from benchmarks.triage.truth import Decision, NotApplicableError, Reason
from benchmarks.triage.window import Seen


@pytest.fixture(scope="module")
def every_case(live: LiveSet) -> list[Case]:
    """The cases of three sets: the made-up one under three names."""
    return [
        replace(case, set=name)
        for case in of_set(live, Choice(), lambda *skipped: None)
        for name in ("one", "two", "three")
    ]


def found(results: list[Result]) -> dict[str, tuple[object, bool]]:
    return {line["name"].removeprefix("triage_"): (line["value"], line["ok"]) for line in lines(results)}


def true_verdict(case: Case) -> Verdict:
    decision = Decision.HELD if Decision.HELD in case.truth.decisions else next(iter(case.truth.decisions))
    reason = None if decision is Decision.NOTHING else case.truth.reason
    return Verdict(decision, reason, case.truth.columns)


def test_a_perfect_judge_meets_every_goal(every_case: list[Case]) -> None:
    results = [Result.of(case, true_verdict(case)) for case in every_case]
    figures = found(results)
    assert all(ok for _, ok in figures.values())
    assert figures["faults_trained_on"][0] == 0
    assert figures["right_reason"][0] == figures["drifts_answered"][0] == figures["right_columns_of_faults"][0] == 1
    assert figures["sizes_of_each_set"][0] == 3


@pytest.mark.parametrize(
    ("verdict", "missed"),
    [
        (Verdict(Decision.RETRAIN, Reason.COVARIATE_SHIFT), {"faults_trained_on", "right_reason", "no_drift_alarms"}),
        (Verdict(Decision.HELD, Reason.SCALE), {"drifts_answered", "right_reason", "no_drift_alarms"}),
        (Verdict(Decision.NOTHING), {"drifts_answered", "right_reason"}),
        (None, {"faults_trained_on", "drifts_answered", "right_reason", "no_drift_alarms", "judge_failures"}),
    ],
)
def test_a_judge_with_one_answer_misses_the_goals(
    every_case: list[Case], verdict: Verdict | None, missed: set[str]
) -> None:
    results = [Result.of(case, verdict) for case in every_case]
    assert {name for name, (_, ok) in found(results).items() if not ok} == missed


def test_no_case_at_all_is_not_a_success() -> None:
    figures = found([])
    assert not any(
        figures[name][1] for name in ("faults_trained_on", "drifts_answered", "right_reason", "no_drift_alarms")
    )


def test_a_reason_that_data_cannot_tell_apart_is_right_but_not_exact(every_case: list[Case]) -> None:
    several = [case for case in every_case if case.truth.also]
    results = [Result.of(case, Verdict(Decision.HELD, case.truth.also[0])) for case in several]
    figures = found(results)
    assert figures["right_reason_where_the_judge_acted"][0] == 1
    assert figures["exact_reason_where_the_judge_acted"][0] == 0


def test_a_blamed_column_that_is_sound_counts_against_the_judge(every_case: list[Case]) -> None:
    case = next(case for case in every_case if case.truth.kind == "scale_thousand")
    (column,) = case.truth.columns
    for columns, right in (((column,), 1), ((column, "age"), 0), ((), 0)):
        result = Result.of(case, Verdict(Decision.HELD, Reason.SCALE, columns))
        assert found([result])["right_columns_of_faults"][0] == right


def test_the_confusion_tables_have_each_kind_and_add_up(every_case: list[Case]) -> None:
    tables = confusion([Result.of(case, true_verdict(case)) for case in every_case])
    by_kind, by_reason = tables.split("\n\n")
    assert len(by_kind.splitlines()) == 2 + len({case.truth.kind for case in every_case})
    counts = [int(cell) for line in by_reason.splitlines()[2:] for cell in line.split("|")[2:] if cell.strip()]
    assert sum(counts) == len(every_case)


def test_every_kind_is_possible_on_at_least_three_of_the_real_sets() -> None:
    sets = []
    for make in SETS.values():
        try:
            sets.append(make())
        except FileNotFoundError:
            pytest.skip("shared/data is absent")
    few = []
    for kind, fault in FAULTS.items():
        # only a window of some days has a day that can be a month
        size = 2 if kind == "day_and_month_swapped" else 0
        possible = 0
        for live in sets:
            try:
                _, truth = fault.apply(live.draw(live.sizes[size], 0), 0)
            except NotApplicableError:
                continue
            possible += truth.rows >= 5
        if possible < 3:
            few.append(kind)
    assert few == []


@pytest.fixture
def one_set(monkeypatch: pytest.MonkeyPatch, live: LiveSet) -> None:
    monkeypatch.setattr(cases_module, "SETS", {"made_up": lambda: live})


@pytest.mark.usefixtures("one_set")
def test_without_a_judge_nothing_is_measured_and_the_exit_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--judge", f"{__name__}:is_not_connected"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "No judge is connected" in shown.err
    assert "Nothing has been measured" in shown.err


def is_not_connected(training: Seen, live: Seen) -> Verdict:
    raise JudgeNotConnectedError("No judge is connected. Nothing has been measured.")


def holds(training: Seen, live: Seen) -> Verdict:
    assert len(training.rows) > len(live.rows)
    return Verdict(Decision.HELD, Reason.SCALE, ("price",))


def fails(training: Seen, live: Seen) -> Verdict:
    raise KeyError("price")


@pytest.mark.usefixtures("one_set")
def test_a_named_judge_is_run_over_the_chosen_part(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--judge", f"{__name__}:holds", "--kinds", "scale_thousand,in_order,prior_rises", "--sizes", "0,1"]
    assert bench.main([*arguments, "--severities", "plain", "--cases"]) == 1
    json_lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    shown = [line for line in json_lines if line["name"] == "triage_case"]
    assert [(line["kind"], line["outcome"]) for line in shown] == [
        ("scale_thousand", "held, right reason"), ("prior_rises", "held, other reason"),
        ("scale_thousand", "held, right reason"), ("prior_rises", "held, other reason"),
        ("in_order", "held, other reason"), ("in_order", "held, other reason"),
    ]  # fmt: skip


@pytest.mark.usefixtures("one_set")
def test_a_judge_that_fails_is_counted_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        bench.main(
            ["--judge", f"{__name__}:fails", "--kinds", "scale_thousand", "--sizes", "0", "--severities", "mild"]
        )
        == 1
    )
    out = capsys.readouterr().out
    assert '"why": "KeyError: \'price\'"' in out
    assert "| `scale_thousand` | fault | 1 |  |  |  |  |  | 1 |" in out


@pytest.mark.usefixtures("one_set")
def test_the_list_needs_no_judge(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--list", "--kinds", "scale_thousand"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first == {
        "name": "triage_kind", "group": "fault", "kind": "scale_thousand", "cases": 6, "sets": ["made_up"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "part", [("--sets", "adults"), ("--kinds", "scale"), ("--sizes", "3"), ("--severities", "hard")]
)
def test_an_unknown_part_is_refused(part: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--list", *part])
    assert f"{part[0]}: {part[1]} is not known" in capsys.readouterr().err


def test_a_set_without_data_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> LiveSet:
        raise FileNotFoundError("adult.data")

    monkeypatch.setattr(cases_module, "SETS", {"adult": missing})
    assert bench.main(["--judge", f"{__name__}:holds"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])["name"] == "triage_absent"


def test_the_judge_of_sluice_is_connected(live: LiveSet) -> None:
    training = live.training().seen()
    window = live.draw(live.sizes[1], 0)
    assert connected(training, window.seen()) == Verdict(Decision.NOTHING)
    faulty, truth = FAULTS["scale_thousand"].apply(window, 0, 1.0)
    assert connected(training, faulty.seen()) == Verdict(Decision.HELD, Reason.SCALE, truth.columns)


def test_the_page_of_results_counts_as_the_bench_does(
    every_case: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    results = [Result.of(case, true_verdict(case)) for case in every_case]
    for case, result in zip(every_case, results, strict=True):
        bench.say_case(case, result)
    cases = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    of_bench = found(results)
    of_page = {line["name"].removeprefix("triage_"): (line["value"], line["ok"]) for line in result_page.figures(cases)}
    assert of_page == {name: of_bench[name] for name in of_page}
    assert by_kind(results) == result_page.by_kind(cases)
    assert result_page.page_part(cases).count("| `scale_thousand` | fault |") == 1


def test_the_tables_of_results_are_on_the_page() -> None:
    page = result_page.PAGE.read_text(encoding="utf-8")
    assert page.index(result_page.BEGIN) < page.index("faults_trained_on` |", page.index(result_page.BEGIN))
    assert page.index("Held out: telco_churn") < page.index(result_page.END)


def test_a_judge_has_a_module_and_a_function() -> None:
    with pytest.raises(ValueError, match="module:function"):
        named("somewhere")


def test_the_page_has_the_tables_of_the_registry() -> None:
    assert kinds_tables() in bench.PAGE.read_text(encoding="utf-8"), "run `python -m benchmarks.triage --write-docs`"

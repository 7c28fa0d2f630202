"""The pages about an evaluated model: all that is known is on them, nothing on them acts, any part may be absent."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import pytest

from sluice.contract import Contract
from sluice.page import POLICY
from sluice.records.encoding import Encoding
from sluice.records.evaluation import Evaluation, PairedDifference
from sluice.records.plots import Plots
from sluice.reports import evaluation as report
from sluice.reports import model_card
from sluice.reports.facts import gain_in_words
from testing.evaluated_model import RUN, facts, unlabelled

PROBLEMS = ("binary", "multiclass", "regression")
HOSTILE = ("<script>window.ran=1</script>", '"><img src=x onerror=window.ran=1>', "</svg><svg onload=window.ran=1>")


class Seen(HTMLParser):
    """What a browser would find: tags, attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("render", [report.render, model_card.render], ids=["report", "card"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_hostile_names_are_text(problem: str, render) -> None:  # type: ignore[no-untyped-def]
    page = render(facts(problem, HOSTILE))
    seen = Seen(page)
    assert not seen.tags & {
        "script",
        "img",
        "a",
        "iframe",
        "link",
        "object",
        "image",
        "foreignobject",
        "use",
        "animate",
    }
    assert not [name for name in seen.attributes if name.startswith("on") or name in ("href", "src", "style", "srcdoc")]
    assert HOSTILE[0] in seen.text
    assert POLICY.startswith("default-src 'none'")
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_report_says_what_was_measured(problem: str) -> None:
    known = facts(problem)
    text = Seen(report.render(known)).text
    headings = [
        "Decision of the gates",
        "Metrics on the test rows",
        "Plots",
        "Groups and fairness",
        "What the model relies on",
    ]
    assert [heading for heading in headings if heading not in text] == []
    own = {
        "binary": ["ROC curve", "Precision and recall", "Calibration", "Confusion matrix", "Profit", "Thresholds"],
        "multiclass": ["ROC curves", "Calibration", "Confusion matrix", "Classes, the most frequent first"],
        "regression": [
            "True and predicted values",
            "Residuals by prediction",
            "Residual summary",
            "mape leaves them out",
        ],
    }[problem]
    shown = [*own, "Permutation importance", "Contributions (SHAP values)", "Robustness"]
    assert [title for title in shown if title not in text] == []
    assert ("over rows and 3 classes" in text) == (problem == "multiclass")
    assert ("as thick as there are rows" in text) == (problem != "multiclass")
    assert "the gap is above 0.1" in text
    assert "12 texts have no word of any topic" in text
    assert "DBSCAN on 180 of 200 rows and 3 columns. Clusters: 8. Noise: 9 rows (5.0%)" in text
    assert "6 smaller ones" in text
    assert "by topic" in text
    assert "not defined: because of search" in text
    assert "values that are too rare to be measured: 3, with 30 rows" in text
    assert "Not measured for lack of time: 1" in text
    assert "500 draws" in text
    assert "The best trials" in text
    assert "1 trial has no score: it failed" in text
    assert "more rows of search would help" in text
    for metric in known.evaluation.candidate.metrics:
        assert metric in text


def test_numbers_keep_their_digits_whatever_their_size() -> None:
    text = Seen(report.render(facts("regression"))).text
    assert "43,210" in text or "43,211" in text
    assert "0.00012" in text, "a small error is not 0.0001"
    assert "5.2 times as many positives" in Seen(report.render(facts("binary"))).text


def test_equal_trials_are_one_row_by_the_name_of_what_was_fitted() -> None:
    """20 best trials, all ridge 5.3299, named "ridge regression (logistic_regression)"."""
    known = facts("regression")
    trial = {"family": "logistic_regression", "score": 5.3299, "weight": 0.0, "seconds": 0.5, "from": "search"}
    trials = [{**trial, "score": 5.32990001 if n else 5.3299, "weight": 0.0 if n else 1.0} for n in range(25)]
    plots = known.plots.model_copy(update={"trials": [*trials, {**trial, "family": "svm", "score": 9.5}]})
    candidate = known.evaluation.candidate.model_copy(update={"family": "auto", "members": ["logistic_regression"]})
    found = known.evaluation.model_copy(update={"candidate": candidate})
    text = Seen(report.render(dataclasses.replace(known, plots=plots, evaluation=found))).text.replace("\n", "")
    assert "ridge regression255.3299100%12.5search" in text
    assert "support vector regression19.5000–0.5search" in text
    assert "logistic_regression" not in text
    assert "auto (one model: ridge regression)" in text
    assert "weighted ensemble" not in text


def test_the_tiles_have_the_sign_of_the_gates() -> None:
    """A lower error is a gain: the tile said -9.62 above a gate that said a gain of +9.62."""
    known = facts("regression")
    pair = PairedDifference(difference=-9.6211, low=-10.5, high=-8.75)
    better = known.evaluation.model_copy(update={"metric": "rmse", "paired_baseline": {"rmse": pair}})
    text = Seen(report.render(dataclasses.replace(known, evaluation=better))).text
    assert "Against the baseline9.62 bettergain +8.75 to +10.50" in text.replace("\n", "")
    assert "-9.6211" not in text
    assert gain_in_words("roc_auc", pair)[0] == "9.62 worse"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_card_names_where_the_model_comes_from(problem: str) -> None:
    text = Seen(model_card.render(facts(problem))).text
    told = [
        RUN,
        "a" * 64,
        "c" * 64,
        "d1, d2",
        "v1",
        "demographic parity difference",
        "Will it be bought?",
        "channel",
        "r9",
        "about 20% for the test (rows are assigned by hash)",
    ]
    assert [each for each in told if each not in text] == []


@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_evaluation_without_the_new_members_has_its_pages(problem: str) -> None:
    """One that an older deployment wrote, or that could not measure the candidate."""
    full = facts(problem)
    bare = full.evaluation.model_copy(
        update={
            "candidate": full.evaluation.candidate.model_copy(
                update={"metrics": {}, "latency_ms": {}, "size_bytes": None}
            ),
            **dict.fromkeys(
                (
                    "baseline",
                    "champion",
                    "paired",
                    "paired_baseline",
                    "intervals",
                    "importance",
                    "exploration",
                    "contributions",
                    "robustness",
                    "learning_curve",
                )
            ),
            **{name: {} for name in ("fairness", "slices", "slices_left_out", "residuals", "undefined", "thresholds")},
            "not_compared": {"candidate": "3 test rows have a class that no training row has"},
        }
    )
    old = type(full)(full.inputs, bare, Plots(), "inconclusive", ["no evidence"], [], full.at)
    text = Seen(report.render(old)).text
    assert "Plots" not in text
    assert "3 test rows have a class that no training row has" in text
    assert "no evidence" in text
    assert "3 test rows have a class" in Seen(model_card.render(old)).text


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_models_without_labels_have_their_pages(kind: str) -> None:
    known = unlabelled(kind, HOSTILE)
    for page in (report.render(known), model_card.render(known)):
        seen = Seen(page)
        assert not seen.tags & {"script", "img"}
        assert HOSTILE[0] in seen.text
    text = Seen(report.render(known)).text
    assert ("Segments of the test rows" in text) == (kind == "clustering")
    assert "Agreement with the champion" in text


def test_where_the_names_of_segments_come_from_is_in_the_report() -> None:
    known = unlabelled("clustering", ["a"])
    names = {"champion": RUN, "kept": 2, "new": 1, "gone": 3}
    found = known.evaluation.unlabelled
    assert found is not None
    told = found.model_copy(update={"training": {"names": names}})
    changed = dataclasses.replace(known, evaluation=known.evaluation.model_copy(update={"unlabelled": told}))
    assert f"2 segments keep the name that they have in {RUN}; 1 are new, 3 of its" in Seen(report.render(changed)).text


def test_a_problem_type_without_plots_of_its_own_has_a_report() -> None:
    known = facts("regression")
    other = known.evaluation.model_copy(update={"problem": "ranking"})
    page = report.render(type(known)(known.inputs, other, Plots(), "approved", ["ok"], [], known.at))
    assert "Metrics on the test rows" in page


def test_the_card_says_what_is_read_of_the_time() -> None:
    known = facts("regression")
    plain = known.inputs.contract.model_dump(mode="json")
    plain["data"]["columns"]["at"] = {"type": "timestamp"}
    plain["data"]["time"], plain["features"]["time"] = "at", "seasonal"
    contract = Contract.model_validate(plain)
    seasons = Encoding.model_validate({"seasons": {"at": {"used": ["hour", "weekday"], "left_out": {"month": "why"}}}})
    changed = dataclasses.replace(
        known,
        inputs=known.inputs.model_copy(update={"contract": contract}),
        evaluation=known.evaluation.model_copy(update={"encoding": seasons}),
    )
    assert "at (hour and weekday)" in Seen(model_card.render(changed)).text
    assert "'at' is a feature by its hour and weekday; month is left out: why" in Seen(report.render(changed)).text


def test_the_first_lines_have_the_verdict_and_what_is_better() -> None:
    text = Seen(report.render(facts("regression"))).text.replace("\n", "")
    assert "The only gate fails. recall by channel" in text
    assert text.index("The only gate fails") < text.index("Decision of the gates")
    assert "lower is better; 95 % interval" in text


def test_trials_beyond_the_axis_are_counted() -> None:
    trial = {"family": "forest", "weight": 0.0, "seconds": 0.5, "from": "search"}
    scores = [0.9, 0.91, 0.92, 0.93, 0.1, 0.2]
    trials = [{**trial, "score": score} for score in scores]
    known = facts("binary")
    plots = known.plots.model_copy(update={"trials": trials})
    assert (
        "2 far from the others are drawn at the edge"
        in Seen(report.render(dataclasses.replace(known, plots=plots))).text
    )


def test_a_segment_s_median_is_written_without_powers_of_ten() -> None:
    known = unlabelled("clustering", ["a"])
    trait = {"column": "Grocery", "segment": 13261.25, "all": 5018.0, "effect": 0.7}
    found = {"segments": [{"name": "s", "rows": 4, "share": 1.0, "traits": [trait]}]}
    changed = Evaluation.of({**known.evaluation.plain(), "unlabelled": found}, "the test's evaluation")
    assert "Grocery 13,261 (all rows: 5018)" in Seen(report.render(dataclasses.replace(known, evaluation=changed))).text


def test_a_gate_that_fails_comes_before_one_that_is_inconclusive() -> None:
    known = facts("binary")
    failed = known.verdicts[0]
    unsure = {**failed, "outcome": "inconclusive", "reason": "too few test rows"}
    text = Seen(report.render(dataclasses.replace(known, verdicts=[unsure, failed]))).text
    assert f"1 of 2 gates fails; 1 is inconclusive, which never counts as passed. {failed['reason']}" in text

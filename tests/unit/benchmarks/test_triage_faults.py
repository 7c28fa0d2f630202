"""Each fault changes what its truth says and nothing else, has that truth, and depends on its seed alone."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

from benchmarks.triage import faults
from benchmarks.triage.faults import FAULTS
from benchmarks.triage.faults.registry import Fault, fault
from benchmarks.triage.sets import LiveSet
from benchmarks.triage.truth import Decision, NotApplicableError, Reason, Source
from benchmarks.triage.window import TIME, Window, differs

SIZE = 600


@pytest.fixture(scope="module")
def window(live: LiveSet) -> Window:
    return live.draw(SIZE, 1)


def same_rows(one: Window, other: Window) -> bool:
    """Equal in every value; a column of whole numbers may have become one of floats."""
    return (
        list(one.rows.columns) == list(other.rows.columns)
        and not any(differs(one.rows[name], other.rows[name]).any() for name in one.rows.columns)
        and one.labels.equals(other.labels)
        and all(
            np.array_equal(vars(one)[name], vars(other)[name], equal_nan=name in ("arrived", "labelled"))
            for name in ("arrived", "labelled", "client", "host", "origin")
        )
    )


@pytest.mark.parametrize("kind", FAULTS)
def test_only_the_named_columns_change_and_only_from_the_named_row_on(window: Window, kind: str) -> None:
    faulty, truth = FAULTS[kind].apply(window, 3)
    of_origin = pd.Series(np.arange(len(window)), index=window.origin)[faulty.origin].to_numpy()
    for name in window.rows.columns:
        before, after = window.rows[name].iloc[of_origin].reset_index(drop=True), faulty.rows[name]
        changed = differs(before, after)
        if name in truth.columns:
            continue
        assert not changed.any(), name
        assert before.dtype == after.dtype, name
    if truth.reason is not Reason.LABELS:
        assert faulty.labels.equals(window.labels.iloc[of_origin].reset_index(drop=True))
    assert truth.first is not None
    before_it = np.arange(truth.first)
    assert same_rows(faulty.take(before_it), window.take(before_it))
    assert list(faulty.rows.columns) == list(window.rows.columns)
    assert len(faulty.rows) == len(faulty.labels) == len(faulty.arrived) == len(faulty.client) == len(faulty.host)
    assert (np.diff(faulty.arrived.astype(np.int64)) >= 0).all() or kind == "batch_twice"


@pytest.mark.parametrize("kind", FAULTS)
def test_each_named_column_does_change(window: Window, kind: str) -> None:
    faulty, truth = FAULTS[kind].apply(window, 3)
    if len(faulty) != len(window):
        assert sorted(faulty.origin) != sorted(window.origin)
        return
    for name in truth.columns:
        assert differs(window.rows[name], faulty.rows[name]).any(), name
    assert 0 < truth.rows <= len(window)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_depends_on_its_seed_alone_and_leaves_the_given_window(
    live: LiveSet, window: Window, kind: str
) -> None:
    one, truth = FAULTS[kind].apply(window, 7)
    two, again = FAULTS[kind].apply(live.draw(SIZE, 1), 7)
    assert same_rows(one, two)
    assert truth == again
    assert same_rows(window, live.draw(SIZE, 1))


@pytest.mark.parametrize("kind", FAULTS)
def test_the_truth_is_that_of_the_registration(window: Window, kind: str) -> None:
    registered = FAULTS[kind]
    _, truth = registered.apply(window, 3)
    assert (truth.kind, truth.reason, truth.also, truth.note) == (
        kind, registered.reason, registered.also, registered.text,
    )  # fmt: skip
    assert Decision.HELD in truth.decisions
    assert Decision.RETRAIN not in truth.decisions
    assert truth.reason not in truth.also
    assert set(truth.columns) <= set(window.rows.columns)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_severe_fault_reaches_at_least_as_many_rows_as_a_mild_one(window: Window, kind: str) -> None:
    mild, severe = (FAULTS[kind].apply(window, 3, severity) for severity in (0.3, 1.0))
    if mild[1].columns == severe[1].columns:
        assert mild[1].rows <= severe[1].rows


def test_other_seeds_choose_other_columns_or_rows(window: Window) -> None:
    outcomes = {kind: {FAULTS[kind].apply(window, seed)[1].columns for seed in range(8)} for kind in FAULTS}
    assert len(outcomes["scale_thousand"]) == 2
    assert len(outcomes["categories_renamed"]) == 3
    assert sum(len(found) > 1 for found in outcomes.values()) > len(FAULTS) / 2


def test_there_are_as_many_kinds_as_the_issue_demands_and_half_of_them_are_the_authors_own() -> None:
    own = [each for each in FAULTS.values() if each.source is Source.OWN]
    assert len(FAULTS) >= 40
    assert 2 * len(own) >= len(FAULTS)
    assert len({each.text for each in FAULTS.values()}) == len(FAULTS)


def test_every_decorated_function_is_registered() -> None:
    modules = (faults.numbers, faults.words, faults.rows, faults.clocks_and_labels)
    decorated = sum(inspect.getsource(module).count("\n@fault(") for module in modules)
    decorated += sum(inspect.getsource(module).count("\n@column(") for module in modules)
    assert decorated == len(FAULTS)


def test_a_name_cannot_be_registered_twice() -> None:
    def scale_thousand(window: Window, chance: np.random.Generator, severity: float) -> tuple[Window, tuple[str, ...]]:
        return window, ()

    with pytest.raises(ValueError, match="registered twice"):
        fault(Reason.SCALE, Source.OWN, "again")(scale_thousand)


def test_a_fault_that_changes_nothing_is_refused(window: Window) -> None:
    idle = Fault("idle", Reason.SCALE, Source.OWN, "nothing", lambda window, chance, severity: (window, ()))
    with pytest.raises(NotApplicableError, match="changes nothing"):
        idle.apply(window, 0)


@pytest.mark.parametrize("severity", [0, 1.01, -1])
def test_a_severity_outside_its_range_is_refused(window: Window, severity: float) -> None:
    with pytest.raises(ValueError, match="severity"):
        FAULTS["scale_thousand"].apply(window, 0, severity)


def one_column(window: Window, kind: str, severity: float = 1.0) -> tuple[pd.Series, pd.Series]:
    """The column before and after."""
    faulty, truth = FAULTS[kind].apply(window, 3, severity)
    (name,) = truth.columns
    return window.rows[name], faulty.rows[name]


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("scale_thousand", 1000), ("seconds_as_minutes", 1 / 60), ("rate_as_percent", 100), ("sign_flipped", -1)],
)
def test_units_have_the_factor_that_they_say(window: Window, kind: str, factor: float) -> None:
    before, after = one_column(window, kind)
    assert np.allclose(after, before * factor, equal_nan=True)


def test_half_of_the_window_is_as_before_at_half_severity(window: Window) -> None:
    before, after = one_column(window, "scale_thousand", 0.5)
    assert np.array_equal(np.flatnonzero(differs(before, after)), np.arange(SIZE // 2, SIZE))


def test_a_decimal_comma_is_lost_with_its_digits(window: Window) -> None:
    given = window.with_columns({"price": np.resize([12.5, 3.75, 100.0, np.nan], SIZE)})
    given = given.with_columns({"rate": given.rows["price"]})
    _, after = one_column(given, "decimal_comma")
    assert after[:3].tolist() == [125, 375, 100]
    assert np.isnan(after[3])


def test_the_thousands_are_cut_at_their_separator(window: Window) -> None:
    given = window.with_columns({"price": np.resize([999.5, 12_345.0, 1_000.0, 2_345_678.0], SIZE)})
    _, after = one_column(given, "thousands_cut")
    assert after[:4].tolist() == [999.5, 12, 1, 2]


def test_swapped_columns_have_each_others_values(window: Window) -> None:
    faulty, truth = FAULTS["columns_swapped"].apply(window, 3, 1.0)
    one, other = truth.columns
    assert faulty.rows[one].equals(window.rows[other].rename(one))
    assert faulty.rows[other].equals(window.rows[one].rename(other))


def test_a_broken_join_keeps_each_columns_values_and_the_rows_of_the_other_table(window: Window) -> None:
    faulty, truth = FAULTS["broken_join"].apply(window, 3, 1.0)
    columns = list(truth.columns)
    before, after = (sorted(each.rows[columns].astype(str).agg("|".join, axis=1)) for each in (window, faulty))
    assert before == after


def test_mojibake_is_utf8_read_as_windows_1252(window: Window) -> None:
    before, after = one_column(window, "mojibake")
    blank = before.str.contains(" ", na=False)
    assert after[blank].str.contains("\u00c2\u00a0", regex=False).all()
    assert (
        after[blank].str.encode("cp1252").str.decode("utf-8").tolist()
        == before[blank].str.replace(" ", "\u00a0").tolist()
    )


@pytest.mark.parametrize(
    "kind", ["categories_renamed", "enumeration_shifted", "masked", "codes_for_words", "percent_encoded"]
)
def test_renaming_is_one_for_one_and_keeps_nulls(window: Window, kind: str) -> None:
    before, after = one_column(window, kind)
    pairs = pd.DataFrame({"before": before, "after": after}).dropna().drop_duplicates()
    assert len(pairs) == before.nunique() == after.nunique()
    assert before.isna().equals(after.isna())


def test_an_inverted_flag_is_the_other_value(window: Window) -> None:
    before, after = one_column(window, "flag_inverted")
    assert (after == ~before).all()


def test_a_batch_comes_again_at_once(window: Window) -> None:
    faulty, truth = FAULTS["batch_twice"].apply(window, 3)
    assert truth.first is not None
    again = faulty.take(np.arange(truth.first, truth.first + truth.rows))
    assert again.origin.tolist() == faulty.origin[truth.first - truth.rows : truth.first].tolist()
    assert len(faulty) == len(window) + truth.rows


def test_one_client_is_the_only_one_that_differs(window: Window) -> None:
    faulty, truth = FAULTS["one_client"].apply(window, 3)
    changed = differs(window.rows[truth.columns[0]], faulty.rows[truth.columns[0]])
    assert len(set(window.client[changed])) == 1


def test_day_and_month_are_swapped_only_where_that_is_a_date(window: Window) -> None:
    times = np.array(["2026-03-04T05:06:07", "2026-03-13T00:00:00", "2026-05-05T01:00:00"], dtype=object)
    given = window.with_columns({TIME: np.resize(times, SIZE)})
    _, after = one_column(given, "day_and_month_swapped")
    assert after[:3].tolist() == ["2026-04-03T05:06:07", "2026-03-13T00:00:00", "2026-05-05T01:00:00"]


def test_delayed_labels_are_not_known_yet(window: Window) -> None:
    faulty, truth = FAULTS["labels_delayed"].apply(window, 3)
    assert faulty.seen().labels.isna().sum() >= truth.rows
    assert window.seen().labels.isna().sum() == 0


def test_inverted_labels_need_two_classes(priced: LiveSet) -> None:
    with pytest.raises(NotApplicableError, match="two classes"):
        FAULTS["labels_inverted"].apply(priced.draw(50, 0), 0)


@pytest.mark.parametrize(
    "kind", [kind for kind in FAULTS if FAULTS[kind].reason is Reason.LABELS and kind != "labels_inverted"]
)
def test_labels_of_a_regression_can_have_the_other_faults(priced: LiveSet, kind: str) -> None:
    window = priced.draw(300, 0)
    faulty, truth = FAULTS[kind].apply(window, 1)
    assert truth.rows > 20
    assert faulty.rows.equals(window.rows)

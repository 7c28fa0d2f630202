"""Each real drift is visible, plausible and made from rows of the pool; other windows hold such rows unchanged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.triage.cases import strength, varied
from benchmarks.triage.drifts import DRIFTS, digits_of, direction, labels_of_pool
from benchmarks.triage.none import NONE
from benchmarks.triage.sets import SETS, LiveSet
from benchmarks.triage.truth import Decision, NotApplicableError, Reason
from benchmarks.triage.window import TIME, Window, differs

SIZE = 1_500


def moved(window: Window, live: LiveSet) -> float:
    """The greatest difference from the pool: of a number's or label's mean in standard deviations, of half a spread's
    logarithm (outliers move it), of a category's share, and of the label's correlation with the common direction."""
    pool = live.frame.iloc[live.pool]
    found = [0.0]
    for name in live.roles.numbers:
        old, new = pool[name].astype(float), window.rows[name].astype(float)
        found += [abs(new.mean() - old.mean()) / old.std(), abs(np.log(new.std() / old.std())) / 2]
    for name in live.roles.categories:
        old, new = (each.value_counts(normalize=True) for each in (pool[name], window.rows[name]))
        found.append(float(new.subtract(old, fill_value=0).abs().max()))
    labels = labels_of_pool(live)
    found.append(abs(window.label_values.mean() - labels.mean()) / labels.std())
    with_direction = [
        np.corrcoef(direction(live, rows), values)[0, 1]
        for rows, values in ((pool, labels), (window.rows, window.label_values))
    ]
    return max(*found, abs(with_direction[0] - with_direction[1]))


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_drift_is_greater_than_chance_and_grows_with_its_severity(live: LiveSet, kind: str) -> None:
    usual = max(moved(live.draw(SIZE, seed), live) for seed in range(3))
    mild, severe = (moved(DRIFTS[kind].draw(live, SIZE, 2, severity)[0], live) for severity in (0.2, 1.0))
    assert severe > 1.5 * usual
    assert severe > mild or kind == "unseen_season"


@pytest.mark.parametrize("name", [name for name in SETS if name != "bike_sharing"])
def test_every_drift_of_a_real_set_is_greater_than_chance(name: str) -> None:
    """bike_sharing is left out: its windows are stretches of the calendar, whose means move with the season."""
    try:
        live = SETS[name]()
    except FileNotFoundError:
        pytest.skip(f"the data of {name} are not in shared/data")
    usual = max(moved(live.draw(live.sizes[1], seed), live) for seed in range(3))
    found = {}
    for kind, drift in DRIFTS.items():
        try:
            found[kind] = moved(drift.draw(live, live.sizes[1], 1)[0], live)
        except NotApplicableError:
            continue
    assert len(found) >= 15
    assert {kind: size for kind, size in found.items() if size < 1.3 * usual} == {}


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_drift_depends_on_its_seed_alone(live: LiveSet, kind: str) -> None:
    one, truth, _ = DRIFTS[kind].draw(live, 300, 4)
    two, again, _ = DRIFTS[kind].draw(live, 300, 4)
    other, _, _ = DRIFTS[kind].draw(live, 300, 5)
    assert one.rows.equals(two.rows)
    assert one.labels.equals(two.labels)
    assert truth == again
    assert not one.rows.equals(other.rows)


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_drift_holds_different_rows_of_the_pool_and_no_row_of_the_training_window(live: LiveSet, kind: str) -> None:
    window, truth, own = DRIFTS[kind].draw(live, SIZE, 1)
    assert len(set(window.origin)) == len(window) <= SIZE
    assert set(window.origin) <= set(live.pool)
    assert truth.decisions == {Decision.RETRAIN}
    assert truth.first is not None
    assert 0 <= truth.first < len(window)
    assert truth.kind == kind
    untouched = [name for name in live.frame.columns if name not in truth.columns]
    for name in untouched:
        assert not differs(live.frame[name].iloc[window.origin], window.rows[name]).any(), name
    assert own is None or not set(own.origin) & set(live.pool)


@pytest.mark.parametrize("kind", [kind for kind in DRIFTS if kind != "unseen_season"])
def test_numbers_stay_in_their_kind(live: LiveSet, kind: str) -> None:
    window, _, _ = DRIFTS[kind].draw(live, SIZE, 1, 1.0)
    for name in live.roles.rates:
        assert window.rows[name].dropna().between(0, 1).all()
    assert (window.rows["pages"] == np.rint(window.rows["pages"])).all()
    assert set(window.labels) == {"yes", "no"}


def test_there_are_as_many_kinds_as_the_issue_demands() -> None:
    assert len(DRIFTS) >= 15
    assert len({each.text for each in DRIFTS.values()}) == len(DRIFTS)
    assert all(each.reason not in each.also for each in DRIFTS.values())


def test_the_prior_rises_by_thirty_points(live: LiveSet) -> None:
    usual = live.training().label_values.mean()
    assert DRIFTS["prior_rises"].draw(live, SIZE, 0)[0].label_values.mean() == pytest.approx(usual + 0.3, abs=0.05)


def test_prices_rise_by_half_and_not_by_one_factor(live: LiveSet) -> None:
    window, _, _ = DRIFTS["prices_rise"].draw(live, SIZE, 0)
    factor = window.rows["price"].to_numpy() / live.frame["price"].to_numpy()[window.origin]
    assert factor.mean() == pytest.approx(1.5, abs=0.02)
    assert factor.std() > 0.05


def test_a_concept_drifts_alone_in_the_labels(live: LiveSet) -> None:
    window, truth, _ = DRIFTS["concept_alone"].draw(live, SIZE, 0)
    usual = live.draw(SIZE, 0)
    assert window.rows.equals(usual.rows)
    assert truth.columns == ()
    assert (window.labels != usual.labels).mean() > 0.1


def test_an_unseen_season_is_not_in_its_training_window(live: LiveSet) -> None:
    window, _, own = DRIFTS["unseen_season"].draw(live, 200, 0)
    assert own is not None
    assert set(window.rows["country"]) == {"New Zealand"}
    assert "New Zealand" not in set(own.rows["country"])


def test_a_trend_begins_at_the_usual_place_and_has_as_many_rows_at_its_end(live: LiveSet) -> None:
    window, _, _ = DRIFTS["slow_trend"].draw(live, 3_000, 0, 1.0)
    scores = direction(live, window.rows)
    parts = np.array_split(scores, 4)
    assert abs(parts[0].mean()) < 0.35
    assert parts[3].mean() > parts[0].mean() + 0.5


def test_a_set_without_the_role_says_so(live: LiveSet) -> None:
    poor = LiveSet(**{**vars(live), "roles": type(live.roles)(amounts=("price",))})
    for kind in ("prices_rise", "new_segment", "ageing", "unseen_season", "mix_of_channels"):
        with pytest.raises(NotApplicableError, match="made_up has no"):
            DRIFTS[kind].draw(poor, 100, 0)


def test_a_labels_drift_of_a_regression_moves_its_numbers(priced: LiveSet) -> None:
    window, _, _ = DRIFTS["concept_alone"].draw(priced, 500, 0)
    assert (window.labels != priced.draw(500, 0).labels).mean() > 0.9
    assert (window.label_values >= 1).all()


@pytest.mark.parametrize("kind", [kind for kind in NONE if kind not in ("one_day", "one_week", "one_month")])
def test_a_window_without_a_change_has_the_values_of_its_rows(live: LiveSet, kind: str) -> None:
    window, truth = NONE[kind].draw(live, 400, 3)
    assert truth.reason is Reason.NONE
    assert truth.decisions == {Decision.NOTHING}
    assert len(set(window.origin)) == 400
    for name in live.frame.columns:
        assert not differs(live.frame[name].iloc[window.origin], window.rows[name]).any(), name
    assert window.labels.tolist() == live.labels.iloc[window.origin].tolist()
    assert (window.rows[TIME].to_numpy(dtype="datetime64[s]") == window.arrived).all()


def test_days_weeks_and_months_are_those_of_the_calendar(live: LiveSet) -> None:
    times = np.datetime64("2024-01-01T00:00:00", "s") + np.arange(len(live.frame)).astype("timedelta64[h]")
    hourly = LiveSet(**{
        **vars(live), "times": times, "runs": True,
        "in_training": (times.astype("datetime64[D]").astype(np.int64) // 14) % 2 == 0,
    })  # fmt: skip
    for kind, rows in (("one_day", 24), ("one_week", 168)):
        window, _ = NONE[kind].draw(hourly, 0, 1)
        assert len(window) == rows
        assert (np.diff(window.arrived) == np.timedelta64(3600, "s")).all()
    month, _ = NONE["one_month"].draw(hourly, 0, 1)
    assert len(np.unique(month.arrived.astype("datetime64[M]"))) == 1
    with pytest.raises(NotApplicableError):
        NONE["one_day"].draw(live, 0, 1)


def test_a_weighted_draw_has_the_weighted_distribution(live: LiveSet) -> None:
    window = live.draw(5_000, 1, lambda rows, when: np.where(rows["member"], 1.0, 0.25))
    share = live.frame["member"].iloc[live.pool].mean()
    assert window.rows["member"].mean() == pytest.approx(share / (share + 0.25 * (1 - share)), abs=0.04)
    assert len(window) < 5_000


def test_a_judge_sees_neither_origin_nor_roles_nor_labels_that_have_not_come(live: LiveSet) -> None:
    window = live.draw(200, 0)
    early = Window(**{**vars(window), "now": window.arrived[100]})
    seen = early.seen()
    assert not {"origin", "roles"} & set(vars(seen))
    unknown = early.labelled > early.now
    assert seen.labels.isna().tolist() == unknown.tolist()
    assert np.isnat(seen.labelled).tolist() == unknown.tolist()
    seen.rows.loc[:, "price"] = 0
    assert not (window.rows["price"] == 0).any()


@pytest.mark.parametrize("name", SETS)
def test_a_real_set_has_rows_for_its_sizes_and_only_columns_that_exist(name: str) -> None:
    try:
        live = SETS[name]()
    except FileNotFoundError:
        pytest.skip(f"the data of {name} are not in shared/data")
    assert len(live.pool) >= live.sizes[2]
    assert live.in_training.sum() >= 2_500
    roles = {each for value in vars(live.roles).values() if isinstance(value, tuple) for each in value}
    named = {name for each in roles for name in ((each,) if isinstance(each, str) else each)}
    assert named | set(live.roles.season) <= set(live.frame.columns)
    window, training = live.draw(live.sizes[0], 0), live.training()
    assert not set(window.origin) & set(training.origin)
    assert (np.diff(window.arrived.astype(np.int64)) >= 0).all()
    assert set(live.types) == set(window.rows.columns)
    for column in live.roles.numbers:
        assert pd.api.types.is_numeric_dtype(window.rows[column]), column


def test_another_seed_takes_other_columns_of_the_same_roles_and_other_factors(live: LiveSet) -> None:
    orders = {varied(live, seed).roles.numbers for seed in range(8)}
    assert len(orders) > 1
    assert {frozenset(order) for order in orders} == {frozenset(live.roles.numbers)}
    assert varied(live, 0) is live
    assert strength("severe", "clipped", 0) == 1.0
    assert all(0.75 <= strength("severe", kind, 3) < 1.0 for kind in DRIFTS)


@pytest.mark.parametrize(("values", "digits"), [([1, 20], 0), ([1.5, 2], 1), ([53.98765], 5), ([1 / 3], 9)])
def test_a_drift_keeps_the_digits_of_a_column(values: list[float], digits: int) -> None:
    assert digits_of(np.array(values, dtype=float)) == digits

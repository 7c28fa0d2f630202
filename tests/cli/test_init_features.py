"""`sluice init` leaves out what gives the target away and what counts rows, and chooses the split by time or chance."""

from __future__ import annotations

import random

import pytest

from tests.cli.tables import ROWS, rides, shoppers, table


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


def test_times_of_every_year_are_compared(drafted):
    columns = table()
    columns["valid_until"] = ["9999-12-31" if each == "true" else "2026-01-31" for each in columns["bought"]]
    contract, text = drafted(columns, "--target", "bought")
    assert contract.data.columns["valid_until"].type == "timestamp"
    assert "'valid_until' is 'bought' in other words" in text


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


def test_a_column_that_predicts_as_well_as_all_is_drafted_as_dropped(drafted):
    contract, text = drafted(shoppers(), "--target", "bought")
    why = "'page_value' alone predicts 'bought' nearly as well as all columns together"
    assert contract.features.drop == ["page_value"]
    assert f"# DECIDE: {why}; or known_before?" in text
    assert f"DECIDE features.drop: without page_value ({why}); list what is known when asking in" in text


def test_a_time_with_nothing_beside_the_target_is_what_is_learned_from(drafted):
    times = [f"2026-01-{1 + row // 24:02} {row % 24:02}:00:00" for row in range(ROWS)]
    contract, text = drafted({"stamp": times, "value": [f"{row % 24}.5" for row in range(ROWS)]}, "--target", "value")
    assert (contract.data.time, contract.feature_columns) == (None, ["stamp"])
    told = "DECIDE data.time: 'stamp' is all there is to learn from"
    assert f"{told}; to find rare rows instead, give `init` --type anomaly\n" in text
    assert "  time: null  # DECIDE: 'stamp' is all there is to learn from, so it does not order the rows\n" in text
    assert f"{told}\n" in drafted({"stamp": times}, "--type", "anomaly")[1]


def hours(rows: int, gap: int = 1) -> list[object]:
    return [f"2026-01-{1 + row // 24 * gap:02} {row % 24:02}:00:00" for row in range(rows)]


def test_what_repeats_in_regular_times_is_drafted_as_features(drafted):
    rows = {**rides(), "at": hours(400)}
    contract, text = drafted(rows, "--target", "cnt")
    assert (contract.data.time, contract.data.split.by, contract.features.time) == ("at", "time", "seasonal")
    assert contract.feature_columns == ["temp", "at"]
    assert "DECIDE features.time: hour, weekday of 'at' are features; do requests have it?\n" in text
    assert "\nfeatures:\n  time: seasonal  # DECIDE: hour, weekday repeat; requests need 'at'\n  drop: [inst" in text
    _, text = drafted({name: rows[name] for name in ("temp", "cnt", "at")}, "--target", "cnt")
    assert "\nfeatures: {time: seasonal}  # DECIDE: hour, weekday repeat; requests need 'at'\n" in text


@pytest.mark.parametrize(
    ("times", "more", "hint"),
    [
        (hours(47), ["--target", "cnt"], False),  # too few of them to be regular
        ([f"{1900 + row}-01-01" for row in range(300)], ["--target", "cnt"], False),  # nothing repeats
        (sorted(random.Random(5).sample(hours(700), 300)), ["--target", "cnt"], True),  # events
        (hours(400), ["--type", "anomaly"], False),
    ],
)
def test_other_times_only_order_the_rows(drafted, times, more, hint):
    columns = {name: values[: len(times)] for name, values in rides().items() if name in ("temp", "cnt")}
    contract, text = drafted({**columns, "at": times}, *more)
    assert (contract.data.time, contract.features.time) == ("at", "none")
    assert "features.time: hour" not in text
    or_else = "features.time: seasonal also learns its hour, weekday" if hint else "null makes it a feature"
    assert f"  time: at  # DECIDE: orders the rows; {or_else}\n" in text


def test_a_column_is_compared_with_what_repeats_as_well(drafted):
    """Beside the hours, which the draft makes features, the temperature is not most of what there is to know."""
    chance = random.Random(9)
    at = [f"2026-0{1 + row // 672}-{1 + row // 24 % 28:02} {row % 24:02}:00:00" for row in range(3_000)]
    others = {f"noise{i}": [round(chance.random(), 3) for _ in at] for i in range(5)}
    temp = [round(chance.random(), 3) for _ in at]
    sold = [round(10 * (row % 24 > 11) + 12 * one + chance.random(), 2) for row, one in enumerate(temp)]
    contract, _ = drafted({"at": at, **others, "temp": temp, "sold": sold}, "--target", "sold")
    assert (contract.features.time, contract.features.drop) == ("seasonal", [])
    alone, _ = drafted({**others, "temp": temp, "sold": sold}, "--target", "sold")
    assert alone.features.drop == ["temp"]

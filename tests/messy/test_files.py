"""Every file of ../shared/data/messy_csv and messy_parquet goes through Sluice, and ends as a careful person expects.

What falls short today stands in known_short.yaml by the feature that is missing. A file that no longer falls short
fails its test until it is taken out of that list.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import pytest
import yaml

from tests.messy import files
from tests.messy.trusted import Dialect, read_csv
from tests.messy.verdict import Verdict

pytestmark = pytest.mark.skipif(
    files.DATA is None, reason="NOT RUN: ../shared/data/messy_csv and messy_parquet are not on this machine"
)
EXPECTED = files.expected()
CASES = [(kind, name) for kind, cases in EXPECTED.items() for name in cases]
SHORT: dict[str, list[str]] = yaml.safe_load((files.HERE / "known_short.yaml").read_text()) or {}
MAX_SHORT = 0
"""The list's length; it is lowered with the list, and never raised."""


@cache
def verdict(kind: str, name: str) -> Verdict:
    return files.check(kind, name)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_file_ends_as_expected(kind: str, name: str) -> None:
    feature = next((feature for feature, names in SHORT.items() if name in names), None)
    faults = verdict(kind, name).faults
    if feature is None:
        assert faults == {}
    else:
        assert faults, f"{name} no longer falls short: take it out of known_short.yaml ({feature}), and lower MAX_SHORT"
        assert "crash" not in faults


def test_the_list_of_what_falls_short_only_shrinks(capsys: pytest.CaptureFixture[str]) -> None:
    """And prints the counts, as a JSON line."""
    names = [name for names in SHORT.values() for name in names]
    assert len(names) == len(set(names)) == MAX_SHORT
    assert not set(names) - {name for _, name in CASES}
    verdicts = {(kind, name): verdict(kind, name) for kind, name in CASES}
    readable = [case for case in CASES if EXPECTED[case[0]][case[1]]["readable"]]
    silent = Counter(fault for found in verdicts.values() for fault in found.silent)
    right = sum(not verdicts[case].faults for case in readable)
    counts = {
        "files": len(CASES),
        "right": sum(not found.faults for found in verdicts.values()),
        "readable": len(readable),
        "readable_right": right,
        "silent_faults": dict(silent),
        "short_by_feature": {feature: len(names) for feature, names in SHORT.items()},
    }
    line = {"name": "messy files: readable ones accepted", "value": round(right / len(readable), 3), "goal": 0.9}
    with capsys.disabled():
        print(f"\n{json.dumps(line | {'ok': line['value'] >= 0.9} | counts)}")


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_expectations_are_what_the_trusted_readers_give(kind: str) -> None:
    assert set(files.judged()[kind]) == set(EXPECTED[kind])
    for name, facts in EXPECTED[kind].items():
        assert json.loads(json.dumps(files.describe(kind, name))) == facts


def test_the_trusted_reading_is_that_of_the_corpus_authors() -> None:
    """csv-spectrum states what each of its files holds; one of its statements is about another file."""
    assert files.DATA is not None
    folder = files.DATA / "messy_csv" / "csv_spectrum"
    for path in sorted(set((folder / "json").glob("*.json")) - {folder / "json" / "location_coordinates.json"}):
        truth = read_csv((folder / "csvs" / f"{path.stem}.csv").read_bytes(), Dialect())
        rows = [dict(zip(truth.names, cells, strict=True)) for _, cells in sorted(truth.solid.items())]
        assert rows == json.loads(path.read_text(encoding="utf-8")), path.name

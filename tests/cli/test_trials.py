"""`sluice why` lists what `auto` tried: members of the model first, and why others were left out."""

import json

from cli.trials import SHOWN, told
from sluice import keys
from sluice.records.search_budget import SearchBudget
from tests.cli.test_operating import RUN, start, write

TRIALS = [
    {"family": "lightgbm", "score": 0.91234, "seconds": 3.25, "weight": 0.0, "from": "portfolio", "left_out": ""},
    {"family": "extra_trees", "score": None, "seconds": 0.0, "weight": 0.0, "from": "portfolio",
     "left_out": "needs about 48 s, 9 s are left"},
    {"family": "logistic_regression", "score": 0.89, "seconds": 0.5, "weight": 1.0, "from": "search", "left_out": ""},
]  # fmt: skip


def test_why_lists_the_trials_of_auto(sluice, world):
    start(world)
    assert "Trials of auto" not in sluice("why", RUN)[1]
    write(world, keys.run("shop", RUN, "evaluation", "plots.json"), {"problem": "binary", "trials": TRIALS})
    code, printed, _ = sluice("why", RUN)
    assert code == 0
    assert "Trials of auto: 3, 2 with a score" in printed
    lines = printed[printed.index("Trials of auto") :].splitlines()
    assert lines[3].split()[:4] == ["2", "1", "logistic", "regression"]
    assert any("needs about 48 s, 9 s are left" in line for line in lines)
    assert json.loads(sluice("why", RUN, "--json")[1])["trials"] == TRIALS


def test_many_trials_are_cut_and_counted():
    text = told([{**TRIALS[0], "score": i / 100} for i in range(SHOWN + 5)])
    assert text.count("LightGBM") == SHOWN
    assert "and 5 other trials" in text


def test_equal_trials_are_one_row_with_their_number():
    text = told([*TRIALS[:1] * 20, TRIALS[1]])
    row = next(line for line in text.splitlines() if "LightGBM" in line)
    assert row.split()[:2] == ["0", "20"]
    assert "65" in row.split()  # all of their seconds
    assert text.count("LightGBM") == 1
    assert "other trial" not in text


def test_the_table_says_why_the_search_ended():
    searched = {"trials": 3, "scored": 2, "portfolio": 2, "judged": 2, "budget_seconds": 120.0}
    ended = {"seconds": 28.4, "ended": "all configurations were tried"}
    text = told(TRIALS, "binary", SearchBudget(**searched, **ended))
    assert "3, 2 with a score; the search ended after 28 of 120 s: all configurations were tried" in text

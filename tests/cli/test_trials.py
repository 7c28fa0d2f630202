"""`sluice why` lists what `auto` tried: members of the model first, and why others were left out."""

import json

from cli.trials import SHOWN, told
from sluice import keys
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
    assert lines[3].split()[:3] == ["2", "logistic", "regression"]
    assert any("needs about 48 s, 9 s are left" in line for line in lines)
    assert json.loads(sluice("why", RUN, "--json")[1])["trials"] == TRIALS


def test_many_trials_are_cut_and_counted():
    text = told(TRIALS[:1] * (SHOWN + 5))
    assert text.count("LightGBM") == SHOWN
    assert "and 5 other trials" in text

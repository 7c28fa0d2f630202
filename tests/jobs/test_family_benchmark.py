"""`make bench-families`: every family of the registries is a case, and a wrong answer is seen."""

from types import SimpleNamespace

import numpy as np
import pytest
from unsupervised.detectors import DETECTORS
from unsupervised.segmenters import SEGMENTERS

from benchmarks.serving.families import apart
from benchmarks.serving.family_cases import LARGEST, TYPICAL, cases, largest
from benchmarks.serving.page import FAMILIES_BEGIN, FAMILIES_END, Served, families_written
from families import FAMILIES
from sluice.model.search_spaces import SPACES


def test_every_family_of_the_registries_is_measured_and_has_a_goal():
    every = list(cases())
    assert {*FAMILIES, *DETECTORS, *SEGMENTERS, "ensemble"} == {case.family for case in every}
    assert {case.family for case in every if case.goal and case.size == TYPICAL} == {case.family for case in every}
    assert {case.family for case in every if case.texts} == {*FAMILIES, "ensemble"}
    assert len({case.name for case in every}) == len(every)


def test_the_largest_models_are_at_an_end_of_the_search_space():
    assert largest("lightgbm") == {"learning-rate": 0.02, "num-leaves": 64, "min-data-in-leaf": 3}
    assert largest("one_class_svm") == {"nu": 0.2}
    assert {case.family for case in cases() if case.size == LARGEST} >= {n for n, s in SPACES.items() if s["integer"]}


@pytest.mark.parametrize(("problem", "classes", "answer", "expected", "difference"), [
    ("regression", [], {"prediction": 10.5}, 10.0, 0.05),
    ("regression", [], {"prediction": 0.5}, 0.25, 0.25),
    ("binary", ["no", "yes"], {"prediction": "yes", "probability": 0.75}, [0.5, 0.5], 0.25),
    ("binary", ["no", "yes"], {"prediction": "yes", "probability": 0.25}, [0.75, 0.25], 0.25),  # below the threshold
    ("anomaly", [False, True], {"prediction": False, "score": 0.25}, [0.75, 0.25], 0.0),
    ("multiclass", ["a", "b", "c"], {"prediction": "b", "probability": 0.5}, [0.0, 0.5, 0.5], 0.0),
    ("multiclass", ["a", "b", "c"], {"prediction": "a", "probability": 0.25}, [0.25, 0.75, 0.0], 0.5),  # not the best
])  # fmt: skip
def test_an_answer_is_as_far_from_the_library_as_its_number_or_its_prediction(
    problem, classes, answer, expected, difference
):
    model = SimpleNamespace(labels=SimpleNamespace(problem=problem, classes=classes), threshold=0.5)
    assert apart(model, answer, np.array(expected)) == pytest.approx(difference)


def test_the_figures_stand_between_their_marker_lines():
    served = [Served("lof anomaly", "typical", 0.31, 1e-12), Served("lof anomaly", "largest", None, None)]
    page = families_written(f"a\n{FAMILIES_BEGIN}old\n{FAMILIES_END}b", "2 cores.", served)
    assert "| `lof anomaly` | 0.31 | not measured | 1e-12 |" in page
    assert "old" not in page
    assert families_written(page, "2 cores.", served) == page
    with pytest.raises(ValueError, match="marker lines"):
        families_written("a", "2 cores.", served)

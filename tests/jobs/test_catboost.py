"""CatBoost's trees are tables here, and so are its statistics of categories: to the bit, whatever the row has."""

import _ctypes
from pathlib import Path

import numpy as np
import pytest
from preparing import prepared, sample_of

from families import FAMILIES, Sample, Task
from families.rounds import ROOM
from scripts import pack_libraries
from sluice.model.encoder import Encoder
from sluice.model.errors import ArtifactError, ModelError
from sluice.model.schema import Schema
from sluice.model.scorers import CategoryBoostingScorer, build_scorer

FAMILY = FAMILIES["catboost"]
CODES = (4, 5, 6)
"""Of 40, 3 and 2 categories: CatBoost asks for a single one where there are two."""


def task(problem="binary", **more):
    metrics = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}
    return Task(problem, {"binary": 2, "multiclass": 3, "regression": 0}[problem], metrics[problem], **more)


def mixed(problem="binary", rows=800, seed=0, codes=CODES):
    """Numbers that 32 bits round, holes, and codes that matter each for itself."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 7)) * [1, 1e7, 1e-3, 1, 1, 1, 1]
    x[::7, 2] = np.nan
    for column, count in zip(CODES, (40, 3, 2), strict=True):
        x[:, column] = rng.integers(0, count, rows)
    x[::11, 4] = np.nan
    effect = np.random.default_rng(9).normal(size=41)[np.nan_to_num(x[:, 4], nan=40).astype(int)]
    signal = x[:, 0] + x[:, 1] / 1e7 + 2 * effect * (1 + (x[:, 5] == 1)) + x[:, 6] + rng.normal(0, 0.5, rows)
    if problem == "regression":
        return Sample(x, signal * 1e5 + 3e5, codes=codes)
    return Sample(x, np.digitize(signal, [0.5] if problem == "binary" else [-0.5, 1.5]), codes=codes)


def difficult(arrays, matrix):
    """The rows with holes, with codes that training had not, and on and beside each threshold of a number."""
    rng = np.random.default_rng(1)
    holes = np.where(rng.random(matrix.shape) < 0.4, np.nan, matrix)
    unseen = matrix.copy()
    unseen[:, CODES] += rng.integers(0, 3, (len(matrix), len(CODES))) * 50
    inner = np.flatnonzero((arrays["left"] != np.arange(len(arrays["left"]))) & (arrays["feature"] < 4))
    edge = matrix[rng.integers(0, len(matrix), len(inner))]
    edge[np.arange(len(edge)), arrays["feature"][inner]] = arrays["threshold"][inner]
    beside = [np.where(np.arange(7) < 4, np.nextafter(edge, to), edge) for to in (np.inf, -np.inf)]
    return np.concatenate([matrix, holes, unseen, edge, *beside, np.full((1, 7), 1e300), -matrix[:9] * [1e300] * 4])


@pytest.mark.parametrize("codes", [(), CODES])
@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_numbers_and_categories_are_exported_to_the_bit(problem, codes):
    fitted = FAMILY.fit(FAMILY.hyperparameters({"iterations": "60"}), task(problem), mixed(problem, codes=codes))
    arrays, meta = FAMILY.export(fitted)
    assert meta["scorer"] == ("category_boosting" if codes else "boosting")
    rows = mixed(problem, seed=2).matrix
    every = (
        difficult(arrays, rows) if codes else np.where(np.random.default_rng(1).random(rows.shape) < 0.3, np.nan, rows)
    )
    scorer = build_scorer(arrays, meta)
    expected = FAMILY.answer(fitted, task(problem), Sample(every, None, codes=codes))
    answer = scorer(every)
    assert np.abs(answer - expected).max() <= (1e-15 if problem == "multiclass" else 0.0)
    assert np.array_equal(np.concatenate([scorer(row[None, :]) for row in every[:80]]), answer[:80])


def test_every_kind_of_question_is_asked():
    """Else the test above would say nothing about it."""
    arrays, _ = FAMILY.export(FAMILY.fit(FAMILY.hyperparameters({"iterations": "100"}), task(), mixed()))
    sizes, values = arrays["lookup_size"], np.split(arrays["lookup_value"], np.cumsum(arrays["lookup_size"])[:-1])
    of_one = [set(part) == {0.0, 1.0} for part in values]
    assert any(of_one)
    assert not all(of_one)
    assert set(sizes) == {42, 5, 4}
    inner = arrays["left"] != np.arange(len(arrays["left"]))
    assert (arrays["feature"][inner] < 4).any()


def test_categories_are_learned_from_as_categories():
    train, watch, fresh = mixed(), mixed(rows=300, seed=1), mixed(seed=2)
    given = FAMILY.hyperparameters({"learning-rate": "0.2", "depth": "4"})
    losses = []
    for codes in ((), CODES):
        samples = [each._replace(codes=codes) for each in (train, watch, fresh)]
        fitted = FAMILY.fit(given, task(), *samples[:2])
        answer = FAMILY.answer(fitted, task(), samples[2])
        losses.append(-np.log(answer[np.arange(len(fresh.y)), fresh.y]).mean())
    assert losses[1] < 0.95 * losses[0]


def test_the_encoder_says_which_columns_are_codes_and_stages_end_them():
    schema = Schema({"n": "number", "c": "category"}, ("n", "c"))
    rows = [{"n": float(i), "c": "ab"[i % 2]} for i in range(40)]
    y = np.arange(40) % 2
    encoder, sample = prepared(FAMILY, schema, {}, rows, y, task())
    assert (encoder.codes, sample.codes, sample_of(FAMILY, encoder, rows, y).codes) == ((1,), (1,), (1,))
    assert Encoder.fit(schema, {}, rows).codes == ()
    extracted, sample = prepared(FAMILY, schema, {"components": 1}, rows, y, task())
    assert extracted.stages
    assert sample.codes == ()


def test_a_depth_of_eight_is_walked_as_exactly():
    given = FAMILY.hyperparameters({"depth": "8", "iterations": "20"})
    fitted = FAMILY.fit(given, task(), mixed(rows=1500))
    scorer = build_scorer(*FAMILY.export(fitted))
    assert scorer.tables is None
    rows = mixed(seed=2)
    assert np.array_equal(scorer(rows.matrix), FAMILY.answer(fitted, task(), rows))


def test_as_many_rounds_as_there_is_room_for_are_compiled_to_tables():
    fitted = FAMILY.fit(FAMILY.hyperparameters({"iterations": "49"}), task(), mixed())
    arrays, meta = FAMILY.export(fitted)
    nodes, times = len(arrays["feature"]), ROOM // len(arrays["roots"])
    shift = np.repeat(np.arange(times) * nodes, nodes)
    many = {name: np.tile(array, times) for name, array in arrays.items() if len(array) == nodes}
    many |= {name: many[name] + shift for name in ("left", "right")}
    many["roots"] = (arrays["roots"] + np.arange(times)[:, None] * nodes).ravel()
    scorer = build_scorer({**arrays, **many}, meta)
    assert isinstance(scorer, CategoryBoostingScorer)
    assert scorer.tables is not None


def test_columns_of_one_value_are_refused_in_words():
    few = FAMILY.hyperparameters({"iterations": "3"})
    nothing = np.stack([np.zeros(800), np.full(800, np.nan), 1.0 + 1e-12 * np.arange(800)], axis=1)
    sample = mixed()._replace(matrix=nothing, codes=())
    with pytest.raises(ModelError, match="columns that have a single value each"):
        FAMILY.fit(few, task(), sample)
    holes = nothing.copy()
    holes[sample.y == 1, 0] = np.nan
    fitted = FAMILY.fit(few, task(), sample._replace(matrix=holes))
    answer = FAMILY.answer(fitted, task(), Sample(holes, None))
    assert np.ptp(answer[:, 1]) > 0.01
    assert np.array_equal(build_scorer(*FAMILY.export(fitted))(holes), answer)


def test_tables_that_do_not_fit_are_refused():
    arrays, meta = FAMILY.export(FAMILY.fit(FAMILY.hyperparameters({"iterations": "5"}), task(), mixed()))
    for name, wrong in (("lookup_size", arrays["lookup_size"] + 1), ("lookup_value", arrays["lookup_value"][:-1])):
        with pytest.raises(ArtifactError, match="do not fit"):
            build_scorer({**arrays, name: wrong}, meta)


def test_of_a_shared_library_only_the_named_section_becomes_zeros(monkeypatch):
    content = Path(_ctypes.__file__).read_bytes()
    assert pack_libraries.without_graphics(content) == content
    monkeypatch.setattr(pack_libraries, "_GRAPHICS", (b".comment",))
    changed = pack_libraries.without_graphics(content)
    assert len(changed) == len(content)
    differs = np.flatnonzero(np.frombuffer(changed, np.uint8) != np.frombuffer(content, np.uint8))
    assert len(differs)
    assert b"GCC" in content[differs[0] : differs[-1]]
    assert not any(changed[differs[0] : differs[-1] + 1])
    assert differs[-1] - differs[0] < 500

"""Text columns: the same terms alone as among others, in training as in serving, whatever the text is."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.model import Model
from sluice.model.preparation import text
from sluice.model.preparation.terms import MAX_CHARACTERS, Terms, beside, occurrences
from sluice.model.preparation.text import MAX_TERMS, Texts, TextScores, Vocabulary, measures
from sluice.model.schema import Schema
from sluice.records.encoding import Encoding

TITLES = [
    "Apple iPhone 8 64GB",
    "apple iphone 8 plus 64 GB",
    "Samsung Galaxy S9",
    "samsung galaxy s9 plus",
    "Ünï 電話",
] * 3
TEXTS = st.none() | st.text(max_size=60) | st.sampled_from([*TITLES, "", " ", "\ud800", "a\x00b", "x" * 20_000])
SCHEMA = Schema({"t": "text", "u": "text", "n": "number"}, ("t", "u", "n"))
ROWS = [{"t": title, "u": title[::-1], "n": float(i)} for i, title in enumerate(TITLES)]
ENCODER = Encoder.fit(SCHEMA, {}, ROWS)


def dense(terms):
    matrix = np.zeros((len(terms.indptr) - 1, terms.width))
    matrix[terms.rows, terms.indices] = terms.data
    return matrix


@given(st.lists(TEXTS, min_size=1, max_size=6))
@example(["", None, " ", "\ud800", "x" * 20_000, "Apple iPhone 8"])
def test_a_text_has_the_same_terms_and_scores_alone_as_among_others(texts):
    rows = [{"t": text, "u": text} for text in texts]
    together = ENCODER.terms(rows)
    weights = np.random.default_rng(0).normal(size=(together.width, 3))
    products = together.times(weights)
    for i, row in enumerate(rows):
        alone, part = ENCODER.terms([row]), slice(together.indptr[i], together.indptr[i + 1])
        assert alone.data.tobytes() == together.data[part].tobytes()
        assert alone.indices.tolist() == together.indices[part].tolist()
        assert alone.times(weights).tobytes() == products[i : i + 1].tobytes()
    assert np.isfinite(together.data).all()
    assert np.allclose(products, dense(together) @ weights)


def test_the_weights_are_those_of_scikit_learn():
    vocabulary, _ = Vocabulary.fit(TITLES)
    theirs = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", sublinear_tf=True, min_df=2).fit(TITLES)
    title = "apple apple iphone 8 nothing known plus"
    ours = vocabulary.terms([title])
    words = occurrences([title])
    known = vocabulary.hashes[ours.indices]
    of_words = np.isin(known, words.hashes[words.groups == 0])
    assert np.sort(ours.data[of_words]) == pytest.approx(np.sort(theirs.transform([title]).data), rel=1e-6)
    # words and character n-grams have length 1 each
    assert (ours.data[of_words] ** 2).sum() == pytest.approx(1)
    assert (ours.data[~of_words] ** 2).sum() == pytest.approx(1)


def test_words_pairs_and_the_grams_inside_of_words_are_terms():
    found = occurrences(["ab ab", "ab", "", "ab\tab"])
    per_text = [found.counts[found.groups == group].tolist() for group in range(8)]
    # ab twice and one pair; " ab", "ab " and " ab " of each word
    assert sorted(per_text[0]) == [1, 2]
    assert per_text[1] == [2, 2, 2]
    assert (per_text[2], per_text[3]) == ([1], [1, 1, 1])
    assert (per_text[4], per_text[5]) == ([], [])
    assert (per_text[6], per_text[7]) == (per_text[0], per_text[1])
    assert len({*found.hashes.tolist()}) == 5


def test_the_hashes_of_terms_are_those_of_earlier_models():
    found = occurrences(["ab Ün ab", "x"])
    assert found.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3]
    assert found.hashes.tolist() == [
        692947164,
        725256747,
        1125242893,
        2430355304,
        421705466,
        1920973147,
        2273881532,
        2887675493,
        2992926006,
        3483842905,
        2800123725,
        1789731595,
    ]


def test_what_is_beyond_the_limit_of_a_text_is_counted_and_not_read():
    long = "word " * MAX_CHARACTERS
    _, report = Vocabulary.fit([long, "word", "word"])
    assert (report["cut"], report["texts_learnt"]) == (1, 3)
    assert measures(long)[1] == MAX_CHARACTERS
    same = long[:MAX_CHARACTERS]
    assert ENCODER.terms([{"t": long}]).data.tobytes() == ENCODER.terms([{"t": same}]).data.tobytes()


def test_rare_terms_are_dropped_and_counted():
    _, report = Vocabulary.fit(["one", "two", "two"])
    assert report["terms"] == 7  # the word two; and of " two " three, two and one n-grams of 3, 4 and 5
    assert report["terms_dropped"] == 7
    many = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in range(1500)]
    vocabulary, report = Vocabulary.fit(many * 2)
    assert report["terms"] == len(vocabulary.hashes) == MAX_TERMS
    notes = Encoding.model_validate({"texts": {"t": {**report, "cut": 2}}}).notes()
    assert notes[0].startswith("'t': 65,536 terms are used")
    assert "2 texts are longer" in notes[1]


def test_the_most_frequent_terms_go_where_there_are_too_many_entries(monkeypatch):
    texts = [f"the {'cat' if i % 2 else 'dog'}" for i in range(100)]
    monkeypatch.setattr(text, "MAX_ENTRIES", 900)
    vocabulary, report = Vocabulary.fit(texts)
    whole = Vocabulary.fit(texts[:2] * 2)[0]
    assert 0 < report["terms_too_frequent"] == len(whole.hashes) - report["terms"]
    assert len(vocabulary.terms(texts).data) <= 900
    assert len(vocabulary.terms(["cat"]).data) == len(whole.terms(["cat"]).data)
    assert "rare or very frequent" in Encoding.model_validate({"texts": {"t": report}}).notes()[0]


def test_the_vocabulary_does_not_depend_on_the_order_of_rows():
    assert np.array_equal(Vocabulary.fit(TITLES)[0].hashes, Vocabulary.fit(TITLES[::-1])[0].hashes)


@pytest.mark.parametrize("texts", [[], [""], ["once"]])
def test_a_column_without_a_term_has_none(texts):
    encoder = Encoder.fit(Schema({"t": "text"}, ("t",)), {}, [{"t": text} for text in texts])
    assert encoder.terms([{"t": "once"}, {}]).width == 0
    assert encoder.encode([{"t": "once"}, {}]).shape == (2, 6)


def test_blanks_around_a_text_change_nothing():
    for plain in ("discount code", "Win £5 now!", "x" * (MAX_CHARACTERS + 5)):
        for spelt in (f" {plain}", f"{plain}\t", f"\u00a0{plain} "):
            assert measures(spelt) == measures(plain)
            assert all(map(np.array_equal, occurrences([spelt]), occurrences([plain])))


def test_measures_are_lengths_and_shares():
    assert measures(None) == [1, 0, 0, 0, 0, 0]
    assert measures("") == [0, 0, 0, 0, 0, 0]
    assert measures("Win £5 now!") == [0, 11, 3, 1 / 11, 1 / 11, 2 / 11]


def test_scores_are_columns_of_the_matrix_and_survive_the_artefact():
    width = ENCODER.terms([]).width
    chance = np.random.default_rng(1)
    encoder = ENCODER.with_scores(TextScores(chance.normal(size=(width, 2)), np.ones(2), ["0", "1"]))
    assert encoder.names[-2:] == ["text:score[0]", "text:score[1]"]
    arrays = {name.removeprefix("e3_"): array for name, array in encoder.arrays(3).items()}
    again = Encoder.from_json(encoder.to_json(), arrays)
    assert again.encode(ROWS).tobytes() == encoder.encode(ROWS).tobytes()
    one = np.concatenate([encoder.encode([row]) for row in ROWS])
    assert one.tobytes() == encoder.encode(ROWS).tobytes()
    assert encoder.encode([{}])[0, -2:].tolist() == [1, 1]  # no terms: the intercepts
    with pytest.raises(ModelError, match="text column"):
        Encoder.fit(Schema({"n": "number"}, ("n",)), {}, ROWS).with_scores(
            TextScores(np.ones((0, 1)), np.ones(1), ["v"])
        )


@pytest.mark.parametrize("change", [
    {"hashes": lambda a: a[::-1]}, {"idf": lambda a: a[1:]}, {"hashes": lambda a: a[:-1], "idf": lambda a: a[:-1]},
])  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(change):
    arrays = {name.removeprefix("e0_"): array for name, array in ENCODER.arrays().items()}
    changed = {**arrays, **{name: alter(arrays[name]) for name, alter in change.items()}}
    with pytest.raises(ValueError, match="vocabulary"):
        Encoder.from_json(ENCODER.to_json(), changed)
    with pytest.raises(KeyError):
        Encoder.from_json(ENCODER.to_json(), {})


def test_weights_in_any_order_of_memory_are_taken_row_by_row():
    coef = np.asfortranarray(np.random.default_rng(0).normal(size=(20, 3)))
    scores = TextScores(coef, np.zeros(3), ["0", "1", "2"])
    assert scores._coef.flags.c_contiguous
    assert np.array_equal(scores._coef, coef.astype(np.float32).astype(np.float64))


def test_matrices_beside_each_other_have_their_columns_in_order():
    one = Terms(np.array([1.0, 2.0]), np.array([0, 1]), np.array([0, 1, 2]), 2)
    two = Terms(np.array([3.0]), np.array([2]), np.array([0, 0, 1]), 3)
    assert dense(beside([one, two])).tolist() == [[1, 0, 0, 0, 0], [0, 2, 0, 0, 3]]


def test_a_text_column_of_an_older_model_still_counts_tokens():
    state = {
        "encoder": {
            "schema": {"types": {"t": "text"}, "features": ["t"]},
            "parts": [{"column": "t", "kind": "text"}],
            "interactions": [],
        },
        "family": "logistic_regression",
        "run_id": "r",
        "problem": {},
        "labels": {"problem": "regression", "target": "y", "classes": []},
        "scorer": {"scorer": "linear", "output": "identity"},
    }
    ones = np.ones(33)
    model = Model(
        state, {"impute": ones, "mean": 0 * ones, "scale": ones, "coef": ones[None], "intercept": np.zeros(1)}
    )
    assert model.score([{"t": "three little words"}, {"t": None}, {"t": ""}]).tolist() == [3, 1, 0]
    assert not math.isnan(model.score([{}])[0])


STATE = {
    "family": "auto",
    "run_id": "r",
    "problem": {},
    "labels": {"problem": "regression", "target": "y", "classes": []},
}
LINEAR = {"scorer": "linear", "output": "identity"}


def ensemble(encoders, members):
    arrays = {f"m{i}_{name}": array for i, own in enumerate(members) for name, array in own.items()}
    for i, encoder in enumerate(encoders):
        arrays |= encoder.arrays(i)
    state = {
        "encoders": [encoder.to_json() for encoder in encoders],
        "members": [{"encoder": i, "weight": 1.0, "scorer": LINEAR} for i in range(len(encoders))],
    }
    return Model({**STATE, **state}, arrays)


def single(encoder, own):
    return Model({**STATE, "encoder": encoder.to_json(), "scorer": LINEAR}, {**own, **encoder.arrays()})


def linear_member(encoder, *, terms):
    width = encoder.width
    arrays = {"impute": np.zeros(width), "mean": np.zeros(width), "scale": np.ones(width), "intercept": np.zeros(1)}
    arrays["coef"] = np.full((1, width), 0.1)
    if terms:
        arrays["terms"] = np.random.default_rng(7).normal(size=(1, encoder.terms([]).width)).astype(np.float32)
    return arrays


def test_an_ensemble_scores_a_text_once_for_encoders_with_the_same_scores(monkeypatch):
    width, chance = ENCODER.terms([]).width, np.random.default_rng(1)
    coefs = [chance.normal(size=(width, 1)) for _ in range(2)]
    encoders = [ENCODER.with_scores(TextScores(coef, np.zeros(1), ["0"])) for coef in (coefs[0], coefs[1], coefs[0])]
    encoders.append(Encoder.fit(SCHEMA, {}, ROWS[:9]))
    encoders[3] = encoders[3].with_scores(
        TextScores(chance.normal(size=(encoders[3].terms([]).width, 1)), np.zeros(1), "0")
    )
    members = [linear_member(encoder, terms=False) for encoder in encoders]
    model = ensemble(encoders, members)
    alone = [single(encoder, own).score(ROWS) for encoder, own in zip(encoders, members)]
    assert np.allclose(model.score(ROWS), np.mean(alone, axis=0), rtol=1e-12)
    asked = []
    monkeypatch.setattr(TextScores, "__call__", lambda self, terms: asked.append(1) or np.zeros((1, 1)))
    model.score(ROWS[:1])
    assert len(asked) == 3


def test_an_ensemble_reads_a_text_once_for_encoders_that_know_the_same_terms(monkeypatch):
    scores = TextScores(np.random.default_rng(1).normal(size=(ENCODER.terms([]).width, 1)), np.zeros(1), ["0"])
    other = Encoder.fit(SCHEMA, {}, ROWS[:9])
    encoders = [ENCODER, ENCODER.with_scores(scores), other]
    members = [linear_member(encoder, terms=i != 1) for i, encoder in enumerate(encoders)]
    model = ensemble(encoders, members)
    alone = [single(encoder, own).score(ROWS) for encoder, own in zip(encoders, members)]
    assert np.allclose(model.score(ROWS), np.mean(alone, axis=0), rtol=1e-12)
    read = []
    terms = Texts.terms
    monkeypatch.setattr(Texts, "terms", lambda self, rows: read.append(1) or terms(self, rows))
    model.score(ROWS[:1])
    assert len(read) == 2

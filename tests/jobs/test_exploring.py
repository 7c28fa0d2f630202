"""The exploration finds planted topics, clusters and outlying rows, says how it looked, and is the same each time."""

import json

import exploring
import numpy as np
from exploring import density, topics
from sklearn.cluster import DBSCAN

from sluice.model.labels import Labels
from sluice.model.schema import Schema
from sluice.records.exploration import Exploration

SUBJECTS = {
    "parcel": "delivery parcel courier street address delayed arrived package",
    "refund": "refund invoice payment charged card amount account twice",
    "login": "password login screen reset browser locked token device",
    "garden": "flower garden summer water seeds spring soil plants",
}


def messages(rows=480, seed=0):
    chance = np.random.default_rng(seed)
    texts, subjects = [], []
    for _ in range(rows):
        subject = str(chance.choice(list(SUBJECTS)))
        words = [*chance.choice(SUBJECTS[subject].split(), 4, replace=False), "the", "hello", "and"]
        texts.append(" ".join(chance.permutation(words)))
        subjects.append(subject)
    return texts, np.array(subjects)


def blobs(rows=400, far=6, seed=0):
    """Three dense groups of two numbers and a category, and a few rows far from everything."""
    chance = np.random.default_rng(seed)
    group = chance.choice(3, rows, p=[0.5, 0.3, 0.2])
    group[:far] = -1
    found = []
    for k in group.tolist():
        a, b = chance.normal(0, 0.3, 2) + np.array([[0, 0], [8, 8], [0, 9]][k])
        if k < 0:
            a, b = chance.uniform(20, 90, 2) * chance.choice([-1, 1], 2)
        found.append({"a": a, "b": b})
    return found, group


def test_planted_topics_are_found_with_their_classes():
    texts, subjects = messages()
    found = topics.topics_of("note", [*texts, None, " "], {"angry": (subjects == "refund").astype(float)}, 0)
    assert (found["rows"], found["texts"]) == (480, 480)
    assert set(found["tried"]) == {"4", "8", "12"}
    best = max(found["tried"], key=lambda count: found["tried"][count])
    assert len(found["topics"]) == int(best) == 4
    for each in found["topics"]:
        (subject,) = [name for name, words in SUBJECTS.items() if set(each["words"]) <= set(words.split())]
        assert each["rows"] == (subjects == subject).sum()
        middle, low, high = each["outcome"]["angry"]
        assert middle == (subject == "refund")
        assert 0 <= low <= middle <= high <= 1
        assert each["coherence"] > 0.3
    assert sum(each["rows"] for each in found["topics"]) + found["without"] == 480
    shown = {word for each in found["topics"] for word in each["words"]}
    assert not shown & {"the", "hello", "and"}, "words of nearly every text"


def test_a_word_of_few_texts_is_not_shown():
    texts, _ = messages()
    texts[:5] = [f"{text} wozniakowski" for text in texts[:5]]
    assert "wozniakowski" not in json.dumps(topics.topics_of("note", texts, None, 0))


def test_texts_without_topics_say_why():
    assert topics.topics_of("note", ["hello"] * 20, None, 0) == "'note' has 20 texts; topics take 100"
    assert "has no words that at least 10" in topics.topics_of("note", [f"w{k} 1 2" for k in range(200)], None, 0)
    assert "topics take more" in topics.topics_of("note", ["blue sky"] * 40 + ["x"] * 160, None, 0)


def test_coherence_is_one_for_words_that_never_occur_apart_and_none_for_independent_ones():
    from scipy import sparse

    chance = np.random.default_rng(0)
    one, two = chance.random(20_000) < 0.3, chance.random(20_000) < 0.3
    there = sparse.csr_matrix(np.column_stack([one, one, two, ~one & two]).astype(float))
    assert topics.coherence(there, np.array([0, 1])) == 1.0
    assert abs(topics.coherence(there, np.array([0, 2]))) < 0.01
    assert topics.coherence(there, np.array([0, 3])) == -1.0


def test_planted_clusters_and_far_rows_are_found():
    rows, group = blobs()
    schema = Schema({"a": "number", "b": "number"}, ("a", "b"))
    found = density.clusters(schema, rows, {"y": (group == 1).astype(float)}, 0)
    assert found["clusters"] == 3
    assert 6 <= found["noise"] <= 30
    assert [abs(each["rows"] - (group == k).sum()) <= 15 for k, each in enumerate(found["largest"])] == [True] * 3
    assert [round(each["outcome"]["y"][0]) for each in found["largest"]] == [0, 1, 0]
    assert found["largest"][1]["apart"][0][1] > 0.5
    assert sum(count for *_, count in found["cells"]) == found["rows"] == found["all_rows"] == 400
    xs, ys = found["curve"]
    assert ys == sorted(ys)
    assert ys[0] < found["reach"] < ys[-1]
    assert found["reach"] <= np.interp(found["bend"], xs, ys) * 1.5


def test_the_bend_is_where_distances_begin_to_grow():
    distances = np.concatenate([np.linspace(1.0, 1.2, 900), np.linspace(1.2, 9.0, 100)])
    assert 880 <= density.bend(distances) <= 905
    assert density.bend(np.ones(100)) == 98
    points = np.concatenate([np.random.default_rng(0).normal(size=(300, 2)), [[40.0, 40.0]]])
    label = density._by_size(DBSCAN(eps=1.0, min_samples=5).fit(points).labels_)
    assert label[-1] == -1
    assert (label == 0).sum() >= (label == 1).sum()


def test_the_whole_exploration_is_read_by_its_record_and_is_the_same_each_time():
    texts, subjects = messages(300)
    rows, _ = blobs(300)
    rows = [{**row, "note": text, "y": str(subject)} for row, text, subject in zip(rows, texts, subjects)]
    types = {"a": "number", "b": "number", "note": "text", "y": "category"}
    schema = Schema(types, ("a", "b", "note"))
    labels = Labels("multiclass", "y", tuple(SUBJECTS))
    y = np.array([list(SUBJECTS).index(subject) for subject in subjects])
    found = exploring.found_in(schema, rows, labels, y, 0)
    told = Exploration.model_validate(json.loads(json.dumps(found, allow_nan=False)))
    assert told.notes == []
    assert [each.column for each in told.topics] == ["note"]
    assert set(told.density.outcome) == {f"y = {name}" for name in SUBJECTS}
    assert exploring.found_in(schema, rows, labels, y, 0) == found, "the artefact is the same, byte by byte"
    without = exploring.found_in(schema, rows, None, None, 0)
    assert without["density"]["outcome"] == {}


def test_what_is_not_looked_at_is_said(monkeypatch):
    texts, _ = messages(120)
    schema = Schema(dict.fromkeys("abcd", "text"), tuple("abcd"))
    rows = [dict.fromkeys("abcd", text) for text in texts]
    found = exploring.found_in(schema, rows, None, None, 0)
    assert [each["column"] for each in found["topics"]] == ["a", "b", "c"]
    assert found["notes"][0] == "No topics were looked for in 'd'"
    assert "two columns that are not texts" in found["notes"][1]
    monkeypatch.setattr(exploring, "clusters", lambda *_: 1 / 0)
    assert "The rows were not explored" in exploring.found_in(schema, rows, None, None, 0)["notes"][0]

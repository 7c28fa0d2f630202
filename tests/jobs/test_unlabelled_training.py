"""Training without labels: the exported scorers are the library's, segments are found, rare rows come first."""

import argparse
import json
import tarfile

import numpy as np
import pytest
from unsupervised import anomalies, segments, training
from unsupervised.base import Material
from unsupervised.detectors import DETECTORS
from unsupervised.segmenters import SEGMENTERS

from channels import read_contract, read_rows
from families import installed
from parity import difficult
from sluice.model.labels import UNLABELLED
from sluice.model.model import Model
from sluice.model.search_spaces import parameter_ranges
from sluice.model.space import Space
from sluice.model.unlabelled_spaces import UNLABELLED_SPACES
from tests.jobs.unlabelled_data import make_unlabelled

# the autoencoder's framework is not in this environment: test_frameworks.py
HERE = [name for name, detector in DETECTORS.items() if installed(detector)]
FAMILIES = [("clustering", name) for name in ("baseline", *SEGMENTERS)] + [("anomaly", name) for name in HERE]


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlabelled")
    return {
        "clustering": make_unlabelled(folder / "clustering", "clustering", clusters="auto"),
        "anomaly": make_unlabelled(folder / "anomaly", "anomaly", target="fraud", contamination=0.05),
    }


def train(data, family, folder, champion=None, **given):
    arguments = argparse.Namespace(
        family=family, run_id="r0123456789ab", train=data / "train", validation=data / "validation",
        contract=data / "contract", champion=champion, model_dir=folder,
    )  # fmt: skip
    folder.mkdir(parents=True)
    metrics = training.train(arguments, given, read_contract(data / "contract"))
    return metrics, Model.load(folder, exact=False)


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_a_trained_model_answers_as_its_library(projects, tmp_path, kind, family):
    """`training.prove` compares both; here the artefact that was read back answers as before, row by row."""
    assert kind in UNLABELLED
    metrics, model = train(projects[kind], family, tmp_path / "model")
    assert all(np.isfinite(value) for value in metrics.values())
    rows = read_rows(projects[kind] / "test", model.encoder.schema, "test", needed=set())
    rows += difficult(rows, model.encoder.schema.types, 1)
    together = model.score(rows)
    assert np.allclose(together.sum(axis=1), 1.0)
    alone = np.concatenate([model.score([row]) for row in rows[::7]])
    assert np.abs(alone - together[::7]).max() <= 1e-9
    answer = model.predict(rows[:1])[0]
    assert set(answer) == ({"prediction", "probability"} if kind == "clustering" else {"prediction", "score"})


def test_tuning_varies_what_the_families_have():
    families = {**SEGMENTERS, **{name: each for name, each in DETECTORS.items() if name != "baseline"}}
    assert set(UNLABELLED_SPACES) == set(families)
    for name, family in families.items():
        for varied in [each for kind in UNLABELLED_SPACES[name].values() for each in kind]:
            for value in varied.get("values") or (varied["min"], varied["max"]):
                family.parameters[varied["name"]].parse(varied["name"], str(value))
        assert any(parameter_ranges(name).values())


def test_a_damaged_export_is_not_written(projects, tmp_path, monkeypatch):
    export = SEGMENTERS["kmeans"].export

    def worse(fitted):
        arrays, meta = export(fitted)
        return {**arrays, "centres": arrays["centres"] + 0.01}, meta

    monkeypatch.setattr(SEGMENTERS["kmeans"], "export", worse)
    with pytest.raises(Exception, match="parity check failed"):
        train(projects["clustering"], "kmeans", tmp_path / "model")
    assert not list((tmp_path / "model").iterdir())


def test_the_groups_of_the_data_are_found_and_named_by_size(projects, tmp_path):
    metrics, model = train(projects["clustering"], "kmeans", tmp_path / "model")
    baseline, _ = train(projects["clustering"], "baseline", tmp_path / "baseline")
    assert len(model.labels.classes) == 3
    assert metrics["stability"] > 0.9
    assert metrics["silhouette"] > baseline["silhouette"]
    shares = model.training["shares"]
    assert sorted(shares, key=shares.get, reverse=True) == ["segment 1", "segment 2", "segment 3"]
    assert set(model.training["tried"]) >= {"2", "3", "4"}


def test_segments_keep_the_champions_names(projects, tmp_path):
    _, first = train(projects["clustering"], "kmeans", tmp_path / "first")
    champion = tmp_path / "champion"
    champion.mkdir()
    with tarfile.open(champion / "model.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "first", arcname=".")
    # other rows, another family: by size the names would be drawn anew
    again = make_unlabelled(tmp_path / "again", "clustering", seed=11, clusters=4)
    _, second = train(again, "gaussian_mixture", tmp_path / "second", champion=champion)
    rows = read_rows(again / "test", second.encoder.schema, "test", needed=set())
    same = [a["prediction"] == b["prediction"] for a, b in zip(first.predict(rows), second.predict(rows), strict=True)]
    names = second.training["names"]
    assert names["kept"] + names["new"] == 4
    assert set(second.labels.classes) - set(first.labels.classes) <= {"segment 4", "segment 5", "segment 6"}
    assert np.mean(same) > 0.6


def test_a_champion_that_does_not_fit_names_nothing(projects, tmp_path, capsys):
    train(projects["anomaly"], "isolation_forest", tmp_path / "other")
    champion = tmp_path / "champion"
    champion.mkdir()
    with tarfile.open(champion / "model.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "other", arcname=".")
    _, model = train(projects["clustering"], "kmeans", tmp_path / "model", champion=champion)
    assert model.training["names"] == {"champion": None}
    assert "segments get new names: the champion predicts 'fraud' (anomaly)" in capsys.readouterr().out
    (champion / "model.tar.gz").write_bytes(b"no archive")
    train(projects["clustering"], "kmeans", tmp_path / "again", champion=champion)
    assert "segments get new names: the champion cannot be read" in capsys.readouterr().out


def test_a_metric_without_a_value_on_validation_is_said(tmp_path):
    data = make_unlabelled(tmp_path / "data", "clustering", rows=90, metric="davies_bouldin")
    path = data / "validation" / "data.csv"
    header, first, *_ = path.read_text().splitlines()
    path.write_text("\n".join([header, first, first, ""]))
    with pytest.raises(Exception, match="has no value on its 2 rows"):
        train(data, "kmeans", tmp_path / "model")


def test_rare_rows_come_first_and_the_share_asked_for_is_flagged(projects, tmp_path):
    found = {name: train(projects["anomaly"], name, tmp_path / name)[0] for name in HERE}
    for name in ("isolation_forest", "lof"):
        assert found[name]["roc_auc"] > 0.9, name
        assert found[name]["pr_auc"] > 0.5, name
    for metrics in found.values():
        assert 0.01 <= metrics["flagged_share"] <= 0.1


def test_tuning_for_labels_says_when_there_are_none(tmp_path):
    data = make_unlabelled(tmp_path / "data", "anomaly", rows=60, target="fraud", metric="pr_auc")
    path = data / "validation" / "data.csv"
    path.write_text(path.read_text().replace(",true\n", ",false\n"))
    with pytest.raises(Exception, match=r"of .* labelled rows none is positive"):
        train(data, "isolation_forest", tmp_path / "model")


def test_one_number_and_a_time_is_enough(tmp_path):
    """As a series of values: rare values are flagged, rows are scored one by one."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(50, 5, 500), [200.0, -90.0]])
    matrix = values[:, None]
    space = Space.fit(matrix, [(0, 1)])
    material = Material(space, [(0, 1)], matrix, matrix, space(matrix), space(matrix), 0)
    learned = anomalies.learn(
        "isolation_forest",
        {"n-estimators": 50, "max-samples": 128},
        "auto",
        material,
        np.full(502, np.nan),
        "stability",
    )
    scores = learned.answer(matrix)[:, 1]
    assert set(np.argsort(scores)[-2:]) == {500, 501}
    assert (scores >= 0.5)[500:].all()


def test_steps_over_the_matrix_and_texts_are_prepared_as_the_contract_asks(tmp_path):
    data = make_unlabelled(tmp_path / "data", "clustering", rows=120)
    path = data / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    contract["data"]["columns"]["channel"]["type"] = "text"
    contract["features"]["components"] = 3
    path.write_text(json.dumps(contract))
    metrics, model = train(data, "kmeans", tmp_path / "model")
    assert model.encoder.stages
    assert len(model.scorer.space.scale) == model.encoder.width == 3
    assert model.training["words_left_out"] == ["channel"]
    assert metrics["stability"] > 0.5


def test_a_number_of_segments_beyond_the_different_rows_is_refused():
    matrix = np.array([[1.0], [2.0], [2.0]] * 5)
    space = Space.fit(matrix, [(0, 1)])
    material = Material(space, [(0, 1)], matrix, matrix, space(matrix), space(matrix), 0)
    with pytest.raises(Exception, match="have 2 different ones"):
        segments.learn("kmeans", {"trim": 0.0}, 3, material, segments.namer(None, []))
    json.dumps(segments.learn("kmeans", {"trim": 0.0}, 2, material, segments.namer(None, [])).facts)


def rewritten(data, values):
    """The project's rows with other values in spend and visits, and a channel for each."""
    for part in ("train", "validation", "test"):
        path = data / part / "data.csv"
        header, *lines = path.read_text().splitlines()
        names = header.split(",")
        rows = [dict(zip(names, line.split(","), strict=True)) | values(i) for i, line in enumerate(lines)]
        path.write_text("\n".join([header, *(",".join(row[name] for name in names) for row in rows), ""]))
    return data


def categories_alone(i):
    return {"spend": "7", "visits": "3", "channel": "abc"[i % 3], "member": ("true", "false")[i % 2]}


@pytest.mark.parametrize("family", ["baseline", *SEGMENTERS])
def test_rows_that_lie_on_their_centres_do_not_fail_the_parity_check(tmp_path, family):
    """Categories alone: no spread is left around a centre, and rounding decided the shares of a row between two."""
    data = rewritten(make_unlabelled(tmp_path / "data", "clustering", rows=120), categories_alone)
    metrics, _ = train(data, family, tmp_path / "model")
    assert metrics["silhouette"] > 0.4


def test_a_name_that_is_gone_is_not_given_again(projects, tmp_path):
    """Three segments, then two, then three: the third one is not called as the one that is gone."""

    def next_model(number, clusters, before=None):
        data = make_unlabelled(tmp_path / f"data{number}", "clustering", seed=5, groups=clusters, clusters=clusters)
        champion = None
        if before is not None:
            champion = tmp_path / f"champion{number}"
            champion.mkdir()
            with tarfile.open(champion / "model.tar.gz", "w:gz") as tar:
                tar.add(before, arcname=".")
        folder = tmp_path / f"model{number}"
        return folder, train(data, "kmeans", folder, champion=champion)[1]

    first, model = next_model(1, 4)
    known = set(model.labels.classes)
    second, model = next_model(2, 2, first)
    assert len(known - set(model.labels.classes)) >= 2
    known |= set(model.labels.classes)
    kept = set(model.labels.classes)
    _, model = next_model(3, 4, second)
    assert len(model.labels.classes) == 4
    assert not (set(model.labels.classes) - kept) & known


@pytest.mark.parametrize("family", HERE)
@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_equal_rows_are_not_all_flagged(tmp_path, family, contamination):
    """Of 300 rows 285 are equal: a limit on their score flagged every one of them."""
    data = make_unlabelled(tmp_path / "data", "anomaly", contamination=contamination)
    odd = {"channel": "shop", "member": "true", "visits": "3"}
    rewritten(data, lambda i: {**odd, "spend": "7" if i % 20 else str(100 + i)})
    metrics, _ = train(data, family, tmp_path / "model")
    assert metrics["flagged_share"] <= 0.1


def test_of_rows_with_one_score_all_or_none_are_flagged():
    """The side that is nearer to the share that was asked for; a limit between two values is left where it is."""
    raw = np.array([0.0] * 80 + [1.0] * 14 + [2.0] * 6)
    for share, flagged in ((0.05, 0.06), (0.1, 0.06), (0.15, 0.2), (0.2, 0.2), (0.01, 0.0), ("auto", 0.2)):
        assert np.mean(raw >= anomalies.limits(raw, share)[0]) == pytest.approx(flagged)
    plain = np.arange(100.0)
    assert anomalies.limits(plain, 0.05)[0] == np.quantile(plain, 0.95)
    assert np.mean(np.ones(50) >= anomalies.limits(np.ones(50), "auto")[0]) == 0


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_rows_that_are_all_equal_are_refused(tmp_path, kind):
    data = make_unlabelled(tmp_path / "data", kind)
    rewritten(data, lambda i: {"spend": "7", "visits": "3", "channel": "web", "member": "true"})
    with pytest.raises(Exception, match="all rows are equal in the features"):
        train(data, "baseline", tmp_path / "model")


def test_the_baseline_is_no_handful_of_outliers(tmp_path):
    """One row in 200 lies far out: cut off alone it has the best silhouette, which no candidate may have."""
    data = rewritten(
        make_unlabelled(tmp_path / "data", "clustering", rows=400),
        lambda i: {"visits": "5000" if i % 200 == 7 else str(3 + i % 4)},
    )
    _, model = train(data, "baseline", tmp_path / "model")
    assert min(model.training["shares"].values()) >= 0.01

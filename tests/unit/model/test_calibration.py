"""A model's calibration and threshold hold on every path to an answer, and one that keeps no order is refused."""

import json

import numpy as np
import pytest

from jobs.learn import inference
from sluice.model.calibration import Calibration
from sluice.model.encoder import Encoder
from sluice.model.errors import ArtifactError
from sluice.model.model import Model
from sluice.model.schema import Schema
from tests.unit.model.test_ensemble import CONTRACT, ROWS, parts

PLATT = {"kind": "platt", "slope": 0.7, "offset": -0.4}


def boosting(**more):
    """One tree on `n`: answers expit(-1) below 3.5 and expit(0.2) above."""
    encoder = Encoder.fit(Schema.from_contract(CONTRACT), {}, ROWS)
    arrays = {
        "feature": np.array([0, 0, 0], np.int32), "threshold": np.array([3.5, 0.0, 0.0]),
        "left": np.array([1, 1, 2], np.int32), "right": np.array([2, 1, 2], np.int32),
        "missing_left": np.array([1, 0, 0], np.uint8), "value": np.array([0.0, -1.0, 0.2]),
        "roots": np.array([0], np.int32), "start": np.zeros(1),
    }  # fmt: skip
    state = {
        "family": "auto", "run_id": "r", "problem": CONTRACT["problem"], "encoder": encoder.to_json(),
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
        "scorer": {"scorer": "boosting", "output": "expit", "width": encoder.width, "depth": 1}, **more,
    }  # fmt: skip
    return Model(state, arrays)


def test_each_path_to_an_answer_is_calibrated_alike():
    model, plain = boosting(calibration=PLATT), boosting()
    calibration = Calibration.from_json(PLATT)
    raw = plain.score(ROWS)
    expected = calibration(raw)
    assert np.array_equal(model.score(ROWS), expected)
    assert np.array_equal(model.score_matrix(model.encoder.encode(ROWS)), expected)
    records = [{"n": row["n"], "c": row["c"]} for row in ROWS]
    assert model.reader is not None, "the direct path is the one that this test is about"
    for some in (records, records[:1]):
        read = model.reader.read(some)
        assert model.direct(read).probabilities == expected[: len(some), 1].tolist()


def test_a_served_answer_is_calibrated_and_decided_by_the_model_s_threshold(monkeypatch):
    model = boosting(calibration=PLATT, threshold=0.3)
    monkeypatch.setattr(inference, "_loaded", model)
    for body in ({"n": 5.0, "c": "a"}, {"instances": [{"n": 5.0, "c": "a"}] * 12}):
        request = inference.input_fn(json.dumps(body), "application/json")
        text, _ = inference.output_fn(inference.predict_fn(request, model), "application/json")
        for answer in json.loads(text)["predictions"]:
            assert answer == {"prediction": True, "probability": pytest.approx(1 / (1 + np.exp(-0.7 * 0.2 + 0.4)))}
    assert boosting(calibration=PLATT).predict([{"n": 5.0, "c": "a"}])[0]["prediction"] is False


def test_an_ensemble_is_calibrated_after_its_members_are_mixed():
    state, arrays = parts()
    mixed = Model(state, arrays).score(ROWS)
    model = Model({**state, "calibration": PLATT, "threshold": 0.9}, arrays)
    assert np.array_equal(model.score(ROWS), Calibration.from_json(PLATT)(mixed))
    assert all(answer["prediction"] is (answer["probability"] >= 0.9) for answer in model.predict(ROWS))


@pytest.mark.parametrize("calibration", [
    {"kind": "platt", "slope": -1.0, "offset": 0.0},
    {"kind": "platt", "slope": 1.0, "offset": float("nan")},
    {"kind": "isotonic", "slope": 1.0, "offset": 0.0},
    {"kind": "platt", "slope": 1.0},
])  # fmt: skip
def test_a_calibration_that_keeps_no_order_is_refused(calibration):
    with pytest.raises(ArtifactError):
        boosting(calibration=calibration)


def test_certain_probabilities_stay_between_0_and_1_and_in_order():
    given = np.array([0.0, 1e-300, 1e-9, 0.5, 1 - 1e-12, 1.0])
    after = Calibration("platt", 3.0, 1.0)(np.column_stack([1 - given, given]))[:, 1]
    assert ((after >= 0) & (after <= 1)).all()
    assert (np.diff(after) >= 0).all()
    shares = Calibration("temperature", 0.5)(np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]))
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert list(shares.argmax(axis=1)) == [0, 2]

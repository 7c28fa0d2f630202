"""An ensemble: several scorers, each on its own encoder's matrix, and the weighted mean of their answers."""

import numpy as np
import pytest

from sluice.model import artifact, manifest
from sluice.model.encoder import Encoder
from sluice.model.errors import ArtifactError
from sluice.model.model import Model
from sluice.model.schema import Schema

CONTRACT = {
    "problem": {"type": "binary", "target": "y"},
    "data": {"columns": {"n": {"type": "number"}, "c": {"type": "category"}, "y": {"type": "boolean"}}},
}
ROWS = [{"n": float(i % 7), "c": "ab"[i % 2], "y": i % 3 == 0} for i in range(60)]
SCHEMA = Schema.from_contract(CONTRACT)


def linear(width, coefficient):
    ones, zeros = np.ones(width), np.zeros(width)
    arrays = {"impute": zeros, "mean": zeros, "scale": ones, "coef": np.full((1, width), coefficient)}
    return {**arrays, "intercept": np.zeros(1)}, {"scorer": "linear", "output": "expit"}


def parts(weights=(3.0, 1.0)):
    """(state, arrays) of an ensemble of two linear models, of which the second sees logarithms."""
    encoders = [Encoder.fit(SCHEMA, {"log": names}, ROWS) for names in ([], ["n"])]
    arrays, members = {}, []
    for place, weight in enumerate(weights):
        own, meta = linear(encoders[place].width, 0.3 - place)
        arrays |= {f"m{place}_{name}": array for name, array in own.items()}
        members.append({"encoder": place, "weight": weight, "family": "logistic_regression", "scorer": meta})
    state = {
        "family": "auto",
        "run_id": "r",
        "problem": CONTRACT["problem"],
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
        "encoders": [encoder.to_json() for encoder in encoders],
        "members": members,
    }
    return state, arrays


def alone(state, arrays, place):
    own = {name.removeprefix(f"m{place}_"): array for name, array in arrays.items() if name.startswith(f"m{place}_")}
    single = {name: value for name, value in state.items() if name not in ("encoders", "members")}
    return Model({**single, "encoder": state["encoders"][place], "scorer": state["members"][place]["scorer"]}, own)


def test_an_ensemble_answers_the_weighted_mean_of_its_members(tmp_path):
    state, arrays = parts()
    artifact.save(tmp_path, state, arrays)
    manifest.seal(tmp_path)
    loaded = Model.load(tmp_path, exact=True)
    expected = 0.75 * alone(state, arrays, 0).score(ROWS) + 0.25 * alone(state, arrays, 1).score(ROWS)
    assert np.allclose(loaded.score(ROWS), expected, rtol=0, atol=1e-15)
    assert loaded.predict(ROWS[:1])[0]["probability"] == pytest.approx(expected[0, 1], abs=1e-15)


def test_an_ensemble_has_no_scorer_of_its_own():
    with pytest.raises(TypeError, match="each of its members"):
        _ = Model(*parts()).scorer


@pytest.mark.parametrize("change", [
    {"members": []},
    {"members": [{"encoder": 2, "weight": 1.0, "scorer": {"scorer": "linear", "output": "expit"}}]},
    {"members": [{"encoder": 0, "weight": 0.0, "scorer": {"scorer": "linear", "output": "expit"}}]},
    {"members": [{"encoder": 0, "weight": 1.0, "scorer": {"scorer": "linear", "output": "expit"}}] * 3},
])  # fmt: skip
def test_members_that_fit_nothing_are_refused(change):
    state, arrays = parts()
    with pytest.raises(ArtifactError):
        Model({**state, **change}, arrays)


def test_what_any_encoder_does_not_tell_apart_is_reported():
    state, arrays = parts()
    rare = [{**row, "c": "z"} if i < 2 else row for i, row in enumerate(ROWS)]
    encoders = [Encoder.fit(SCHEMA, {}, ROWS), Encoder.fit(SCHEMA, {}, rare)]
    model = Model({**state, "encoders": [encoder.to_json() for encoder in encoders]}, narrowed(arrays, encoders))
    assert encoders[0].left_out["grouped"] == {}
    assert model.left_out["grouped"] == {"c": {"categories": 1, "rows": 2}}
    assert model.left_out["forms"] == encoders[0].left_out["forms"]


def narrowed(arrays, encoders):
    """The members' arrays for as many columns as their encoders have."""
    for place, encoder in enumerate(encoders):
        own, _ = linear(encoder.width, 0.1)
        arrays = {**arrays, **{f"m{place}_{name}": array for name, array in own.items()}}
    return arrays

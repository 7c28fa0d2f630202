"""What the networks of every framework share, with an engine of plain numpy; what needs a framework is in
test_frameworks.py."""

import sys
import time

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error
from unsupervised.autoencoder import Autoencoder
from unsupervised.base import typed_parameters

from families import Sample, Task
from families.keras_mlp import KerasMlp
from families.networks import EPOCHS, Engine, NetworkFamily, Plan, descend, folded, initial_weights, loss_of
from families.torch_mlp import TorchMlp
from sluice.model.anomaly_scorers import ReconstructionScorer, reconstruction_error
from sluice.model.errors import ModelError
from sluice.model.links import expit, softmax
from sluice.model.network import ACTIVATIONS, arrays_of, bounded, forward, layers_of
from sluice.model.scorers import build_scorer


class LastLayer(Engine):
    """A network whose last layer alone learns, by the gradient itself: enough to follow a loss."""

    def __init__(self, plan):
        super().__init__(plan)
        self._layers = [(each.astype(float), np.zeros(each.shape[1])) for each in initial_weights(plan)]
        self.rates, self.rows, self._kept = [], [], None

    def learn(self, inputs, targets, weight, batches, rates):
        self.rates += rates
        self.rows.append(np.concatenate(batches))
        for rows, rate in zip(batches, rates, strict=True):
            below = forward(inputs[rows].astype(float), self._layers[:-1], self.plan.activation)
            below = ACTIVATIONS[self.plan.activation](below) if len(self._layers) > 1 else inputs[rows]
            weights, bias = self._layers[-1]
            raw = below @ weights + bias
            if self.plan.loss == "log_loss" and raw.shape[1] > 1:
                error = softmax(raw) - np.eye(raw.shape[1])[targets[rows]]
            else:
                error = (expit(raw[:, 0])[:, None] if self.plan.loss == "log_loss" else raw) - targets[rows].reshape(
                    -1, 1
                )
            error = error if weight is None else error * weight[rows][:, None]
            weights -= rate * below.T @ error / len(rows)
            bias -= rate * error.mean(axis=0)

    def raw(self, inputs):
        return forward(inputs.astype(float), self._layers, self.plan.activation).astype(np.float32)

    def keep(self):
        self._kept = [(w.copy(), b.copy()) for w, b in self._layers]

    def restore(self):
        self._layers = self._kept or self._layers

    def exact(self, output):
        link = {"identity": lambda raw: raw, "expit": lambda raw: expit(raw[:, 0])[:, None], "softmax": softmax}[output]
        return lambda inputs: link(forward(inputs, self._layers, self.plan.activation))

    def layers(self):
        return self._layers


class Plain(NetworkFamily):
    name = "plain"
    library = "numpy"

    def engine(self, plan):
        return LastLayer(plan)


def sample(problem, rows=400, seed=0):
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(rows, 4))
    x[::7, 2] = np.nan
    signal = x[:, 0] - x[:, 1] + chance.normal(0, 0.3, rows)
    return Sample(x, signal * 500 + 9_000 if problem == "regression" else np.digitize(signal, CUTS[problem]))


CUTS = {"binary": [0.3], "multiclass": [-0.5, 0.7]}
TASKS = {
    "binary": Task("binary", 2, "roc_auc"),
    "multiclass": Task("multiclass", 3, "macro_f1"),
    "regression": Task("regression", 0, "rmse"),
}


@pytest.mark.parametrize("problem", TASKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_is_exported_as_it_answers_and_settles_on_its_epochs(problem, activation):
    family, task = Plain(), TASKS[problem]
    given = family.hyperparameters({"width": "24", "learning-rate": "0.3", "activation": activation})
    train, watch, fresh = (sample(problem, seed=seed) for seed in range(3))
    fitted = family.fit(given, task, train, watch)
    settled = family.settled(fitted, given)
    assert 1 < settled["epochs"] <= EPOCHS
    answer = family.answer(fitted, task, fresh)
    assert np.array_equal(family.answer(family.fit(settled, task, train), task, fresh), answer)
    arrays, meta = family.export(fitted)
    far = np.concatenate([fresh.matrix, np.full((1, 4), 1e300), np.full((1, 4), -1e300), np.full((1, 4), np.nan)])
    expected = family.answer(fitted, task, Sample(far, None))
    assert np.abs(build_scorer(arrays, meta)(far) - expected).max() <= 1e-11
    assert np.isfinite(expected).all()
    # it has learned, beyond the class shares or the mean
    y = fresh.y
    if problem == "regression":
        assert mean_squared_error(y, answer) < 0.3 * y.var()
    else:
        shares = np.bincount(train.y) / len(train.y)
        assert log_loss(y, answer) < 0.8 * log_loss(y, np.tile(shares, (len(y), 1)))


def test_weights_count_rows_by_their_size_and_not_by_their_unit():
    family, task = Plain(), TASKS["binary"]
    given = family.hyperparameters({"width": "24", "learning-rate": "0.3", "epochs": "10"})
    plain = sample("binary")
    answers = {}
    for name, weight in (
        ("none", None),
        ("seven", np.full(400, 7.0)),
        ("positive", np.where(plain.y == 1, 5.0, 1.0)),
    ):
        answers[name] = family.answer(family.fit(given, task, plain._replace(weight=weight)), task, plain)[:, 1]
    assert np.abs(answers["seven"] - answers["none"]).max() < 1e-6
    assert answers["positive"].mean() > answers["none"].mean() + 0.1


class Scripted(LastLayer):
    """Learns nothing; remembers at which epoch it was told to keep its weights, and whether it took them again."""

    def __init__(self):
        super().__init__(Plan((1, 1), "squared"))
        self.epoch, self.kept, self.restored = 0, [], False

    def learn(self, inputs, targets, weight, batches, rates):
        self.epoch += 1
        self.rates.append(rates)
        self.rows.append(np.concatenate(batches))

    def keep(self):
        self.kept.append(self.epoch)

    def restore(self):
        self.restored = True


def descended(engine, losses=None, epochs=100, deadline=float("inf")):
    inputs = np.zeros((10, 1), np.float32)
    watched = None if losses is None else lambda: losses[engine.epoch - 1]
    return descend(
        engine, inputs, inputs, None, batch=4, rate=0.1, epochs=epochs, seed=0, deadline=deadline, watched=watched
    )


def test_the_weights_of_the_best_epoch_are_kept_and_patience_ends_the_descent():
    engine = Scripted()
    assert descended(engine, [3.0, 2.0, 1.0, *[1.0] * 200], epochs=EPOCHS) == 3
    assert engine.kept == [1, 2, 3]
    assert engine.restored
    assert engine.epoch == 19


def test_every_epoch_has_every_row_once_in_another_order_at_a_rate_that_rises_and_falls():
    engine = Scripted()
    assert descended(engine, epochs=31) == 31
    assert all(sorted(rows) == list(range(10)) for rows in engine.rows)
    assert len({tuple(rows) for rows in engine.rows}) > 25
    assert engine.rates[0] == pytest.approx([0.05, 0.1])
    assert engine.rates[15] == pytest.approx([0.05, 0.05])
    assert engine.rates[30] == pytest.approx([0.025, 0.025])


def test_there_is_one_epoch_at_the_deadline_and_one_where_no_loss_is_a_number():
    engine = Scripted()
    assert descended(engine, deadline=time.monotonic()) == 1
    assert engine.epoch == 1
    assert descended(Scripted(), [float("nan")] * 100) == 1


def test_losses_are_those_of_scikit_learn():
    chance = np.random.default_rng(0)
    weight = chance.uniform(0.5, 2.0, 50)
    y, raw = chance.integers(0, 2, 50), chance.normal(size=(50, 1)) * 3
    assert loss_of(raw, y, weight, "log_loss") == pytest.approx(log_loss(y, expit(raw[:, 0]), sample_weight=weight))
    y, raw = chance.integers(0, 4, 50), chance.normal(size=(50, 4)) * 3
    assert loss_of(raw, y, weight, "log_loss") == pytest.approx(
        log_loss(y, softmax(raw), sample_weight=weight, labels=[0, 1, 2, 3])
    )
    values = chance.normal(size=50)
    assert loss_of(raw, values, weight, "squared") == pytest.approx(
        mean_squared_error(values, raw[:, 0], sample_weight=weight)
    )
    assert loss_of(raw, values, None, "absolute") == pytest.approx(mean_absolute_error(values, raw[:, 0]))
    certain = np.array([[1e5], [-1e5]])
    assert loss_of(certain, np.array([1, 0]), None, "log_loss") == 0.0
    assert loss_of(certain, np.array([0, 0]), None, "log_loss") == 5e4


def test_batch_normalisation_is_folded_into_the_layer_before_it():
    chance = np.random.default_rng(0)
    x, layer = chance.normal(size=(30, 5)), (chance.normal(size=(5, 3)), chance.normal(size=3))
    gamma, beta, mean, variance = chance.normal(size=3), chance.normal(size=3), chance.normal(size=3), np.ones(3) * 0.4
    after = (x @ layer[0] + layer[1] - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    weights, bias = folded(layer, gamma, beta, mean, variance)
    assert np.abs(x @ weights + bias - after).max() < 1e-13


def test_layers_are_read_back_and_checked():
    chance = np.random.default_rng(0)
    layers = [(chance.normal(size=(4, 3)), np.zeros(3)), (chance.normal(size=(3, 2)), np.ones(2))]
    arrays = arrays_of(layers)
    assert sorted(arrays) == ["b0", "b1", "w0", "w1"]
    x = chance.normal(size=(6, 4))
    assert np.array_equal(forward(x, layers_of(arrays, 2)), np.maximum(x @ layers[0][0], 0) @ layers[1][0] + 1)
    with pytest.raises(ValueError, match="layer 1 does not fit"):
        layers_of({**arrays, "w1": np.zeros((5, 2))}, 2)
    with pytest.raises(ValueError, match="weights and bias of layer 0"):
        layers_of({**arrays, "b0": np.zeros(2)}, 2)
    before = x.copy()
    forward(x, layers, "silu")
    assert np.array_equal(x, before)


def test_silu_and_bounds_hold_for_every_number():
    x = np.array([-1e300, -800.0, -1.0, 0.0, 1.0, 1e300])
    with np.errstate(over="raise"):
        found = ACTIVATIONS["silu"](x.copy())
    assert found.tolist() == pytest.approx([0.0, 0.0, -1 / (1 + np.e), 0.0, 1 / (1 + 1 / np.e), 1e300])
    assert np.abs(bounded(x)).max() <= 3.0


def test_a_row_far_out_is_always_rarer_for_an_autoencoder():
    chance = np.random.default_rng(0)
    space = {"space_log": np.zeros(3, np.uint8), "space_impute": np.zeros(3), "space_centre": np.zeros(3),
             "space_scale": np.ones(3)}  # fmt: skip
    layers = [(chance.normal(size=(3, 2)), np.zeros(2)), (chance.normal(size=(2, 3)), np.zeros(3))]
    arrays = {**space, **arrays_of(layers), "limit": np.array([5.0]), "spread": np.array([1.0])}
    scorer = ReconstructionScorer(arrays, {"layers": 2, "activation": "silu"})
    near, far = chance.normal(size=(50, 3)), np.array([[1e3, 0, 0], [1e9, 0, 0], [-1e300, 1e300, 0]])
    assert np.array_equal(scorer.raw(near), reconstruction_error(near, forward(bounded(near), layers, "silu")))
    assert scorer(far)[:, 1].min() > scorer(near)[:, 1].max()
    assert np.isfinite(scorer(far)).all()
    with pytest.raises(ValueError, match="does not fit the space"):
        ReconstructionScorer({**arrays, **arrays_of(layers[:1])}, {"layers": 1, "activation": "relu"})


@pytest.mark.parametrize(
    ("module", "fit"),
    [
        ("torch", lambda: TorchMlp().engine(Plan((1, 1), "squared"))),
        ("tensorflow", lambda: KerasMlp().engine(Plan((1, 1), "squared"))),
        ("torch", lambda: Autoencoder().fit(np.zeros((9, 3)), typed_parameters("", Autoencoder.parameters, {}), 0)),
    ],
)
def test_a_framework_that_is_not_there_is_named_in_one_line(monkeypatch, module, fit):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match=f"needs the library {module}, which is not there"):
        fit()

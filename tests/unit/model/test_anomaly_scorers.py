"""Anomaly scorers take short ways that change no answer: each beside its formula, written plainly."""

import numpy as np
import pytest

from sluice.model.anomaly_scorers import ANOMALY_SCORERS

WIDTH, KEPT, K = 12, 400, 20
CHANCE = np.random.default_rng(4)
LIKELY = CHANCE.normal(size=(60, WIDTH))
POINTS = {
    "likely": LIKELY,
    "far": LIKELY * 1e3,
    "beyond 32 bits": LIKELY * 1e30,
    "one column beyond": np.where(np.arange(WIDTH) == 3, 1e25, LIKELY),
}


def space():
    names = {"log": np.zeros(WIDTH), "impute": np.zeros(WIDTH), "centre": np.zeros(WIDTH), "scale": np.ones(WIDTH)}
    return {f"space_{name}": array for name, array in names.items()}


def scorer(kind, arrays, **meta):
    limits = {"limit": np.zeros(1), "spread": np.ones(1)}
    return ANOMALY_SCORERS[kind]({**space(), **limits, **arrays}, meta)


def squared_distances(points, kept):
    return np.square(points[:, None, :] - kept[None, :, :]).sum(axis=2)


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("kept", ["spread out", "close together", "beside a far one"])
def test_neighbours_that_are_found_in_32_bits_are_the_nearest_in_64(points, kept):
    rows = CHANCE.normal(size=(KEPT, WIDTH))
    rows = {"spread out": rows, "close together": 7.0 + 1e-7 * rows, "beside a far one": rows}[kept]
    if kept == "beside a far one":
        rows[0] = 1e9
    reach, density = CHANCE.random(KEPT), CHANCE.random(KEPT) + 0.1
    arrays = {"kept": rows, "reach": reach, "density": density}
    found = scorer("neighbours", arrays, neighbours=K).raw(points)
    squared = squared_distances(points, rows)
    nearest = np.argsort(squared, axis=1)[:, :K]
    distances = np.maximum(np.sqrt(np.take_along_axis(squared, nearest, axis=1)), reach[nearest])
    expected = np.log(density[nearest].mean(axis=1) * (distances.mean(axis=1) + 1e-10))
    if points is POINTS["likely"]:
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)
    else:  # of far rows many are equally near to the last bits, and any of them may be a neighbour
        every = np.sort(density)
        low, high = np.log([every[:K].mean(), every[-K:].mean()])
        moved = np.log(distances.mean(axis=1) + 1e-10)
        assert (found >= moved + low - 1e-9).all()
        assert (found <= moved + high + 1e-9).all()


def test_a_row_has_the_same_neighbours_alone_as_among_others():
    arrays = {"kept": CHANCE.normal(size=(KEPT, WIDTH)), "reach": CHANCE.random(KEPT), "density": CHANCE.random(KEPT)}
    made = scorer("neighbours", arrays, neighbours=K)
    alone = np.concatenate([made(point[None, :]) for point in LIKELY])
    assert np.array_equal(alone, made(LIKELY))
    assert made(LIKELY[:0]).shape == (0, 2)


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("gamma", [1e-3, 0.5, 50.0])
def test_the_kernel_is_that_of_the_distances(points, gamma):
    kept, weight = 100.0 + CHANCE.normal(size=(KEPT, WIDTH)), CHANCE.random(KEPT)
    made = scorer("kernel", {"kept": kept, "weight": weight, "offset": np.array([2.0])}, gamma=gamma)
    points = points + 100.0
    expected = 2.0 - np.exp(-gamma * squared_distances(points, kept)) @ weight
    assert np.allclose(made.raw(points), expected, rtol=0, atol=1e-10)
    assert np.allclose([made.raw(point[None, :])[0] for point in points], expected, rtol=0, atol=1e-10)

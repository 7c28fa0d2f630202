"""Products with support vectors that are partly looked up are those of the vectors."""

import numpy as np
import pytest

from sluice.model.kernel_scorers import Products

CHANCE = np.random.default_rng(8)


def one_hot(rows, width):
    found = np.zeros((rows, width))
    found[np.arange(rows), CHANCE.integers(0, width, rows)] = 1.0
    return (found - 0.1) / 0.3


def columns(kind, rows):
    if kind == "numbers":
        return CHANCE.normal(size=(rows, 20))
    if kind == "categories":
        return np.concatenate([one_hot(rows, width) for width in (3, 60, 5, 300)], axis=1)
    if kind == "flags":
        return (CHANCE.random((rows, 40)) < 0.3) * 1.0
    # a column of few values first, and one of many that comes late
    late = np.where(np.arange(rows) < 1_500, 0.5, CHANCE.normal(size=rows))
    return np.column_stack([one_hot(rows, 30), CHANCE.normal(size=rows), late, one_hot(rows, 40), np.ones(rows)])


@pytest.mark.parametrize("rows", [0, 1, 2_000])
@pytest.mark.parametrize("kind", ["numbers", "categories", "flags", "mixed"])
def test_products_are_those_of_the_vectors(kind, rows):
    vectors = columns(kind, rows)
    products = Products(vectors)
    asked = np.concatenate([vectors[:20], CHANCE.normal(size=(30, vectors.shape[1]))])
    assert np.allclose(products(asked), asked @ vectors.T, rtol=0, atol=1e-11)
    alone = [products(row[None, :])[0] for row in asked]
    assert np.allclose(alone, asked @ vectors.T, rtol=0, atol=1e-11)
    looked_up = sum(codes.nbytes for _, _, codes in products._groups)
    if rows == 2_000 and kind != "numbers":
        assert products._plain.nbytes + looked_up < 0.4 * vectors.nbytes
    else:
        assert not looked_up

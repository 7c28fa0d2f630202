"""Proposals stay within a family's space and gather where the loss is low; the portfolio fits its families."""

import numpy as np
import pytest

from auto.portfolio import _PORTFOLIO, portfolio
from auto.propose import Space, propose
from families import FAMILIES
from sluice.model.search_spaces import SEARCH_SPACES


@pytest.mark.parametrize("family", sorted({"lightgbm", "extra_trees", "logistic_regression"} & set(FAMILIES)))
def test_a_point_comes_back_as_its_values(family):
    space, chance = Space(family, frozenset()), np.random.default_rng(0)
    for _ in range(20):
        values = space.values(chance.random(len(space)))
        again = space.values(space.point(values))
        for name, value in values.items():
            assert again[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-4))
        FAMILIES[family].hyperparameters({name: str(value) for name, value in values.items()})


def test_proposals_gather_near_the_minimum():
    space, chance = Space("lightgbm", frozenset({"num-iterations"})), np.random.default_rng(1)
    goal = np.full(len(space), 0.3)

    def loss(values):
        return float(((space.point(values) - goal) ** 2).sum())

    tried = [(space.values(np.full(len(space), 0.9)), 99.0)]
    tried[0] = (tried[0][0], loss(tried[0][0]))
    for _ in range(60):
        values = propose(space, tried, chance)
        tried.append((values, loss(values)))
    found = [value for _, value in tried]
    by_chance = [loss(space.values(chance.random(len(space)))) for _ in range(200)]
    assert np.median(found[-30:]) < 0.6 * np.median(by_chance)
    assert min(found) < np.quantile(by_chance, 0.02)


def test_what_is_settled_by_the_fit_is_not_proposed():
    defaults = FAMILIES["lightgbm"].hyperparameters({})
    values = propose(Space("lightgbm", frozenset({"num-iterations"})), [(defaults, 1.0)], np.random.default_rng(0))
    assert "num-iterations" not in values
    assert "num-leaves" in values


def test_every_configuration_fits_its_family():
    for each in _PORTFOLIO:
        if family := FAMILIES.get(each.family):
            family.hyperparameters({name: str(value) for name, value in each.hyperparameters.items()})
            assert each.family in SEARCH_SPACES


def test_the_portfolio_depends_on_size_and_columns():
    small, large = portfolio("binary", 500, 20), portfolio("binary", 500_000, 20)
    assert len(large) < len(small)
    assert small[0].family == "lightgbm"
    assert portfolio("binary", 500, 20, texts=True)[0].family == "logistic_regression"
    assert not {"mlp", "extra_trees", "svm"} & {each.family for each in large}
    kernels = [sum(each.family == "svm" for each in portfolio("binary", rows, 20)) for rows in (5_000, 12_000, 16_000)]
    assert kernels == [4, 1, 0]
    assert "svm" not in {each.family for each in portfolio("regression", 12_000, 20)}
    assert "svm" not in {each.family for each in portfolio("binary", 5_000, 300)}
    assert "mlp" not in {each.family for each in portfolio("binary", 5_000, 5_000)}


def test_where_columns_are_many_for_the_rows_penalties_that_leave_some_out_come_early():
    penalised = {"lasso", "elastic_net", "ridge"}
    for problem in ("binary", "multiclass", "regression"):
        wide, long = portfolio(problem, 300, 1_500), portfolio(problem, 300, 50)
        assert {each.family for each in wide[1:5]} >= penalised
        assert not penalised & {each.family for each in long}

"""One local cloud for all strategies. Models are learned once and put behind endpoints without a line of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from proofs.canaries import models
from testing.line import Line, deployed
from tests.strategies.shop import Shop

SPEED = 20.0
MODELS = (("logistic_regression", 1), ("logistic_regression", 2))
RELEASE: dict[str, Any] = {
    "steps": [20, 100],
    "bake": "60s",
    "max_bake": "20m",
    "max_error_rate": 0.02,
    # what is slow on a machine that others share says nothing about a model
    "max_p99_ms": 5_000,
    "replay": 60,
    "probation": "1d",
}
Shops = Callable[..., Shop]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/strategies/" in item.path.as_posix():
            item.add_marker(pytest.mark.cloud)
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="package")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with deployed(tmp_path_factory.mktemp("strategies") / "cloud", SPEED) as line:
        yield line


@pytest.fixture(scope="package")
def contract() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(models.__file__).with_name("contract.yaml").read_text())
    return {**found, "release": RELEASE, "monitor": {"every": "7d", "window": "7d"}}


@pytest.fixture(scope="package")
def shelf(tmp_path_factory: pytest.TempPathFactory, contract: dict[str, Any]) -> models.Shelf:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "LEARNED", MODELS)
        return models.Shelf(tmp_path_factory.mktemp("shelf") / "models", contract)


@pytest.fixture
def shops(line: Line, shelf: models.Shelf, contract: dict[str, Any]) -> Shops:
    """A shop of this name, its contract registered, with changes to its release."""

    def make(name: str, **release: Any) -> Shop:
        shop = Shop(line, shelf, name, contract)
        shop.asks_for(**release)
        return shop

    return make

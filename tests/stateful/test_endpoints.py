"""The endpoint of the fakes refuses and changes as SageMaker's does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.errors import EndpointBusyError
from sluice.ports import Variant
from testing.fakes import ClientError, FakeModels, FixedClock


def made(settle: float = 30.0) -> tuple[FakeModels, FixedClock]:
    clock = FixedClock()
    models = FakeModels(clock.now)
    models.settle = settle
    for name in ("m1", "m2"):
        models.ensure_model(name, f"s3://data/{name}", "image", {})
    one, two = (Variant(f"v{i}", f"m{i}", weight, "ml.m5.large", 1) for i, weight in ((1, 1.0), (2, 0.0)))
    models.ensure_endpoint_config("one", [one], "s3://c", 100)
    models.ensure_endpoint_config("other", [Variant("v1", "m2", 1.0, "ml.m5.large", 1)], "s3://c", 100)
    models.ensure_endpoint_config("both", [one, two], "s3://c", 100)
    models.put_endpoint("e", "one")
    return models, clock


def shown(models: FakeModels) -> tuple[str, str, dict[str, float]]:
    state = models.endpoint("e")
    assert state is not None
    return state.status, state.config, {variant.name: variant.weight for variant in state.variants}


def test_an_update_shows_the_old_configuration_until_it_is_done_and_takes_no_other() -> None:
    models, clock = made()
    models.update("e", "both")
    assert shown(models) == ("Updating", "one", {"v1": 1.0})
    for change in (lambda: models.update("e", "one"), lambda: models.reweigh("e", {"v1": 0.5})):
        with pytest.raises(ClientError, match="in-progress"):
            change()
    clock.advance(30)
    assert shown(models) == ("InService", "both", {"v1": 1.0, "v2": 0.0})


def test_weights_change_for_known_variants_and_an_update_resets_them() -> None:
    models, clock = made()
    with pytest.raises(ClientError, match="not present"):
        models.reweigh("e", {"v2": 0.1})
    models.update("e", "both")
    clock.advance(30)
    models.reweigh("e", {"v1": 0.9, "v2": 0.1})
    assert shown(models) == ("Updating", "both", {"v1": 1.0, "v2": 0.0})
    clock.advance(30)
    assert shown(models) == ("InService", "both", {"v1": 0.9, "v2": 0.1})
    models.update("e", "both")
    clock.advance(30)
    assert shown(models)[2] == {"v1": 1.0, "v2": 0.0}


def test_an_update_keeps_what_it_is_told_to_of_variants_of_the_same_name() -> None:
    models, clock = made()

    def after(config: str, *keep: str) -> dict[str, tuple[int, float]]:
        models.put_endpoint("e", "one", weights={"v1": 0.5})
        state = models.endpoints["e"]
        models.endpoints["e"] = replace(state, variants=(replace(state.variants[0], instances=3),))
        models.update("e", config, keep=keep)
        clock.advance(30)
        found = models.endpoint("e")
        assert found is not None
        return {variant.name: (variant.instances, variant.weight) for variant in found.variants}

    assert after("both") == {"v1": (1, 1.0), "v2": (1, 0.0)}
    assert after("both", "DesiredInstanceCount") == {"v1": (3, 1.0), "v2": (1, 0.0)}
    assert after("both", "DesiredInstanceCount", "DesiredWeight") == {"v1": (3, 0.5), "v2": (1, 0.0)}


def test_a_model_that_does_not_load_leaves_everything_as_it_was_but_a_first_one() -> None:
    models, clock = made()
    models.unloadable.add("m2")
    models.update("e", "both")
    clock.advance(30)
    assert shown(models) == ("InService", "one", {"v1": 1.0})
    models.create("first", "other")
    clock.advance(30)
    first = models.endpoint("first")
    assert first is not None
    assert (first.status, first.variants) == ("Failed", ())
    with pytest.raises(ClientError, match="failed endpoint"):
        models.update("first", "one")


def test_an_alarm_of_a_guarded_update_takes_it_back_without_a_word() -> None:
    models, clock = made()
    models.update("e", "other", alarms=["a"], bake=60)
    clock.advance(60)
    assert models.coming("e") == "other"
    models.rings("a")
    assert shown(models)[:2] == ("RollingBack", "one")
    clock.advance(30)
    assert shown(models)[:2] == ("InService", "one")
    models.update("e", "other", alarms=["a"], bake=60)
    clock.advance(90)
    models.rings("a")
    assert shown(models)[:2] == ("InService", "other")
    with pytest.raises(ClientError, match="same variant names"):
        models.update("e", "both", alarms=["a"])


def test_throttling_refuses_every_call() -> None:
    models, _ = made()
    models.throttled = True
    with pytest.raises(EndpointBusyError):
        models.endpoint("e")
    with pytest.raises(ClientError, match="ThrottlingException"):
        models.update("e", "both")

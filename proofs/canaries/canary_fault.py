"""What a canary does wrong. It travels in the model's archive beside inference.py, which calls `install` at its end.

Runs in the serving container: standard library only. The functions that it wraps are those of inference.py; every
model has it, the sound ones too, so that all serve by the same code.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

MARK = "a term that no model of this proof can serve"
"""Requests with it fail whoever answers: the background of errors that champion and canary have alike."""
_hoard: list[bytes] = []

Module = dict[str, Any]
Knobs = dict[str, Any]


def install(module: Module, knobs: Knobs) -> None:
    """`knobs`: `kind`, `rate` of the requests, `after` that many in this process, `seed`, and the kind's own."""
    _background(module)
    kind = knobs.get("kind", "sound")
    if kind != "sound":
        FAULTS[kind](module, knobs)


def _background(module: Module) -> None:
    sound = module["input_fn"]

    def input_fn(body: Any, content_type: str) -> Any:
        if MARK in (body if isinstance(body, str) else body.decode()):
            raise RuntimeError("this request fails on every model")
        return sound(body, content_type)

    module["input_fn"] = input_fn


def _strikes(knobs: Knobs) -> Callable[[], bool]:
    """Asked once for each request: does the fault show in it?"""
    chance, asked = random.Random(knobs["seed"]), itertools.count()

    def strike() -> bool:
        return next(asked) >= knobs.get("after", 0) and chance.random() < knobs.get("rate", 1.0)

    return strike


def _before_predicting(module: Module, work: Callable[[], None]) -> None:
    sound = module["predict_fn"]

    def predict_fn(data: Any, model: Any) -> Any:
        work()
        return sound(data, model)

    module["predict_fn"] = predict_fn


def _failing(module: Module, knobs: Knobs) -> None:
    strike = _strikes(knobs)

    def work() -> None:
        if strike():
            raise RuntimeError("a fault that this proof put in on purpose")

    _before_predicting(module, work)


def _slow(module: Module, knobs: Knobs) -> None:
    strike = _strikes(knobs)

    def work() -> None:
        if strike():
            time.sleep(knobs["seconds"])

    _before_predicting(module, work)


def _memory(module: Module, knobs: Knobs) -> None:
    """Keeps `mib` more with each request, until the instance has no more and the process is killed."""
    strike = _strikes(knobs)

    def work() -> None:
        if strike():
            # written to, because pages that nobody touched are not in memory
            _hoard.append(b"x" * (knobs["mib"] << 20))

    _before_predicting(module, work)


def _shifted(module: Module, knobs: Knobs) -> None:
    """Scores pushed up, down or turned round; `prediction` goes with them, as a well-formed answer."""
    strike, sound = _strikes(knobs), module["predict_fn"]
    change = SHIFTS[knobs["how"]]

    def predict_fn(data: Any, model: Any) -> Any:
        found = sound(data, model)
        if not strike() or not hasattr(found, "answers"):
            return found
        scores = [change(probability) for probability in found.answers.probabilities]
        classes = model.labels.classes
        answers = found.answers._replace(predictions=[classes[p >= 0.5] for p in scores], probabilities=scores)
        return found._replace(answers=answers)

    module["predict_fn"] = predict_fn


SHIFTS: dict[str, Callable[[float], float]] = {
    "high": lambda p: p**0.25,
    "higher": lambda p: 0.75 + p / 4,
    "low": lambda p: p**3,
    "lower": lambda p: p / 5,
    "inverted": lambda p: 1 - p,
    "constant": lambda p: 0.5 + 0 * p,
    "extreme": lambda p: 0.999 if p > 0.2 else 0.001,
}


def _malformed(module: Module, knobs: Knobs) -> None:
    """Status 200 with something that is no answer."""
    strike, sound = _strikes(knobs), module["output_fn"]
    spoil = SPOILED[knobs["how"]]

    def output_fn(prediction: Any, accept: str) -> Any:
        found = sound(prediction, accept)
        if not strike() or not isinstance(found, tuple):
            return found
        body, content_type = found
        return spoil(body), content_type

    module["output_fn"] = output_fn


def _answers(change: Callable[[list[dict[str, Any]]], list[Any]]) -> Callable[[str], str]:
    def spoil(body: str) -> str:
        content = json.loads(body)
        return json.dumps({**content, "predictions": change(content["predictions"])})

    return spoil


def _probability(value: Any) -> Callable[[str], str]:
    return _answers(lambda answers: [{**answer, "probability": value} for answer in answers])


SPOILED: dict[str, Callable[[str], str]] = {
    "no JSON": lambda _: "<html><body>Service temporarily overloaded</body></html>",
    "cut off": lambda body: body[: len(body) // 2],
    "empty": lambda _: "",
    "no predictions": lambda _: '{"message": "ok"}',
    "no prediction": _answers(lambda answers: [{"probability": answer["probability"]} for answer in answers]),
    "NaN": _probability(float("nan")),
    "above 1": _probability(1.7),
    "below 0": _probability(-0.2),
    "a text": _probability("high"),
    "too few": _answers(lambda answers: answers[1:]),
    "too many": _answers(lambda answers: answers * 2),
}


def _crash_on_load(module: Module, knobs: Knobs) -> None:
    how = knobs["how"]
    if how == "exit at import":
        os._exit(knobs.get("code", 1))
    if how == "missing module":
        raise ModuleNotFoundError("No module named 'a_library_that_nobody_installed'")
    if how == "killed at import":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "no model_fn":
        del module["model_fn"]
        return

    def model_fn(_: str) -> Any:
        if how == "exit in model_fn":
            sys.exit(3)
        raise ValueError("the model could not be read")

    module["model_fn"] = model_fn


FAULTS: dict[str, Callable[[Module, Knobs], None]] = {
    "failing": _failing,
    "slow": _slow,
    "malformed": _malformed,
    "shifted": _shifted,
    "crash on load": _crash_on_load,
    "memory": _memory,
}

"""What triage says has no value of a row in it, unless the contract lists it."""

from __future__ import annotations

import numpy as np

from sluice.contract import Contract
from sluice.monitoring.redaction import Redaction
from sluice.names import digest
from sluice.watch.triage.window import Window

CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "y"},
        "data": {
            "columns": {
                "channel": {"type": "category", "values": ["ads", "mail"]},
                "city": {"type": "category"},
                "note": {"type": "text"},
                "y": {"type": "number"},
            }
        },
    }
)


def named(word: str) -> str:
    return f"value {digest(word)[:8]}"


def test_quoted_texts_and_texts_of_rows_are_named_by_their_hash() -> None:
    columns = {
        "channel": np.array(["ads", "mail", None], dtype=object),
        "city": np.array(["Ulm", "O'Fallon", "Köln"], dtype=object),
        "note": np.array(["a secret note", None, "city"], dtype=object),
    }
    window = Window(columns=columns, types={"channel": "category", "city": "category", "note": "text"})
    redaction = Redaction(CONTRACT, [window])
    fallon = "O'Fallon"
    sentence = f"Column city has {'Ulm'!r} for {'ads'!r}, and {fallon!r}; {'never seen'!r}. See a secret note."
    told = redaction.of(
        {"sentence": sentence, "evidence": {"unseen": ["Ulm", "mail"], "Köln": 3, "z": {"city": 0.5}, "pair": ("Ulm",)}}
    )
    assert told["evidence"] == {
        "unseen": [named("Ulm"), "mail"],
        named("Köln"): 3,
        "z": {"city": 0.5},
        "pair": [named("Ulm")],
    }
    assert told["sentence"] == (
        f"Column city has {named('Ulm')} for 'ads', and {named(fallon)}; {named('never seen')}. "
        f"See {named('a secret note')}."
    )

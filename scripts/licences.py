"""A distribution's licence as CycloneDX writes it, from what its metadata say: expression, classifiers or free text."""

from __future__ import annotations

from importlib.metadata import Distribution
from typing import Any

_IDS = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_NAMED = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PSF-2.0"})
PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Zlib"}
)
"""Asks for no more than the notice to be kept. What else is deployed must be named in docs/supply-chain.md."""
_LONG = 64


def licences(distribution: Distribution) -> list[dict[str, Any]]:
    """An SPDX expression where the project gives one; else ids of its classifiers; else its own words.

    Empty when the metadata say nothing. BSD is taken for its three-clause form, which the classifier does not tell.
    """
    metadata: Any = distribution.metadata  # an email.message.Message; its type says less
    expression = metadata.get("License-Expression")
    if expression:
        return [{"expression": expression}]
    classes = [text.rsplit(" :: ", 1)[1] for text in metadata.get_all("Classifier") or () if text.startswith("License")]
    known = [_IDS[each] for each in classes if each in _IDS]
    if known:
        return [{"license": {"id": each}} for each in sorted(set(known))]
    words = " ".join((metadata.get("License") or "").split())
    if (name := _IDS.get(words, words)) in _NAMED:
        return [{"license": {"id": name}}]
    if classes:
        return [{"license": {"name": each}} for each in sorted(set(classes))]
    if not words:
        return []
    return [{"license": {"name": words if len(words) <= _LONG else f"{words[:_LONG]}…"}}]

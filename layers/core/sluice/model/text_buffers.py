"""A column of Arrow's text by its bytes: what numpy sees of it at once, without a look at each text.

Knows Arrow's layout and not its library, which the containers do not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_VISIBLE = (ord(" ") + 1, 0x7F)
"""Bytes from the first to below the second are characters of their own, and none is a blank."""


def offsets_and_bytes(texts: Any) -> tuple[np.ndarray, np.ndarray]:
    """(where each text begins and the last one ends, as int64; the bytes) of an array of `pa.string()`."""
    _, offsets, body = texts.buffers()
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset).astype(np.int64)
    first, last = int(places[0]), int(places[-1])
    found = np.zeros(0, np.uint8) if body is None else np.frombuffer(body, np.uint8, last - first, first)
    return places - first, found


def none_is_blank(texts: Any) -> bool:
    """Whether each text certainly begins with a visible character; else False, or where it is uncertain."""
    if not len(texts):
        return True
    if texts.null_count:
        return False
    offsets, body = offsets_and_bytes(texts)
    return bool((offsets[1:] > offsets[:-1]).all()) and _are_visible(body[offsets[:-1]])


def are_category_names(texts: Any) -> bool:
    """Whether each text is certainly its own `category_text`, and not missing; else False, or where it is uncertain.

    A category is known under another text only if that has blanks around it, is a truth, or ends with `.0`.
    """
    if not len(texts):
        return True
    if texts.null_count:
        return False
    offsets, body = offsets_and_bytes(texts)
    if not (offsets[1:] > offsets[:-1]).all():
        return False
    if not _are_visible(body[offsets[:-1]]) or not _are_visible(body[offsets[1:] - 1]):
        return False
    whole = body.tobytes().lower()
    return b".0" not in whole and b"true" not in whole and b"false" not in whole


def _are_visible(found: np.ndarray) -> bool:
    first, end = _VISIBLE
    return bool(((found >= first) & (found < end)).all())

"""The forms that a column can take in the matrix, by the `kind` of their part."""

from __future__ import annotations

from sluice.model.preparation.base import Form, Part
from sluice.model.preparation.categories import Frequency, OneHot, Ordinal, Target
from sluice.model.preparation.moments import Calendar, Cycles, Moment, Since
from sluice.model.preparation.numbers import Bins, Log, Number, Prepared
from sluice.model.preparation.seasons import Seasonal, Waves
from sluice.model.preparation.text_columns import Buckets, Measures


class Boolean(Number):
    """0, 1, NaN."""

    kind = "boolean"


_ALL: tuple[type[Form], ...] = (
    Number,
    Boolean,
    Log,
    Bins,
    Prepared,
    OneHot,
    Ordinal,
    Frequency,
    Target,
    Moment,
    Calendar,
    Cycles,
    Since,
    Seasonal,
    Waves,
    Measures,
    Buckets,
)
FORMS: dict[str, type[Form]] = {form.kind: form for form in _ALL}


def form_of(part: Part) -> Form:
    """Raises KeyError, TypeError, ValueError where the part is incomplete or of no known kind."""
    return FORMS[part["kind"]](part)

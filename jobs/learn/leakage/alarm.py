"""Thresholds and words of the leakage alarm.

kind          what was found                                                     threshold
copy          the column alone answers the target, or orders it exactly          errors ≤ 0.1 %, correlation ≥ 0.9999
sum           a weighted sum of columns is the target                            rest ≤ 10⁻⁶ of the variance
formula       two columns make the target                                        correlation ≥ 0.9999, ROC AUC ≥ 0.9995
shifted       the target of the next row (`pairs`)                               kappa ≥ 0.3
absence       whether there is a value says the target (`absence`)               skill ≥ 0.4
identifier    nearly distinct values that count up, or are codes                 98 % distinct
filled        the column has a value only (or not) in one outcome                99.5 % of one class
near_perfect  the column alone explains nearly everything                        skill ≥ 0.8
dominant      the column alone comes near all columns, and they fail without it  share ≥ 0.7 and loss ≥ 0.25

The two figures of `dominant` belong together. A strong feature among others is replaced by them: each of breast
cancer's ten best columns reaches 70 to 78 % of the skill of all, and none is missed. PageValues of online_shoppers
reaches 76 to 87 %, and 62 to 78 % of the skill is gone without it. The strongest honest column of the sets that were
looked at, the hour in bike_sharing, has 54 % and 54 %. Columns that are one another's copies are taken out together.
The best single honest column seen has a skill of 0.57 (breast cancer, iris), a target with 3 % of its labels changed
0.85 to 0.92: hence 0.8.

A column that is known only afterwards and explains less than that looks like a good feature.

`copy`, `sum` and `formula` are exact, and found in `sluice.model.identities`, as by `sluice init` and `sluice check`.
Columns that are not features count as parts there: if the contract drops one of two addends, the other is suspected.

Of a time column that is a feature by its seasons (`features.time`), the seasons are compared with the other columns,
and what they explain is noted. A time that is missing in one outcome only is suspected as any column is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leakage import codes_of_names, patterns, siblings, trees
from leakage.words import ACCEPT, DROP, Suspect, suspect
from sluice.model import identities
from sluice.model.dominance import LEAST_DOMINATED, LEAST_SKILL, LOSS, NEAR_PERFECT, SHARE, alike, too_few
from sluice.model.dominance.sampled import Sampled, codes, draw, matrix, sampled
from sluice.model.dominance.skill import alone, skill
from sluice.model.identities.identifiers import Identifier, identifier
from sluice.model.labels import Labels
from sluice.model.preparation.seasons import values_of
from sluice.model.schema import Row, Schema, Value

ERRORS = 0.001
ASKED = 5
"""At most this many columns are taken out to see what is lost; the strongest first."""


def examine(
    contract: Mapping[str, Any], schema: Schema, rows: Sequence[Row], labels: Labels, y: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """`suspects` and `accepted` (kind, columns, evidence, advice, figures), and `notes` on what was not examined.

    `rows` are the training rows and `y` their encoded targets. No text in the answer has a value of a row.
    """
    drawn = draw(len(rows), seed)
    own = y[drawn]
    whole = {name: [rows[place].get(name) for place in drawn] for name in schema.features}
    seasons, columns = _seasons(schema, whole), {name: whole[name] for name in whole if name != schema.seasonal}
    types = {**{name: schema.types[name] for name in columns}, **dict.fromkeys(seasons, "number")}
    sample = sampled(own, len(labels.classes), seed)
    found: list[Suspect] = []
    notes: list[str] = []

    compared = {**columns, **seasons}
    coded = {name: codes(compared[name], types[name]) for name in compared if types[name] != "text"}
    answers = {name: alone(sample, code) for name, code in coded.items()}
    everywhere = np.ones(sample.rows, dtype=bool)
    skills = {name: skill(sample, answer, everywhere) for name, answer in answers.items()}
    counted = []
    for name in columns:
        if is_id := identifier(name, types[name], [row.get(name) for row in rows]):
            told = None if types[name] == "integer" else codes_of_names.told(columns[name], sample)
            found.append(_identifier(name, is_id, skills.get(name), told))
            counted += [name] if is_id.numbered else []
    if labels.problem != "regression":
        found += _exact_classes(whole, sample, answers, own)
    # a number that is distinct everywhere may be an addend, too
    among = set(columns) if labels.problem == "regression" else set(_without(columns, found))
    others = {
        name: [rows[place].get(name) for place in drawn]
        for name in schema.types
        if name not in columns and name != contract["problem"]["target"]
    }
    ordered = sorted(columns, key=lambda name: -skills.get(name, 0.0))
    looked_at = {name: columns[name] for name in ordered if name in among} | others
    exact, told_of_identities = identities.search(looked_at, schema.types, own, len(labels.classes), among)
    known = set((contract.get("features") or {}).get("known_before") or ())
    found += [_exact(each, among, known) for each in exact]
    shifted, told_of_shifts = siblings.by_neighbour(contract, schema, rows, labels, y, counted)
    notes += told_of_shifts
    found += [each for each in shifted if each["columns"][0] in _without(columns, found)]
    notes += told_of_identities
    named = {name for each in found for name in each["columns"]}
    found += [_near_perfect(name, of) for name, of in skills.items() if name not in named and of >= NEAR_PERFECT]
    named |= {name for each in found for name in each["columns"]}
    if why := too_few(sample):
        notes.append(why)
    else:
        found += _dominant(compared, types, sample, coded, skills, named, seed)
    found += siblings.by_absence(_without(whole, found), sample)
    notes += [_of_time(each) for each in found if not seasons.keys().isdisjoint(each["columns"])]
    found = [each for each in found if seasons.keys().isdisjoint(each["columns"])]
    accepted = [each for each in found if known.issuperset(each["columns"])]
    return {"suspects": [each for each in found if each not in accepted], "accepted": accepted, "notes": notes}


def _seasons(schema: Schema, columns: Mapping[str, Sequence[Value]]) -> dict[str, Sequence[Value]]:
    """What the model sees of the time column, by names as in the matrix."""
    if schema.seasonal is None:
        return {}
    times: list[Any] = list(columns[schema.seasonal])
    return {f"{schema.seasonal}:{unit}": values for unit, values in values_of(times).items()}


def _of_time(found: Suspect) -> str:
    names = ", ".join(map(repr, found["columns"]))
    return f"{names}: {found['evidence']}. A time is known when a prediction is asked for, so it is not suspected"


def _without(columns: Mapping[str, Sequence[Value]], found: Sequence[Suspect]) -> dict[str, Sequence[Value]]:
    """The columns that are not suspected yet."""
    named = {name for each in found for name in each["columns"]}
    return {name: values for name, values in columns.items() if name not in named}


def _identifier(name: str, found: Identifier, value: float | None, told: tuple[str, float] | None) -> Suspect:
    evidence = f"{found.distinct:.1%} of its values are distinct, and " + (
        "they count up" if found.numbered else "they are codes"
    )
    if value is not None and value >= LEAST_SKILL:
        evidence += f"; the target follows their order (explained by it alone: {value:.0%}), as in a sorted file"
    if told is not None:
        evidence += f"; the target follows from its {told[0]} (explained by it alone: {told[1]:.0%})"
    advice = f"an identifier means nothing for new rows: name it in data.key, or {DROP}; {ACCEPT}"
    figures = {"distinct": found.distinct, **({} if value is None else {"skill_alone": value})}
    figures |= {} if told is None else {"skill_of_code": told[1]}
    return suspect("identifier", [name], evidence, advice, **figures)


def _exact(found: identities.Identity, features: set[str], known: set[str]) -> Suspect:
    """The suspicion of each part that is a feature. Those that are known before are answered for, and so are all if
    the others are left out."""
    if found.kind == "copy":
        return _copy(found.columns[0], found.evidence, **found.figures)
    parts = [name for name in found.columns if name in features]
    out = [repr(name) for name in found.columns if name not in features]
    evidence = found.evidence + (
        f"; {' and '.join(out)} {'is' if len(out) == 1 else 'are'} left out already" * bool(out)
    )
    parts = [name for name in parts if name not in known] or parts
    whole = "it is a part of the target" if len(parts) == 1 else "all of them are parts of the target"
    advice = (
        f"{whole}: list {'it' if len(parts) == 1 else 'each'} in features.drop, unless it is known before the answer "
        "is; then in features.known_before"
    )
    return suspect(found.kind, parts, evidence, advice, **found.figures)


def _copy(name: str, evidence: str, **figures: float) -> Suspect:
    return suspect("copy", [name], evidence, f"it is the target in other words: {DROP}; {ACCEPT}", **figures)


def _exact_classes(
    columns: Mapping[str, Sequence[Value]], sample: Sampled, answers: Mapping[str, np.ndarray], y: np.ndarray
) -> list[Suspect]:
    found = []
    for name, values in columns.items():
        answer = answers.get(name)
        errors = 1.0 if answer is None else float(np.mean(answer.argmax(axis=1) != y))
        if errors <= ERRORS and np.bincount(y).max() < (1 - 10 * ERRORS) * len(y):
            found.append(_copy(name, f"the column alone answers {1 - errors:.2%} of the rows rightly", errors=errors))
        elif filled := patterns.filled_by_one_outcome(values, y):
            what = "have a value" if filled.missing else "have another than its usual value"
            evidence = f"of {filled.rows:,} rows that {what}, {filled.outcome:.1%} are of one class; the others are not"
            advice = f"it seems to be filled in after the outcome: {DROP}; {ACCEPT}"
            found.append(suspect("filled", [name], evidence, advice, rows=filled.rows, share=filled.outcome))
    return found


def _near_perfect(name: str, value: float) -> Suspect:
    evidence = f"the column alone explains {value:.0%} of the target, on rows that were held out"
    advice = f"few honest columns do; ask when its value is written: {DROP}; {ACCEPT}"
    return suspect("near_perfect", [name], evidence, advice, skill_alone=value)


def _dominant(
    columns: Mapping[str, Sequence[Value]],
    types: Mapping[str, str],
    sample: Sampled,
    coded: Mapping[str, np.ndarray],
    skills: Mapping[str, float],
    named: set[str],
    seed: int,
) -> list[Suspect]:
    """Beside a column that is suspected anyhow nothing else is missed, so those are left out of the comparison."""
    parts = matrix({name: values for name, values in columns.items() if name not in named}, dict(types))
    able = [name for name in coded if name in parts and skills[name] >= SHARE * LEAST_DOMINATED]
    # a few rounds are enough to see that nothing comes near, which is so in most data
    if (
        len(parts) < 2
        or not able
        or max(skills[n] for n in able) < SHARE * trees.together(sample, parts, set(), seed, 10)
    ):
        return []
    everything = _explained(sample, parts, set(), skills, seed)
    if everything < LEAST_DOMINATED:
        return []
    strong = sorted((n for n in able if skills[n] >= SHARE * everything), key=lambda n: -skills[n])
    found, seen = [], set()
    for name in strong[:ASKED]:
        if name in seen:
            continue
        same = [other for other in coded if other in parts and alike(coded[name], coded[other])]
        seen |= set(same)
        loss = 1.0 - _explained(sample, parts, set(same), skills, seed) / everything
        if loss >= LOSS:
            share = min(1.0, skills[name] / everything)
            evidence = (
                f"the column alone reaches {share:.0%} of what all columns explain, and without it {loss:.0%} of that "
                "is lost"
            )
            advice = f"ask when its value is written; if only with the outcome or after it, {DROP}; {ACCEPT}"
            figures = {"share": share, "loss": loss, "skill_alone": skills[name], "skill_all": everything}
            found.append(suspect("dominant", same, evidence, advice, **figures))
    return found


def _explained(
    sample: Sampled, parts: dict[str, np.ndarray], without: set[str], skills: Mapping[str, float], seed: int
) -> float:
    """By all columns but `without`: at least what the best of them does alone, since trees may learn noise as well."""
    best = max((skills.get(name, 0.0) for name in parts if name not in without), default=0.0)
    return max(0.0, best, trees.together(sample, parts, without, seed))

"""Categories under other names: spelling, encoding, truncation, mapping tables, and texts for "unknown"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sluice.watch.triage.combinations import impossible
from sluice.watch.triage.comparison import Comparison, variation
from sluice.watch.triage.distance import shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.hypotheses.undone import SPELLINGS, bare
from sluice.watch.triage.profile import Words, counts_of, strange_to, words_of
from sluice.watch.triage.window import Reason

UNKNOWN = frozenset(
    {
        "null",
        "none",
        "n/a",
        "na",
        "nan",
        "nil",
        "#n/a",
        "?",
        "-",
        "--",
        ".",
        "unknown",
        "undefined",
        "missing",
        "not available",
        "(null)",
        "<na>",
        "\\n",
    }
)
"""Texts that programs write for "unknown", in lower case."""
CATCH_ALL = frozenset({"other", "others", "misc", "rest", "else", "various", "sonstige", "etc"})
EXPLAINED = 0.9
"""The share of the unseen rows that one spelling must explain."""


def respelled(comparison: Comparison) -> Iterator[Finding]:
    """Values that the reference never saw, and that are its values in another spelling."""
    for name, column in comparison.columns.items():
        base = comparison.reference.words.get(name)
        if base is None or base.free or not base.shares:
            continue
        words = words_of(comparison.window.columns[name])
        unseen = strange_to(words, base.shares)
        if (
            unseen.sum() < 5
            or float(unseen.mean()) < base.singletons + 0.02
            or (abs(column.z) < 6 and column.scores["unseen"] < 5 and column.chance > 1e-4)
        ):
            continue
        counts = counts_of(words[unseen])
        where = np.flatnonzero(unseen)
        found = joined(comparison, name, counts, where) or spelling(comparison, name, base, counts, words, where)
        if found is not None:
            yield found


def joined(comparison: Comparison, name: str, counts: dict[str, int], where: np.ndarray) -> Finding | None:
    """Two columns in one, since a separator between them was lost."""
    total = sum(counts.values())
    own = comparison.reference.words[name].shares
    for other, base in comparison.reference.words.items():
        if other == name or not base.shares or base.free:
            continue
        hits = 0
        for word, count in counts.items():
            for value in base.shares:
                if value and len(word) > len(value) and (word.endswith(value) or word.startswith(value)):
                    rest = word[: -len(value)] if word.endswith(value) else word[len(value) :]
                    if rest.strip(" ;,|\t:/") in own and rest.strip(" ;,|\t:/") != rest:
                        hits += count
                        break
        if hits > 0.7 * total and float(comparison.missing(other)[where].mean()) > base.missing + 0.5:
            what = f"holds the value of {other} as well, whose place is empty: a separator is lost"
            return Finding(Reason.SHIFTED, (name, other), what, where, 1 - hits / total, certain=True)
    return None


def spelling(
    comparison: Comparison, name: str, base: Words, counts: dict[str, int], words: np.ndarray, where: np.ndarray
) -> Finding | None:
    total = sum(counts.values())

    def finding(reason: Reason, what: str, left: float = 0.0) -> Finding:
        return Finding(reason, (name,), what, where, left, certain=True, evidence={"unseen": examples(counts)})

    unknown = sum(count for word, count in counts.items() if word.strip().lower() in UNKNOWN)
    if unknown > EXPLAINED * total:
        return finding(
            Reason.SENTINEL, f"has {examples(counts)[0]!r} for unknown in {total / len(words):.0%} of the rows"
        )
    for reason, what, undo in SPELLINGS:
        hits = sum(count for word, count in counts.items() if undo(word) in base.shares and undo(word) != word)
        if hits > EXPLAINED * total:
            return finding(reason, what, 1 - hits / total)
    folded: dict[str, str] = {}
    for word in base.shares:
        folded.setdefault(bare(word), word)
    hits = sum(count for word, count in counts.items() if bare(word) in folded)
    if hits > EXPLAINED * total and all(folded):
        return finding(Reason.RENAMED, "is spelled in another way", 1 - hits / total)
    if len(counts) == 1 and not vacated(comparison, name, next(iter(counts)), total):
        return renamed(comparison, name, base, counts, words, where)
    now = counts_of(words)
    affix = common_affix(base, counts)
    if affix and took_over(comparison, name, now, {word: [origin] for word, origin in affix[1].items()}):
        return finding(Reason.RENAMED, f"has {affix[0]!r} added to its values")
    cut = truncated(base, counts)
    if cut and took_over(comparison, name, now, cut[1]):
        return finding(Reason.TRUNCATED, f"is cut after {cut[0]} characters")
    return renamed(comparison, name, base, counts, words, where)


def vacated(comparison: Comparison, name: str, word: str, count: int) -> bool:
    """Whether one usual value has lost about as many rows as the new one has: then it may be that value's new name.
    A new category takes its rows from all."""
    words = words_of(comparison.window.columns[name])
    near, now = comparison.base_words(name, np.arange(len(words))), counts_of(words)
    if takes_all(comparison, name, word):
        return True
    lost = max((share * len(words) - now.get(each, 0) for each, share in near.shares.items()), default=0.0)
    return len(near.shares) > 1 and lost > 0.6 * count and lost > 4 * np.sqrt(count)


def took_over(comparison: Comparison, name: str, now: dict[str, int], origins: Mapping[str, Sequence[str]]) -> bool:
    """Whether the rows of new names are those that their origins have lost: more of them than not, or nearly all rows
    of the origins.

    A new value may well be written like an old one with a character more ("20" beside "2"); then "2" keeps its rows.
    """
    rows = sum(now.values())
    shares = comparison.base_words(name, np.arange(len(comparison.window))).shares
    fresh, old = sum(now[word] for word in origins), {each for some in origins.values() for each in some}
    expected = sum(shares.get(each, 0.0) * rows for each in old)
    lost = expected - sum(now.get(each, 0) for each in old)
    return lost > min(0.5 * fresh, 0.8 * expected)


def takes_all(comparison: Comparison, name: str, *new: str) -> bool:
    """Whether all rows have these values from their first to their last row: no new category grows so fast.

    A new month does, in a column whose values last; where the training rows have no times, that is not told apart.
    """
    if comparison.without_precedent(name):
        return False
    words = words_of(comparison.window.columns[name])
    at = np.flatnonzero(np.isin(words.astype(str), new))
    return len(at) > 20 and len(at) >= 0.95 * (at[-1] - at[0] + 1)


def renamed(
    comparison: Comparison, name: str, base: Words, counts: dict[str, int], words: np.ndarray, where: np.ndarray
) -> Finding | None:
    """Other names one for one (their frequencies match), or several names for one."""
    column = comparison.columns[name]
    inner = words[column.stretch.inner] if column.signal in ("unseen",) or column.z > 6 else words
    now = counts_of(inner)
    rows = max(1, sum(now.values()))
    near = comparison.base_words(name, column.stretch.inner)
    fresh = {word: count / rows for word, count in now.items() if word not in base.shares}
    lost = {word: near.shares.get(word, 0.0) - now.get(word, 0) / rows for word in base.shares}
    lost = {word: share for word, share in lost.items() if share > 0.004}
    gone = [word for word, share in near.shares.items() if share * rows >= 8 and now.get(word, 0) == 0]
    new, old = sorted(fresh.values(), reverse=True), sorted(lost.values(), reverse=True)
    big = [share for share in new if share > 0.01]
    if not new or sum(new) < 0.02:
        return None
    evidence = {"unseen": examples(counts), "absent": gone[:5]}
    word = max(fresh, key=lambda each: fresh[each])
    if len(big) == 1 and fresh[word] > 0.7 * sum(new):
        if word.strip().lower() in CATCH_ALL and emptied(near, words[where[0] : where[-1] + 1], word):
            return Finding(Reason.MERGED, (name,), f"has {word!r} for several values", where, 0.0, True, evidence)
        if takes_all(comparison, name, word):
            return Finding(Reason.RENAMED, (name,), f"has {word!r} in all rows", where, 0.0, True, evidence)
        vanished = sum(near.shares[each] for each in gone)
        if gone and abs(vanished - fresh[word]) < 0.3 * fresh[word] + 0.02:
            what = f"has {word!r} for {', '.join(map(repr, gone[:4]))}"
            reason = Reason.MERGED if len(gone) > 1 else Reason.RENAMED
            return Finding(reason, (name,), what, where, 0.0, False, evidence)
        return None
    size = max(len(new), len(old))
    padded = np.zeros((2, size))
    padded[0, : len(new)], padded[1, : len(old)] = new, old
    left = float(np.abs(padded[0] - padded[1]).sum()) / 2
    if left < 0.12 * sum(new) + 0.03 + 0.5 / np.sqrt(rows) and len(big) >= 2:
        what = "has other names with the old frequencies"
        return Finding(Reason.RENAMED, (name,), what, where, left, False, evidence)
    if takes_all(comparison, name, *counts):
        what = "has only names that never occurred"
        return Finding(Reason.RENAMED, (name,), what, where, left, True, evidence)
    return None


def emptied(base: Words, words: np.ndarray, word: str) -> bool:
    """Whether the rows of `word` are those of values that have nearly gone; a new value takes its rows from all."""
    now, rows = counts_of(words), max(1, len(words))
    gone = sum(share for each, share in base.shares.items() if now.get(each, 0) < 0.2 * share * rows)
    return gone > 0.5 * now.get(word, 0) / rows


def common_affix(base: Words, counts: dict[str, int]) -> tuple[str, dict[str, str]] | None:
    """A text that nearly all unseen values have before or after a usual value, and that value of each of them."""
    tried: set[tuple[bool, str]] = set()
    total = sum(counts.values())
    for word in sorted(counts, key=lambda each: -counts[each])[:4]:
        for value in base.shares:
            if value and len(word) > len(value):
                if word.endswith(value):
                    tried.add((True, word[: -len(value)]))
                if word.startswith(value):
                    tried.add((False, word[len(value) :]))
    for before, text in sorted(tried, key=lambda each: len(each[1])):
        without = {word: word.removeprefix(text) if before else word.removesuffix(text) for word in counts}
        found = {word: value for word, value in without.items() if value != word and value in base.shares}
        if sum(counts[word] for word in found) > EXPLAINED * total:
            return text, found
    return None


def truncated(base: Words, counts: dict[str, int]) -> tuple[int, dict[str, list[str]]] | None:
    """The width at which values are cut, and the values that each unseen one may have been; None if they are not."""
    width = max(len(word) for word in counts)
    total = sum(counts.values())
    found = {
        word: [
            value
            for value in base.shares
            if len(value) > len(word) and (value.startswith(word) or value[:width].rstrip() == word)
        ]
        for word in counts
    }
    found = {word: values for word, values in found.items() if values}
    hits = sum(counts[word] for word in found)
    whole = sum(count for word, count in counts.items() if width - len(word) <= 1)
    return (width, found) if hits > EXPLAINED * total and whole > EXPLAINED * total else None


def remapped(comparison: Comparison) -> Iterator[Finding]:
    """Known values in the place of others: merged, filled in, shifted by one, or exchanged."""
    for name, column in comparison.changed.items():
        base = comparison.reference.words.get(name)
        if base is None or base.free or len(base.shares) < 2:
            continue
        inner = column.stretch.inner
        now = counts_of(words_of(comparison.window.columns[name])[inner])
        rows = sum(now.values())
        near = comparison.base_words(name, inner)
        if rows < 20 or sum(count for word, count in now.items() if word not in base.shares) > 0.03 * rows:
            continue
        found = (
            merged(name, near, now, rows, column.stretch.places, complete(comparison))
            or moved(name, near, now, rows, column.size, column.stretch.places)
            or filled(name, near, now, rows, column.stretch.places)
        )
        if found is not None:
            yield replace(found, certain=found.certain or name in impossible(comparison))


def complete(comparison: Comparison) -> bool:
    """Whether as many rows as usual have come: then no rows are missing, and absent values have gone elsewhere."""
    window = comparison.window
    return bool(window.usual and window.usual - window.count < 3 * np.sqrt(window.usual))


def merged(name: str, base: Words, now: dict[str, int], rows: int, where: np.ndarray, all_came: bool) -> Finding | None:
    """Values are absent, and one other value has grown by their shares while the rest stands still."""
    gone = [word for word, share in base.shares.items() if now.get(word, 0) <= 0.03 * share * rows]
    lost = sum(base.shares[word] for word in gone)
    if lost * rows < 10 or lost < 0.02:
        return None
    left = [word for word in base.shares if word not in gone]
    if not left:
        return None
    taker = max(left, key=lambda word: now.get(word, 0) / rows - base.shares[word])
    mapped = {word: base.shares[word] for word in left}
    mapped[taker] += lost
    apart = sum(abs(now.get(word, 0) / rows - mapped[word]) for word in left) / 2
    spared = {word: base.shares[word] / (1 - lost) for word in left}
    removed = sum(abs(now.get(word, 0) / rows - spared[word]) for word in left) / 2
    noise = 0.5 * np.sqrt(len(left) / rows) + 0.5 * np.sqrt(len(left) / max(1, base.rows))
    if apart > noise + 0.01 or (
        len(left) > 1 and apart >= (1.0 if all_came else 0.7) * removed + (noise if all_came else 0.0)
    ):
        return None
    if len(left) == 1:
        return Finding(Reason.CONSTANT, (name,), f"is {taker!r} in every row", where, apart, lost > 0.1)
    what = f"has {taker!r} for {', '.join(map(repr, gone[:4]))}"
    return Finding(Reason.MERGED, (name,), what, where, apart, certain=False, evidence={"absent": gone[:10]})


def moved(name: str, base: Words, now: dict[str, int], rows: int, before: float, where: np.ndarray) -> Finding | None:
    """Each value has the share of the next or the previous one in the order of the alphabet; of two: exchanged."""
    known = sorted(base.shares)
    if len(known) < 2:
        return None
    usual = np.array([base.shares[word] for word in known])
    seen = np.array([now.get(word, 0) / rows for word in known])
    noise = 0.5 * np.sqrt(len(known) / rows) + 0.5 * np.sqrt(len(known) / max(1, base.rows))
    best: tuple[float, str, float] | None = None
    for step in (1, -1):
        there = np.roll(usual, step)
        apart = there - usual
        share = float(np.clip((seen - usual) @ apart / max(1e-12, apart @ apart), 0, 1))
        left = float(np.abs(seen - usual - share * apart).sum()) / 2
        if share > 0.8 and left < min(noise + 0.01, 0.4 * before) and (best is None or left < best[0]):
            best = left, "the next" if step == 1 else "the previous", share
    if best is None:
        return None
    left, which, share = best
    if len(known) == 2:
        if share < 0.85 or abs(usual[0] - 0.5) < 0.03:
            return None
        return Finding(Reason.INVERTED, (name,), "has its two values exchanged", where, left, certain=False)
    # a few shares may come to lie like this in a real change; many do not
    certain = int((usual > 0.02).sum()) > 3
    return Finding(Reason.RENAMED, (name,), f"has for each value the name of {which} one", where, left, certain=certain)


def filled(name: str, base: Words, now: dict[str, int], rows: int, where: np.ndarray) -> Finding | None:
    """One usual value has grown, and all others have shrunk in proportion: it stands for unknown."""
    value = max(base.shares, key=lambda word: now.get(word, 0) / rows - base.shares[word])
    usual, share = base.shares[value], now.get(value, 0) / rows
    more = (share - usual) / max(1e-9, 1 - usual)
    if more < 0.06 or shares_differ(now.get(value, 0), rows, usual * base.rows, base.rows) < 4.5:
        return None
    mixed = Words(
        name,
        {word: s * (1 - more) + (more if word == value else 0.0) for word, s in base.shares.items()},
        0.0,
        base.rows,
        0.0,
    )
    left = variation(mixed, now)
    others = sum(s > 0.01 for s in base.shares.values())
    noise = 0.5 * np.sqrt(others / rows) + 0.4 * np.sqrt(others / max(1, base.rows))
    if left > noise:
        return None
    what = f"is {value!r} in {share:.0%} of the rows instead of {usual:.0%}; all other values shrank alike"
    return Finding(
        Reason.DEFAULT if share < 0.97 else Reason.CONSTANT,
        (name,),
        what,
        where,
        left,
        certain=share > 0.97 and usual < 0.8,
        evidence={"value": value, "share": round(share, 4), "usual_share": round(usual, 4)},
    )


def examples(counts: dict[str, int]) -> list[str]:
    return sorted(counts, key=lambda word: -counts[word])[:4]

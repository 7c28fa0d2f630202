"""What captured answers of a step give the judge: scores, split and malformed answers, of both variants alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.contract import Contract
from sluice.ports import ObjectStore
from sluice.records.evaluation import ExpectedScores
from sluice.records.release_plan import ReleasePlan
from sluice.release.answers import read_predictions
from sluice.release.episodes import Request, episodes
from sluice.release.judge import MAX_READ
from sluice.release.scores import Scores, histogram
from sluice.serving.captured_requests import UPLOADED_WITHIN, captured, time_of
from sluice.watch.captures import Captured, score_of


@dataclass(frozen=True)
class LiveAnswers:
    """`malformed`: answers with status 200 that break the contract; (on the canary, on the control) each.

    `read`: answers of the canary, those of bursts included.
    """

    requests: tuple[int, int] = (0, 0)
    malformed: tuple[int, int] = (0, 0)
    scores: Scores | None = None
    read: int = 0

    @property
    def split(self) -> tuple[int, int] | None:
        """(on the canary, on both); None without a control."""
        own, other = self.requests
        return (own, own + other) if other else None


def live_answers(
    contract: Contract,
    release_plan: ReleasePlan,
    span: tuple[datetime, datetime],
    expected: ExpectedScores | None,
    alone: bool,
    *,
    objects: ObjectStore,
) -> LiveAnswers:
    """The live answers of one traffic step, from its beginning to now (`span`).

    `alone`: there is no control, so only the form of the answers is checked.

    Captures are uploaded now and then, by each machine of each variant. What counts is therefore what all have told:
    until the last second that both variants reach, and, of several machines, that all have uploaded. The tests hold
    at every number of requests, whichever it is.
    """
    began, now = span
    # captures tell whole seconds: the step's first one may hold requests of the step before
    first = began.replace(microsecond=0) + timedelta(seconds=1)
    variants = [release_plan.variant, *([] if alone else [release_plan.control])]
    found = [
        captured(contract, (release_plan.endpoint, variant), first, now, MAX_READ, objects=objects)
        for variant in variants
    ]
    if not all(found):
        return LiveAnswers()
    until = min(time_of(requests[-1]) for requests in found)
    if release_plan.machines > 1:
        until = min(until, now - UPLOADED_WITHIN)
    asked = [(variant, r) for variant, requests in zip(variants, found) for r in requests if time_of(r) <= until]
    standing = [
        asked[mark.number]
        for mark in episodes(
            Request(time_of(r).timestamp(), variant, client=r.client, number=number)
            for number, (variant, r) in enumerate(asked)
        )
    ]
    own, other = ([r for variant, r in standing if variant == each] for each in (variants[0], variants[-1]))
    malformed = _malformed(own, contract)
    if alone:
        return LiveAnswers((len(own), 0), (malformed, 0), None, len(found[0]))
    return LiveAnswers(
        (len(own), len(other)), (malformed, _malformed(other, contract)), _scores(own, other, expected), len(found[0])
    )


def _malformed(requests: list[Captured], contract: Contract) -> int:
    """A refusal gave the caller nothing either: a new model that refuses more than the old one shows here."""
    return sum(r.refused is not None or not read_predictions(r.answers, len(r.rows), contract).valid for r in requests)


def _scores(own: list[Captured], other: list[Captured], expected: ExpectedScores | None) -> Scores | None:
    """One score a request: the rows of one request are not independent of each other."""
    if expected is None:
        return None
    canary, control = (
        histogram(
            [score for r in requests if r.answers and (score := score_of(r.answers[0])) is not None], expected.edges
        )
        for requests in (own, other)
    )
    return Scores(canary, control, expected.candidate, expected.champion)

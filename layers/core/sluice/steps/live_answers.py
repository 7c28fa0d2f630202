"""What captured answers of a step tell the judge: scores, split and malformed answers, of both variants alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.contract import Contract
from sluice.ports import World
from sluice.release.answers import read_predictions
from sluice.release.episodes import Request, episodes
from sluice.release.judge import MOST_READ
from sluice.release.scores import ExpectedScores, Scores, histogram
from sluice.steps.captured_requests import captured
from sluice.watch.captures import Captured, score_of


@dataclass(frozen=True)
class LiveAnswers:
    """`malformed`: answers with status 200 that break the contract; (on the canary, on the control) each."""

    requests: tuple[int, int] = (0, 0)
    malformed: tuple[int, int] = (0, 0)
    scores: Scores | None = None

    @property
    def split(self) -> tuple[int, int] | None:
        """(on the canary, on both)."""
        both = sum(self.requests)
        return (self.requests[0], both) if both else None


def live_answers(
    world: World,
    contract: Contract,
    endpoint: str,
    variants: tuple[str, str],
    began: datetime,
    now: datetime,
    expected: ExpectedScores | None,
) -> LiveAnswers:
    """Of the step that began at `began`; `variants` are the canary's and the control's.

    Captures are uploaded now and then, each variant's by itself. What counts is therefore what both have told: all
    until the last second that both reach. The tests hold at every number of requests, whichever it is.
    """
    # captures tell whole seconds: the step's first one may hold requests of the step before
    first = began.replace(microsecond=0) + timedelta(seconds=1)
    found = [captured(world, contract, (endpoint, variant), first, now, MOST_READ) for variant in variants]
    if not all(found):
        return LiveAnswers()
    until = min(requests[-1].at for requests in found if requests[-1].at is not None)
    asked = [(variant, r) for variant, requests in zip(variants, found) for r in requests if r.at and r.at <= until]
    standing = [
        asked[mark.number]
        for mark in episodes(
            Request(r.at.timestamp() if r.at else 0.0, variant, client=r.client, number=number)
            for number, (variant, r) in enumerate(asked)
        )
    ]
    own, other = ([r for variant, r in standing if variant == each] for each in variants)
    return LiveAnswers(
        (len(own), len(other)), (_malformed(own, contract), _malformed(other, contract)), _scores(own, other, expected)
    )


def _malformed(requests: list[Captured], contract: Contract) -> int:
    return sum(not read_predictions(r.answers, len(r.rows), contract).valid for r in requests)


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

"""Records of a release in words, as the steps write them."""

from __future__ import annotations

from cli import decisions
from sluice.ports import Answer
from sluice.steps.replay_requests import replay_requests
from testing.release_world import NEW, PROJECT
from tests.unit.steps import test_replay_requests as replays
from tests.unit.steps import test_strategies as strategies


def test_a_replay_says_what_each_test_saw() -> None:
    world, plan = replays.planned()
    replays.canary_says(world, Answer(500, b"x", "v-r2"))
    world.call(replay_requests, PROJECT, NEW, plan)
    words = decisions.shown(replays.record(world))
    assert "Replay: abort after 20 captured requests" in words
    assert ["errors", "20", "0", "9.614"] in [line.split() for line in words.splitlines()]
    assert "- answers failed: 20 of the challenger alone" in words


def test_a_bandit_says_what_it_chose_and_why() -> None:
    bandit = strategies.TestBandit()
    world, plan = bandit.start()
    for number, rewarded in enumerate((15, 45)):
        bandit.asked(world, plan, {"v-r1": 10, "v-r2": rewarded}, number)
    words = decisions.shown(strategies.record(world, "bandit"))
    assert "Bandit: promote after 2 steps" in words
    rows = [line.split() for line in words.splitlines()]
    assert ["0", "50%", "15/100", "10/100", "85.3%", "0.0751", "-0.6547", "shift"] in rows


def test_what_became_of_the_data_is_shown_with_its_counts() -> None:
    facts = {
        "rows_read": 4000,
        "rows": {"train": 2400, "test": 800},
        "losses": [{"text": "3,867 of 4,000 rows are equal"}],
        "losses_more": 2,
    }
    told = decisions.data(facts)
    assert "4,000 accepted rows read; 2,400 train, 800 test" in told
    assert "3,867 of 4,000 rows are equal" in told
    assert "2 more" in told

"""Fits run beside each other, and a deadline is held against one that does not end."""

import os
import time

import pytest

from auto.workers import Workers
from sluice.model.errors import ModelError


def work(job):
    if job == "hang":
        time.sleep(60)
    if job == "die":
        os._exit(3)
    if job == "cannot":
        raise ModelError("this cannot be learned")
    if job == "refuse":
        raise ValueError("a secret value")
    return os.getpid(), job


@pytest.fixture
def workers():
    with Workers(work, 2) as found:
        yield found


def ended(workers, seconds=20.0):
    found = []
    until = time.monotonic() + seconds
    while workers.running and time.monotonic() < until:
        found += workers.wait(until)
    return found


def test_answers_come_from_processes_of_their_own(workers):
    workers.start(1)
    workers.start(2)
    assert not workers.idle
    answers = [outcome.answer for outcome in ended(workers)]
    assert sorted(job for _, job in answers) == [1, 2]
    assert len({pid for pid, _ in answers} | {os.getpid()}) == 3


def test_what_does_not_end_is_ended(workers):
    workers.start("hang")
    began = time.monotonic()
    assert workers.wait(began + 0.2) == []
    assert workers.end_running() == ["hang"]
    assert time.monotonic() - began < 10
    workers.start("after")
    assert [outcome.job for outcome in ended(workers)] == ["after"]


def test_a_failure_is_one_trial_s_and_does_not_quote_values(workers):
    workers.start("refuse")
    workers.start("die")
    failures = {outcome.job: outcome.failure for outcome in ended(workers)}
    assert failures == {"refuse": "ValueError (the fit)", "die": "its process ended with 3 (out of memory?)"}
    workers.start("cannot")
    assert ended(workers)[0].failure == "this cannot be learned (the fit)"

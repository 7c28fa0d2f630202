"""What the read model asks of AWS, and how often; what leaves it in no answer."""

from __future__ import annotations

import json

import pytest

from console.reading import alerts, decisions, monitor, project, projects, release, run
from console.source import Source
from tests.console import recorded

PROMOTED = recorded.run_with("promoted")


def test_no_token_leaves_the_record(source: Source):
    token = "the-token-of-a-task"
    stack = recorded.stack()
    stack.world.ledger.update_run(
        "shop", PROMOTED, {"approval": {"package_arn": "arn:p", "token": token}, "bake_token": token}
    )
    own = Source(stack)
    told = [
        run.read(own, "shop", PROMOTED),
        project.read(own, "shop"),
        projects.read(own),
        decisions.read(own, "shop", PROMOTED),
        alerts.read(own, None),
        release.read(own, "shop", PROMOTED),
    ]
    assert token not in json.dumps(told, default=str)


def test_what_is_asked_twice_at_once_is_asked_of_aws_once():
    stack = recorded.stack()
    own = Source(stack)
    for _ in range(5):
        projects.read(own)
        run.read(own, "shop", PROMOTED)
    asked = [name for name, _ in stack.clients.asked]
    # each of the four histories once: they have ended
    assert asked.count("get_execution_history") == 4
    assert asked.count("list_stack_resources") == 1


def test_an_object_that_is_written_once_is_read_once(monkeypatch: pytest.MonkeyPatch):
    stack, read = recorded.stack(), []
    objects = stack.world.objects
    before = objects.read
    monkeypatch.setattr(objects, "read", lambda key, *more: read.append(key) or before(key, *more))
    own = Source(stack)
    monkeypatch.setattr("console.source.time.monotonic", lambda: 0.0)
    monitor.read(own, "shop")
    alerts.read(own, None, "shop")
    monkeypatch.setattr("console.source.time.monotonic", lambda: 60.0)
    monitor.read(own, "shop")
    alerts.read(own, None, "shop")
    responses = [key for key in read if "/responses/" in key or key.endswith("/report.json")]
    assert responses
    assert len(responses) == len(set(responses))

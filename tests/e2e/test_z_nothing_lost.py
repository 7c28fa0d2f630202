"""After all stories: nothing was lost, nothing was left lying, nobody was denied what the product needs.

The file's name makes these the last tests.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

import pytest

from testing.line import Line, wait_for

DEAD_LETTERS = ("IntakeDeadLetterQueue", "EventDeadLetterQueue")
UNDELIVERED = ("batch/undelivered/today.csv", "v1")
"""Key and version of a missing object. test_undelivered_events sends an event about it that no function can handle."""


@pytest.fixture(autouse=True)
def _all_over(line: Line, stories: dict[Any, Future[Any]]) -> None:
    for future in stories.values():
        # a story that failed is reported by its own tests
        future.exception()
    projects = line.ledger.projects()
    wait_for(lambda: not any(line.ledger.lock(project) for project in projects), "every run to be over")


def versions(line: Line, area: str) -> set[tuple[str, str]]:
    pages = line.aws("s3").get_paginator("list_object_versions").paginate(Bucket=line.bucket, Prefix=f"{area}/")
    return {(item["Key"], item["VersionId"]) for page in pages for item in page.get("Versions", [])}


def test_every_object_version_has_exactly_one_terminal_record(line: Line) -> None:
    pages = line.aws("dynamodb").get_paginator("scan").paginate(TableName=line.stack.outputs["TableName"])
    prefix = f"OBJECT#{line.bucket}/"
    recorded = [
        (item["pk"]["S"].removeprefix(prefix), item["sk"]["S"].removeprefix("VERSION#"), item["status"]["S"])
        for page in pages
        for item in page["Items"]
        if item["pk"]["S"].startswith("OBJECT#") and item["sk"]["S"].startswith("VERSION#")
    ]
    # its report is a record like any other
    assert [each for each in recorded if each[:2] == UNDELIVERED] in ([], [(*UNDELIVERED, "failed")])
    recorded = [each for each in recorded if each[:2] != UNDELIVERED]
    beside = {(key, version) for key, version, status in recorded if status == "misplaced"}
    recorded = [each for each in recorded if each[2] != "misplaced"]
    assert sorted((key, version) for key, version, _ in recorded) == sorted(
        versions(line, "raw") | versions(line, "batch") | versions(line, "labels")
    )
    assert beside <= versions(line, "projects") | versions(line, "Raw")
    assert {status for _, _, status in recorded} <= {"accepted", "quarantined", "failed", "ignored", "gone"}


def test_every_accepted_dataset_is_in_a_run(line: Line) -> None:
    for project in line.ledger.projects():
        learned = {dataset for run in line.runs(project) for dataset in run["datasets"]}
        assert learned == {dataset["dataset_id"] for dataset in line.ledger.datasets(project)}, project
        assert all(run.get("finished") for run in line.runs(project)), project


def test_each_arrival_was_told_once(line: Line) -> None:
    alerts = line.inbox.alerts()
    # an alert shows a line break of a name as Python writes it
    for key, count in Counter(key.replace("\n", "\\n") for key, _ in versions(line, "raw")).items():
        ends = [a for a in alerts if a.kind in ("Dataset Accepted", "Dataset Failed") and f"{key}: " in a.message]
        whole = [a for a in alerts if a.kind == "Dataset Quarantined" and f"{key}: " in a.message and not ends]
        # test_runs delivers this one twice at once, and may hear of it twice
        most = count + (key == "raw/mended/one-class.csv")
        assert count <= len(ends) + len(whole) <= most, (key, [a.kind for a in ends + whole])


@pytest.mark.parametrize("queue", DEAD_LETTERS)
def test_dead_letter_queues_are_empty(line: Line, queue: str) -> None:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = line.aws("sqs").get_queue_attributes(QueueUrl=line.resources[queue], AttributeNames=names)["Attributes"]
    assert {int(value) for value in found.values()} == {0}


def test_no_role_of_the_product_was_denied_anything(line: Line) -> None:
    denied = {
        (call["role"], call["action"], call["resource"])
        for call in line.calls()
        if not call["allowed"] and call["role"]
    }
    assert denied == set(), "add the least statement to the role's policy in template.yaml"

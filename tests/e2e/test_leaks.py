"""Raw values stay in S3: strings that stand in the data turn up in no log, alert, metric, table or history.

Where which of them may lie in S3 is docs/where-values-are.md. The count goes to build/proof/leaks.json, which
`python -m proofs.leaks` reads.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tarfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from examples.generate_sessions import COLUMNS, Knobs, request, sessions
from proofs import leaks
from sluice import keys
from testing.line import Line, contract, wait_for
from tests.e2e.places import PLACES, Cloud, search

PROJECT, ONE_CLASS = "canaries", "one-class"
ROWS = 900
# before anything is built of them
SOURCES = leaks.sources()

# One string for each way into the line. The name of a column is a name, and may be shown.
STRINGS = {
    "category": "qxcategoryvalue7",
    "free text": "qxfreetextvalue7",
    "key": "qxkeyvalue7",
    "refused value": "qxrefusedvalue7",
    "broken row": "qxbrokenrowvalue7",
    "ignored column": "qxignoredvalue7",
    "first line without header": "qxfirstlinevalue7",
    "broken JSON line": "qxjsonlinevalue7",
    "Parquet value": "qxparquetvalue7",
    "wrong encoding": "qxencodingvalue7",
    "class": "qxclassvalue7",
    "batch file": "qxbatchvalue7",
    "refused batch": "qxbadbatchvalue7",
    "label": "qxlabelvalue7",
    "request": "qxrequestvalue7",
    "refused request": "qxrefusedrequestvalue7",
    "malformed request": "qxmalformedrequestvalue7",
    "CSV request": "qxcsvrequestvalue7",
}
HEADER = "qxheadername7"

RAW, RUN = r"raw/", r"runs/[^/]+/[^/]+"
REFUSED = r"quarantine/.*/(rows\.jsonl|report\.html)"
ASKED = "capture/|monitor/[^/]+/(hours|answers|labels)/"
MAY_LIE = {
    "category": rf"{RAW}|accepted/|{REFUSED}|profiles/.*|{RUN}/(prepared|training|evaluation|decisions)/|models/",
    "free text": rf"{RAW}|accepted/|{REFUSED}|{RUN}/prepared/|{RUN}/evaluation/(held_out|reference)\.jsonl",
    "key": rf"{RAW}|accepted/|{REFUSED}|{RUN}/prepared/|{RUN}/evaluation/held_out\.jsonl",
    "refused value": f"{RAW}|{REFUSED}",
    "broken row": f"{RAW}|{REFUSED}",
    "ignored column": f"{RAW}|{REFUSED}",
    "first line without header": RAW,
    "broken JSON line": f"{RAW}|{REFUSED}",
    "Parquet value": f"{RAW}|{REFUSED}",
    "wrong encoding": RAW,
    "class": rf"{RAW}|accepted/|profiles/.*|{RUN}/prepared/",
    "batch file": "batch/|scoring/|predictions/",
    "refused batch": f"batch/|{REFUSED}",
    "label": f"labels/|accepted-labels/|{REFUSED}",
    "request": f"{ASKED}|labels/|accepted-labels/|{REFUSED}",
    "refused request": "capture/",
    "malformed request": "capture/",
    "CSV request": ASKED,
}
"""Where each may lie in S3, as the beginning of a key."""


def training_file() -> bytes:
    """Sessions with a string in every kind of cell; an extra column that the contract does not name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, HEADER])
    for number, row in enumerate(sessions(Knobs(rows=ROWS, seed=71))):
        values = {name: _text(value) for name, value in row.items()}
        if values["channel"] == "ads":
            values["channel"] = STRINGS["category"]
        if number % 7 == 0:
            values["search_terms"] = f"{STRINGS['free text']} shoes"
        if number % 5 == 0:
            values["session_id"] = f"{STRINGS['key']}-{number}"
        if number % 50 == 1:
            values["pages_viewed"] = STRINGS["refused value"]
        cells = [*(values[name] for name in COLUMNS), f"{STRINGS['ignored column']}"]
        writer.writerow([STRINGS["broken row"], *cells] if number % 50 == 2 else cells)
    return out.getvalue().encode()


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def bad_files() -> dict[str, bytes]:
    good = training_file().splitlines(keepends=True)
    table = {name: [f"{STRINGS['Parquet value']}".encode() + b"\xff"] * 3 for name in COLUMNS}
    parquet = io.BytesIO()
    pq.write_table(pa.table(table), parquet)
    first = ",".join([STRINGS["first line without header"]] * len(COLUMNS)).encode() + b"\n"
    return {
        "no-header.csv": first * 20,
        "lines.jsonl": b'{"session_id": "x", "channel": ' + STRINGS["broken JSON line"].encode() + b"}\n" * 200,
        "values.parquet": parquet.getvalue(),
        "old.csv": good[0] + STRINGS["wrong encoding"].encode() + b"\xe9,\n",
    }


def batch(value: str, column: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS[:-1])
    for row in sessions(Knobs(rows=30, seed=72)):
        values = {**row, "session_id": value, "search_terms": value, "channel": value, column: value}
        writer.writerow([_text(values[name]) for name in COLUMNS[:-1]])
    return out.getvalue().encode()


# a run that fails in its Glue job, whose message must not quote the one class
ONE_CLASS_CONTRACT = f"""
project: {ONE_CLASS}
problem: {{type: multiclass, target: kind, metric: accuracy}}
data: {{key: [id], columns: {{id: {{type: text}}, pages: {{type: integer}}, kind: {{type: category}}}}}}
training: {{candidates: [logistic_regression], tuning: {{strategy: random, max_jobs: 1, parallel_jobs: 1}}}}
gates: [{{metric: accuracy, min: 0.1}}]
"""


def invoke(line: Line, body: str, kind: str = "application/json") -> int:
    try:
        line.aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=line.endpoint_name(PROJECT), ContentType=kind, Body=body
        )
    except ClientError as error:
        return int(error.response.get("OriginalStatusCode", error.response["ResponseMetadata"]["HTTPStatusCode"]))
    return 200


def canaries(line: Line) -> dict[str, Any]:
    """One run of a project whose data hold a string in every place; then what reaches the serving model."""
    cloud = Cloud.of(line)
    free = {"type": "category", "values": None}
    gates = [{"metric": "roc_auc", "min": 0.6}, {"metric": "accuracy", "slice": "channel", "max_gap": 0.9}]
    changes = {
        "data": {"columns": {"channel": free}},
        "gates": gates,
        "monitor": {"quality": {"metric": "roc_auc", "min": 0.5, "min_labels": 1}},
        "retrain": {"on": []},
    }
    line.put_contract(PROJECT, contract(PROJECT, **changes))
    line.put_contract(ONE_CLASS, ONE_CLASS_CONTRACT)
    good = line.drop(PROJECT, "day1.csv", training_file())
    same = "id,pages,kind\n" + "".join(f"k{i},{i},{STRINGS['class']}\n" for i in range(200))
    line.drop(ONE_CLASS, "same.csv", same.encode())
    bad = {name: line.drop(PROJECT, name, body) for name, body in bad_files().items()}
    records = {name: line.record(PROJECT, name, version) for name, version in bad.items()}
    record = line.record(PROJECT, "day1.csv", good)
    run = line.run(PROJECT, 1, outcome="promoted")
    failed = line.run(ONE_CLASS, 1)

    statuses = requests(line)
    labels = f"session_id,purchase\n{STRINGS['label']},true\n{STRINGS['request']},{STRINGS['label']}\n".encode()
    line.drop(PROJECT, "late.csv", labels, area="labels")
    files = {"today.csv": ("batch file", "channel"), "broken.csv": ("refused batch", "pages_viewed")}
    versions = {
        name: line.drop(PROJECT, name, batch(STRINGS[kind], column), area="batch")
        for name, (kind, column) in files.items()
    }
    scored = {name: line.record(PROJECT, name, version, area="batch") for name, version in versions.items()}
    # a look of the monitor at the requests, and the alarm that it rings
    line.alert(PROJECT, "Response Held")
    return {
        "cloud": cloud,
        "bad": records,
        "record": record,
        "run": run,
        "failed": failed,
        "statuses": statuses,
        "scored": scored,
    }


def requests(line: Line) -> list[int]:
    """Good, refused and malformed requests; their HTTP statuses."""
    rows = [request(row) for row in sessions(Knobs(rows=300, seed=73, drift=1.0))]
    told = {"channel": STRINGS["request"], "search_terms": STRINGS["request"], "session_id": STRINGS["request"]}
    statuses = []
    for start in range(0, len(rows), 50):
        statuses.append(invoke(line, json.dumps({"instances": [{**row, **told} for row in rows[start : start + 50]]})))
    wrong = {**rows[0], **told, "pages_viewed": STRINGS["refused request"], "started_at": STRINGS["refused request"]}
    statuses.append(invoke(line, json.dumps(wrong)))
    statuses.append(invoke(line, '{"channel": ' + STRINGS["malformed request"]))
    statuses.append(invoke(line, f"{STRINGS['CSV request']},{STRINGS['CSV request']}\n", "text/csv"))
    statuses.append(invoke(line, STRINGS["malformed request"], "text/plain"))
    return statuses


@pytest.fixture(scope="module")
def searched(line: Line, stories: dict[Any, Any]) -> Any:
    """What a search of every place finds after the story; the planted strings are looked for together with it."""
    cloud: Cloud = stories[canaries].result()["cloud"]
    planted = {name: f"qxplanted{number:02}here" for number, name in enumerate(PLACES)}
    for name, place in PLACES.items():
        place.plant(cloud, planted[name])
    wait_for(lambda: _heard(cloud, planted), "the planted messages to arrive")
    counts, finds = search(cloud, [*STRINGS.values(), HEADER, *planted.values()])
    cloud.stop()
    return {"planted": planted, "counts": counts, "finds": finds}


def _heard(cloud: Cloud, planted: dict[str, str]) -> bool:
    return all(
        any(planted[name] in text for _, text in PLACES[name].read(cloud))
        for name in ("SNS messages", "EventBridge events", "execution histories")
    )


@pytest.mark.story.with_args(canaries)
def test_the_strings_went_every_way(line: Line, story: dict[str, Any]) -> None:
    """Else their absence would prove nothing."""
    assert {name: record["status"] for name, record in story["bad"].items()} == {
        "no-header.csv": "failed",
        "lines.jsonl": "failed",
        "values.parquet": "quarantined",
        "old.csv": "failed",
    }
    assert story["record"]["quarantined_rows"] == 2 * ROWS / 50
    assert story["statuses"] == [200] * 6 + [400, 400, 400, 415]
    assert {name: record["status"] for name, record in story["scored"].items()} == {
        "today.csv": "accepted",
        "broken.csv": "failed",
    }
    assert story["failed"]["error"]["state"] == "Prepare Data"
    assert "every row has the same kind" in story["failed"]["error"]["cause"]
    reasons = line.read_json(keys.decision(PROJECT, story["run"]["run_id"], "gates"))["reasons"]
    assert any(STRINGS["category"] in reason for reason in reasons), "the record, in S3, names the segment"


@pytest.mark.story.with_args(canaries)
@pytest.mark.parametrize("place", PLACES)
def test_the_search_finds_what_is_planted(story: dict[str, Any], searched: dict[str, Any], place: str) -> None:
    assert searched["counts"][place] > 0
    text = searched["planted"][place]
    assert place in {where for found, where, _ in searched["finds"] if found == text}


@pytest.mark.story.with_args(canaries)
def test_no_value_is_anywhere_but_in_s3(line: Line, story: dict[str, Any], searched: dict[str, Any]) -> None:
    values = set(STRINGS.values())
    found = [find for find in searched["finds"] if find[0] in values]
    found += [(text, "S3", key) for text, key in lying(line) if not _allowed(text, key)]
    leaks.record(SOURCES, len(values), searched["counts"], found, len(searched["planted"]))
    assert found == []


@pytest.mark.story.with_args(canaries)
def test_every_value_is_where_people_will_look_for_it(line: Line, story: dict[str, Any]) -> None:
    """The control of the search in S3, and the promise that nothing is lost."""
    kinds = {text: kind for kind, text in STRINGS.items()}
    there: dict[str, set[str]] = {}
    for text, key in lying(line):
        there.setdefault(kinds[text], set()).add(key.split("/")[0])
    # the endpoint captures what it answered
    assert STRINGS.keys() - there.keys() <= {"refused request", "malformed request", "CSV request"}
    assert {"raw", "accepted", "runs"} <= there["key"]
    assert there["refused value"] == there["broken row"] == {"raw", "quarantine"}
    assert "profiles" in there["category"]


def _allowed(text: str, key: str) -> bool:
    kind = next(kind for kind, string in STRINGS.items() if string == text)
    return re.match(MAY_LIE[kind], key) is not None


def lying(line: Line) -> list[tuple[str, str]]:
    """(string, key) of each object, or file of an archive, that holds one; Parquet is read, archives are opened."""
    found = []
    for key in line.listed(""):
        if f"/{PROJECT}/" not in key and f"/{ONE_CLASS}/" not in key:
            continue
        texts = _opened(key, line.read(key))
        found += [(text, key) for text in STRINGS.values() if any(text in content for content in texts)]
    return found


def _opened(key: str, body: bytes) -> list[str]:
    if key.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            members = [archive.extractfile(member) for member in archive if member.isfile()]
            return [member.read().decode("utf-8", "replace") for member in members if member]
    if key.startswith("accepted/"):
        return [str(pq.read_table(io.BytesIO(body)).to_pylist())]
    return [body.decode("utf-8", "replace")]

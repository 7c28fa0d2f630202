"""The stages of the demonstration. Each makes something happen, waits for its evidence and returns it.

A stage raises StageError when what should have happened did not: the evidence is read from AWS, never assumed.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from cli import artefacts
from cli.demo.alerts import Inbox
from cli.demo.console import say
from cli.demo.faults import faulty_serving_code
from cli.demo.follow import Follower, Run, now
from cli.demo.traffic import Traffic
from cli.demo.waiting import until
from cli.stack import LocalStack
from examples.generate_sessions import Knobs, as_csv, request, sessions
from sluice import keys
from sluice.ports import StoredObject

PROJECT = "shop"
CONTRACT = artefacts.ROOT / "examples" / "shop" / "project.yaml"
REQUESTS_PER_SECOND = 40.0


class StageError(RuntimeError):
    """A stage did not really happen."""


class Demo:
    """One demonstration: the stack, what listens to it, and the facts of the stages so far."""

    def __init__(self, stack: LocalStack, reports: Path) -> None:
        self.stack = stack
        self.reports = reports
        self.runs: dict[str, Run] = {}
        self.inbox: Inbox
        self.traffic: Traffic
        self.follower: Follower
        self.report_paths: list[str] = []

    # --- stages, in order ---------------------------------------------------------------------------------------

    def build(self) -> dict[str, Any]:
        built = artefacts.for_local_cloud()
        built.build()
        if difference := artefacts.difference():
            say(difference)
        return {"built": str(built.folder.relative_to(artefacts.ROOT))}

    def start_cloud(self) -> dict[str, Any]:
        self.stack.start()
        say(f"the local cloud answers at {self.stack.endpoint}")
        return {"endpoint": self.stack.endpoint, "speed": self.stack.speed}

    def deploy(self) -> dict[str, Any]:
        self.stack.deploy()
        self.follower = Follower(self.stack, PROJECT)
        self.inbox = Inbox(self.stack)
        self.inbox.start()
        return dict(self.stack.outputs)

    def contract(self) -> dict[str, Any]:
        return {"project": PROJECT, "contract_version": self._register(CONTRACT.read_text())}

    def first_model(self) -> dict[str, Any]:
        run = self._run_from_drop("day-1.csv", Knobs(rows=1_500, seed=1, noise=0.25))
        self._expect(run, "promoted")
        answer = self._predict()
        say(f"a model serves; its answer to one session: {json.dumps(answer)}")
        endpoint = self.stack.world.ledger.champion(PROJECT)
        self.traffic = Traffic(self.stack, endpoint.endpoint if endpoint else "", REQUESTS_PER_SECOND)
        self.traffic.start()
        say(f"live traffic begins: {REQUESTS_PER_SECOND:.0f} sessions a second")
        return self._facts(run) | {"prediction": answer}

    def better_challenger(self) -> dict[str, Any]:
        before = self._champion()
        run = self._run_from_drop("day-2.csv", Knobs(rows=6_000, seed=2, noise=0.05))
        self._expect(run, "promoted")
        if self._champion() == before:
            raise StageError("the champion is still the old one")
        looks = self._looks(run)
        shares = [look["inputs"]["percent"] for look in looks]
        if sorted(set(shares)) != [10, 25, 50, 100]:
            raise StageError(f"the canary was judged at {sorted(set(shares))} %, not at each of 10, 25, 50, 100 %")
        return self._facts(run) | {"looks": len(looks), "replaced": before, "answers": self.traffic.counts()}

    def bad_challenger(self) -> dict[str, Any]:
        before = self._champion()
        with faulty_serving_code(self.stack):
            run = self._run_from_drop("day-3.csv", Knobs(rows=2_000, seed=3, noise=0.05))
        self._expect(run, "rolled_back")
        if self._champion() != before:
            raise StageError("the champion changed although the challenger was rolled back")
        champion = self.stack.world.ledger.champion(PROJECT)
        state = self.stack.world.models.endpoint(champion.endpoint) if champion else None
        if state is None or champion is None or state.config != champion.endpoint_config:
            raise StageError(f"the endpoint does not serve the champion's configuration: {state}")
        verification = json.loads(
            self.stack.world.objects.read(keys.decision(PROJECT, run.run_id, "verification-rollback"))
        )
        if verification.get("decision") != "verified":
            raise StageError(f"the rollback was not verified: {verification}")
        return self._facts(run) | {
            "kept": before,
            "active_configuration": state.config,
            "reasons": run.record.get("reasons"),
            "verification": verification.get("reasons", []),
        }

    def damaged_file(self) -> dict[str, Any]:
        record = self._drop("damaged.csv", as_csv(Knobs(rows=400, seed=4, damage=0.5)))
        if record["status"] != "quarantined":
            raise StageError(f"the damaged file was {record['status']}, not quarantined")
        rows = self.stack.world.objects.read(keys.quarantined_rows(PROJECT, record["dataset_id"])).decode().splitlines()
        say(f"{record['quarantined_rows']} rows are in quarantine; the first of them:")
        for line in rows[:3]:
            entry = json.loads(line)
            reasons = "; ".join(f"{reason['column']} {reason['message']}" for reason in entry["reasons"])
            say(f"  row {entry['row']}: {reasons}")
        return {"dataset_id": record["dataset_id"], "quarantined_rows": len(rows), "reasons": record["reasons"]}

    def batch(self) -> dict[str, Any]:
        rows = 300
        self._put(f"batch/{PROJECT}/next-week.csv", as_csv(Knobs(rows=rows, seed=5), labelled=False))
        objects = self.stack.world.objects

        def answers() -> list[StoredObject]:
            return [found for found in objects.list(keys.predictions(PROJECT)) if found.key.endswith(".answers.csv")]

        key = until(answers, 90, "predictions are written")[0].key
        found = list(csv.DictReader(io.StringIO(objects.read(key).decode())))
        if len(found) != rows:
            raise StageError(f"{len(found)} predictions for {rows} rows")
        first = ", ".join(f"{name} {value}" for name, value in found[0].items())
        say(f"{len(found)} sessions scored into {key}; the first: {first}")
        return {"key": key, "rows": len(found)}

    def drift(self) -> dict[str, Any]:
        self._register(CONTRACT.read_text().replace("retrain: {", "retrain: {on_rows: 5000, ", 1))
        say("the contract says now that arriving files start a run only when 5,000 rows are new (retrain.on_rows)")
        known = {record["run_id"] for record in self.stack.world.ledger.runs(PROJECT)}
        # an alarm retrains on rows that no run has learned from; these wait for it
        campaign = self._drop("campaign.csv", as_csv(Knobs(rows=1_000, seed=6, noise=0.05, drift=1.0)))
        if campaign["status"] != "accepted":
            raise StageError(f"campaign.csv was {campaign['status']}: {campaign.get('reasons')}")
        self.traffic.drift(1.0)
        say("from now on different customers arrive, as in that file: mostly mobile, from social media, in a hurry")
        record = self.follower.wait_for_start(known, trigger="drift", seconds=120)
        alarm = f"{self.stack.stack}/{PROJECT}/drift"
        say(f"run {record['run_id']} began by itself: {record.get('reason', '')}")
        cloudwatch = self.stack.client("cloudwatch")

        def rang() -> bool:
            history = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
            return any("to ALARM" in item["HistorySummary"] for item in history["AlarmHistoryItems"])

        # triage compares columns together, and may see a drift before one column's score is beyond its limit
        until(rang, 120, f"the alarm {alarm} goes into ALARM")
        say(f"the alarm {alarm} went into ALARM")
        return {"alarm": alarm, "run_id": record["run_id"], "trigger": record["trigger"], "reason": record["reason"]}

    def last_prediction(self) -> dict[str, Any]:
        answer = self._predict()
        say(f"a live prediction: {json.dumps(answer)}")
        self._keep_reports()
        return {"prediction": answer, "reports": self.report_paths}

    # --- what the stages share ----------------------------------------------------------------------------------

    def _put(self, key: str, body: bytes) -> str:
        answer = self.stack.client("s3").put_object(Bucket=self.stack.outputs["DataBucketName"], Key=key, Body=body)
        return str(answer["VersionId"])

    def _register(self, text: str) -> str:
        """Uploads the contract and waits until this version is registered; returns the version."""
        version, ledger = self._put(keys.contract(PROJECT), text.encode()), self.stack.world.ledger
        until(lambda: (ledger.contract(PROJECT) or ("", ""))[1] == version, 30, "the contract is registered")
        return version

    def _drop(self, name: str, body: bytes) -> dict[str, Any]:
        """Drops a file and waits for its terminal record."""
        key, bucket = f"raw/{PROJECT}/{name}", self.stack.outputs["DataBucketName"]
        say(f"dropping {key} ({len(body) / 1e3:.0f} kB)")
        version = self._put(key, body)
        ledger = self.stack.world.ledger
        record: dict[str, Any] = until(lambda: ledger.arrival(bucket, key, version), 60, f"{key} is judged")
        say(f"{key}: {record['status']}, {record['rows']} rows accepted, {record['quarantined_rows']} quarantined")
        return record

    def _run_from_drop(self, name: str, knobs: Knobs) -> Run:
        known = {record["run_id"] for record in self.stack.world.ledger.runs(PROJECT)}
        began = now()
        record = self._drop(name, as_csv(knobs))
        if record["status"] != "accepted":
            raise StageError(f"{name} was {record['status']}: {record.get('reasons')}")
        started = self.follower.wait_for_start(known)
        run = self.follower.wait_for_end(started["run_id"], since=began)
        self.runs[name] = run
        return run

    def _expect(self, run: Run, outcome: str) -> None:
        if run.record["outcome"] != outcome:
            raise StageError(f"run {run.run_id} ended as {run.record['outcome']}, not {outcome}: {run.record}")

    def _champion(self) -> str:
        champion = self.stack.world.ledger.champion(PROJECT)
        if champion is None:
            raise StageError("no model serves")
        return champion.run_id

    def _looks(self, run: Run) -> list[dict[str, Any]]:
        record = json.loads(self.stack.world.objects.read(keys.decision(PROJECT, run.run_id, "canary")))
        looks: list[dict[str, Any]] = record["looks"]
        return looks

    def _predict(self) -> dict[str, Any]:
        champion = self.stack.world.ledger.champion(PROJECT)
        if champion is None:
            raise StageError("no model serves")
        row = next(iter(sessions(Knobs(rows=1, seed=77))))
        answer = self.stack.world.models.invoke(champion.endpoint, json.dumps(request(row)).encode())
        if answer.status != 200:
            raise StageError(f"the endpoint answered {answer.status}: {answer.body[:300]!r}")
        prediction: dict[str, Any] = json.loads(answer.body)
        return prediction

    def _facts(self, run: Run) -> dict[str, Any]:
        return {
            "run_id": run.run_id,
            "outcome": run.record["outcome"],
            "gates": run.record.get("gates"),
            "canary": run.record.get("canary"),
            "seconds": round(run.seconds, 1),
            "in_jobs": round(run.jobs, 1),
            "in_bakes": round(run.bakes, 1),
            "overhead": round(run.overhead, 1),
            "jobs": run.intervals,
        }

    def _keep_reports(self) -> None:
        """Copies profiles, decisions and monitor reports out of the bucket, so that people can open them."""
        for prefix in (f"profiles/{PROJECT}/", f"runs/{PROJECT}/", keys.monitor(PROJECT)):
            for stored in self.stack.world.objects.list(prefix):
                wanted = stored.key.endswith((".html", "evaluation.json")) or "/decisions/" in stored.key
                if not wanted:
                    continue
                path = self.reports / stored.key
                path.parent.mkdir(parents=True, exist_ok=True)
                self.stack.world.objects.download(stored.key, path)
                self.report_paths.append(str(path.relative_to(artefacts.ROOT)))

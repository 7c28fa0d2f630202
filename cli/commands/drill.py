"""Exercises the rollback of a release on a live endpoint.

Makes a second copy of the champion a canary with 10 % of the requests, sets its alarm, and measures how long the
champion takes to have them all again. Needs cloudwatch:SetAlarmState; sends no requests.
"""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.executions import execution_state
from cli.following import Narrator, Progress, end_of
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.output import Output, Shape
from cli.text import plural, table
from sluice.errors import EndpointBusyError
from sluice.ports import ENDPOINT, EndpointState, Json
from sluice.release import endpoint_alarms
from sluice.serving.start_drill import BAKE, TRIGGER, end_drill, start_drill

NAME = "drill"
HELP = "exercise the rollback on a live endpoint"
EXAMPLE = "sluice drill rollback shop"
WRITES = True
JSON = Shape(
    {
        "drill": "its id",
        "project": "the project",
        "champion": "the run that serves",
        "passed": "whether the champion serves alone again, verified",
        "trouble": "why not",
        "seen": "what happened, and when this command saw it",
        "requests": "how many the champion and its copy answered",
    }
)
NO_ALARM = f"Set no alarm: the judge ends the drill after {BAKE}."
_POLL_SECONDS = 0.5
_ALARM_SECONDS = 20.0
"""CloudWatch returns the alarm to its metric's state within seconds. A failing canary's alarm would stay in ALARM."""
_ALARM_REASON = "sluice drill rollback"
STARTED, ATTACHED, SHARE, ALARM = "drill started", "canary attached", "canary has its share", "alarm set"
TOLD, WEIGHT, CONFIG = "release asked to abort", "champion has all requests", "champion's configuration is active"
VERIFIED, ENDED = "rollback verified", "drill ended"


class Kind(StrEnum):
    """What is exercised."""

    ROLLBACK = "rollback"


def run(
    connection: Connection,
    kind: Annotated[Kind, typer.Argument(metavar="WHAT", help="`rollback`: of a release, by an alarm.")],
    project: Project,
    no_alarm: Annotated[bool, typer.Option("--no-alarm", help=NO_ALARM)] = False,
    as_json: JsonFlag = False,
) -> int:
    """0 only when the drill passed, by its own record and by what the endpoint says to this command."""
    project, out = known_project(connection.world, project), Output(as_json)
    _end_abandoned(connection, project, out)
    started = connection.world.call(start_drill, project, getpass.getuser())
    drill = _Drill(connection, project, started, wants_alarm=not no_alarm, out=out)
    out.say(f"{drill.id} of {project}: a second copy of {started['champion']} gets 10 % of the requests of")
    out.say(
        f"{started['endpoint']}, and {'the judge' if no_alarm else 'an alarm'} rolls it back. Its machines are billed"
    )
    out.say(f"until the drill is over: two changes of the endpoint, and at most {BAKE} between them.")
    if drill.wants_alarm:
        out.say("Setting the alarm needs the permission cloudwatch:SetAlarmState.")
    try:
        drill.watch()
    except KeyboardInterrupt:
        raise CliError(f"stopped watching. {drill.goes_on()}. `sluice why {drill.id}` has its records") from None
    except (ClientError, BotoCoreError):
        out.say(drill.goes_on())
        raise
    finally:
        drill.close()
    out.say(drill.timeline())
    out.say(drill.requests())
    out.result(drill.document(trouble := drill.trouble()))
    if trouble:
        raise CliError(f"the drill FAILED: {'; '.join(trouble)}. `sluice why {drill.id}` has its records")
    out.say(f"the drill passed: {drill.champion} serves all requests of {drill.endpoint}")
    return 0


@dataclass
class _Drill:
    """One drill, watched. `seen`: what happened, and when this command saw it."""

    connection: Connection
    project: str
    started: Json
    wants_alarm: bool
    out: Output
    seen: dict[str, datetime] = field(default_factory=dict)
    rings: list[datetime] = field(default_factory=list)
    alarm_trouble: str | None = None
    execution: Json = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.started["drill_id"])

    @property
    def champion(self) -> str:
        return str(self.started["champion"])

    @property
    def endpoint(self) -> str:
        return str(self.started["endpoint"])

    def watch(self) -> None:
        """Until the execution has ended."""
        progress, narrator = Progress(self.connection, self.project, self.id), Narrator()
        self._note(STARTED)
        while True:
            # asked first: what is looked at below is then at least as new as the end
            self.execution = execution_state(self.connection, self.started["execution_arn"])
            for step in progress.fresh():
                if words := narrator.fresh(step):
                    self.out.say(f"  {step.at.astimezone(UTC):%H:%M:%S}  {words}")
            self._look()
            if self.execution["status"] != "RUNNING":
                self._note(ENDED)
                return
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Frees the endpoint when the execution has ended, whatever became of it."""
        if self.execution.get("status", "RUNNING") == "RUNNING":
            self.execution = execution_state(self.connection, self.started["execution_arn"])
        if self.execution["status"] != "RUNNING":
            self.connection.world.call(end_drill, self.project, self.id, end_of(self.execution))

    def goes_on(self) -> str:
        """What happens without this command."""
        if self.execution.get("status", "RUNNING") != "RUNNING":
            return f"The execution of drill {self.id} has ended: `sluice why {self.id}`"
        how = "its alarm went into ALARM, so the champion comes back"
        if ALARM not in self.seen:
            how = f"its alarm will not be set now, so the judge brings the champion back after {BAKE}"
        return (
            f"Drill {self.id} continues by itself: {how}. The alert `Rollback Drill` and `sluice why {self.id}` say "
            "how it ended; the endpoint is free for releases then"
        )

    def timeline(self) -> str:
        """A row for each thing that came to pass."""
        first = self.seen[STARTED]
        since = self.seen.get(ALARM)
        rows = [
            (
                f"{at:%H:%M:%S}",
                f"{(at - first).total_seconds():.1f}",
                f"{(at - since).total_seconds():.1f}" if since and at >= since else None,
                what,
            )
            for what, at in sorted(self.seen.items(), key=lambda item: item[1])
        ]
        shown = table(("at (UTC)", "seconds", "after the alarm", "what was seen"), rows)
        return f"\n{shown}\nMeasured by polling every {_POLL_SECONDS:g} s, with this machine's clock."

    def document(self, trouble: list[str]) -> Json:
        """The drill in the shape of JSON."""
        champion, copy = self._answered()
        return {
            "drill": self.id,
            "project": self.project,
            "champion": self.champion,
            "passed": not trouble,
            "trouble": trouble,
            "seen": self.seen,
            "requests": {"champion": champion, "copy": copy},
        }

    def _answered(self) -> tuple[float, float]:
        """Requests that the champion and its copy answered since the drill began."""
        world, begin = self.connection.world, self.seen[STARTED]
        champion, copy = (
            world.metrics.variant_sum(self.endpoint, self.started[name], "Invocations", begin, world.clock.now())
            for name in ("champion_variant", "variant")
        )
        return champion, copy

    def requests(self) -> str:
        """What the users had of it."""
        champion, canary = self._answered()
        told = f"{champion:.0f} requests were answered by the champion meanwhile and {canary:.0f} by its copy"
        if not canary:
            told += ": no user's request was moved, only weights and configurations"
        return f"{told} (CloudWatch's counts, which may be minutes late)."

    def trouble(self) -> list[str]:
        """Why the drill did not pass."""
        world = self.connection.world
        record = world.ledger.run(self.project, self.id) or {}
        found = []
        if self.execution["status"] != "SUCCEEDED":
            found.append(end_of(self.execution))
        if record.get("release_outcome") != "drill_passed":
            found.append(f"its outcome is {record.get('release_outcome') or 'not recorded'}")
        if self.alarm_trouble:
            found.append(self.alarm_trouble)
        elif self.wants_alarm and ALARM not in self.seen:
            found.append(f"it ended before its alarm could be set ({'; '.join(record.get('reasons') or ['?'])})")
        elif self.wants_alarm and not _answered(record):
            found.append(
                f"nothing responded to the alarm, which was set {plural(len(self.rings), 'time')}: its composite, "
                f"EventBridge "
                "or respond_to_alarm did not notify the release"
            )
        return found + _amiss(_settled(self.connection, self.endpoint), self.started)

    def _look(self) -> None:
        world = self.connection.world
        record = world.ledger.run(self.project, self.id) or {}
        try:
            state = world.models.endpoint(self.endpoint)
        except EndpointBusyError:
            state = None  # SageMaker did not answer; the next poll will
        if _answered(record):
            self._note(TOLD)
        if state:
            self._see(state)
        if record.get("release_outcome") == "drill_passed":
            self._note(VERIFIED)
        # an alarm ends the wait through the token; before the token is stored it ends the drill another way
        baking = SHARE in self.seen and WEIGHT not in self.seen and record.get("bake_token")
        if self.wants_alarm and baking and not record.get("abort_requested"):
            self._set_alarm()

    def _see(self, state: EndpointState) -> None:
        weights = {variant.name: variant.weight for variant in state.variants}
        copy = self.started["variant"]
        if copy in weights:
            self._note(ATTACHED)
        if weights.get(copy, 0.0) > 0:
            self._note(SHARE)
        elif SHARE in self.seen and weights.get(self.started["champion_variant"], 0.0) > 0:
            self._note(WEIGHT)
            if not _amiss(state, self.started):
                self._note(CONFIG)

    def _set_alarm(self) -> None:
        # before the call: what follows it must not come before it
        at = self.connection.world.clock.now()
        if self.alarm_trouble or (self.rings and (at - self.rings[-1]).total_seconds() < _ALARM_SECONDS):
            return
        name = endpoint_alarms.canary_errors_name(self.connection.world.settings.stack, self.project, self.id)
        try:
            self.connection.client("cloudwatch").set_alarm_state(
                AlarmName=name, StateValue="ALARM", StateReason=_ALARM_REASON
            )
        except ClientError as error:
            self.alarm_trouble = f"its alarm {name} could not be set: {error}"
            self.out.say(f"{self.alarm_trouble}. {self.goes_on()}")
            return
        self.seen.setdefault(ALARM, at)
        self.rings.append(at)
        self.out.say(f"  {at:%H:%M:%S}  set alarm {name}")

    def _note(self, what: str) -> None:
        self.seen.setdefault(what, self.connection.world.clock.now())


def _answered(record: Json) -> bool:
    """Whether an alarm, and nobody else, asked the release to abort."""
    return str((record.get("abort_requested") or {}).get("reason", "")).startswith("alarm ")


def _amiss(state: EndpointState | None, started: Json) -> list[str]:
    """In what the endpoint is not the champion's alone."""
    endpoint, champion = started["endpoint"], started["champion_variant"]
    if state is None:
        return [f"endpoint {endpoint} does not exist"]
    found = []
    if state.status != "InService":
        found.append(f"endpoint {endpoint} is {state.status}")
    if state.config != (config := started["champion_config"]):
        found.append(
            f"endpoint {endpoint} serves {state.config}, not the champion's {config}; restore it: aws sagemaker "
            f"update-endpoint --endpoint-name {endpoint} --endpoint-config-name {config}"
        )
    weights = {variant.name: variant.weight for variant in state.variants if variant.weight > 0}
    if list(weights) != [champion]:
        found.append(f"requests of {endpoint} go to {', '.join(weights) or 'nobody'}, not to {champion} alone")
    return found


def _settled(connection: Connection, endpoint: str, tries: int = 20) -> EndpointState | None:
    """The endpoint, asked again while SageMaker does not say."""
    for left in reversed(range(tries)):
        try:
            return connection.world.models.endpoint(endpoint)
        except EndpointBusyError:
            if not left:
                raise
            time.sleep(_POLL_SECONDS)
    raise AssertionError("the last try returns or raises")


def _end_abandoned(connection: Connection, project: str, out: Output) -> None:
    """Closes an earlier drill whose execution failed when nobody watched it: only who watches sees that."""
    world = connection.world
    held = world.ledger.lock(project, of=ENDPOINT) or {}
    record = world.ledger.run(project, str(held.get("run_id"))) or {}
    if record.get("trigger") != TRIGGER or not record.get("execution_arn"):
        return
    execution = execution_state(connection, record["execution_arn"])
    if execution["status"] != "RUNNING":
        world.call(end_drill, project, record["run_id"], end_of(execution))
        out.say(f"the earlier drill {record['run_id']} is over ({end_of(execution)}); the endpoint is free again")

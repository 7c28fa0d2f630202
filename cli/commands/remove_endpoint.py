"""Ends the costs of an idle endpoint: deletes it. Models and configurations stay.

A retraining by the clock ends too, or it would bring the endpoint back."""

from __future__ import annotations

import sys

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.options import Project, Yes
from cli.output import Output, Shape
from cli.text import plural
from sluice import names
from sluice.serving.endpoint_lock import endpoint_lock
from sluice.serving.own_endpoint import serves_a_run_of

NAME = "remove-endpoint"
HELP = "delete a project's endpoint; models and configurations stay"
EXAMPLE = "sluice remove-endpoint shop"
WRITES = True
JSON = Shape(
    {
        "project": "the project",
        "endpoint": "its name",
        "deleted": "whether this command deleted it",
        "schedule_off": "whether a scheduled retraining was switched off",
    }
)
_SETTLED = ("InService", "Failed", "OutOfService")


def run(connection: Connection, project: Project, yes: Yes = False, as_json: JsonFlag = False) -> int:
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    name = names.endpoint(world.settings.stack, project)
    endpoint = world.models.endpoint(name)
    facts = {"project": project, "endpoint": name, "deleted": False, "schedule_off": False}
    if endpoint is None:
        out.say(f"{project} has no endpoint: {name} does not exist, and costs nothing")
        out.result(facts)
        return 0
    if not serves_a_run_of(project, endpoint, ledger=world.ledger):
        raise CliError(
            f"{name} serves {endpoint.config}, which no run of {project} made: it is another stack's, or was made by "
            f"hand, so it stays. If it is yours: `aws sagemaker delete-endpoint --endpoint-name {name}`"
        )
    held = world.ledger.lock(project)
    if held:
        raise CliError(
            f"run {held['run_id']} is in progress and may be releasing to {name}:"
            f" remove it when the run has ended (`sluice watch {project}`)"
        )
    if endpoint.status not in _SETTLED:
        raise CliError(
            f"{name} is {endpoint.status}: try again when that has ended; `sluice status {project}` shows it"
        )
    instances = sum(variant.instances for variant in endpoint.variants)
    out.say(f"{name} serves {endpoint.config} on {plural(instances, 'instance')}. Without it every request fails.")
    if not yes and not _agreed(name):
        out.say("nothing was changed")
        out.result(facts)
        return 1
    with world.call(endpoint_lock, project, "remove"):
        contract = world.ledger.contract(project)
        if contract and contract[0]["retrain"].get("schedule"):
            # the model of the next scheduled retraining would create the endpoint again
            world.schedules.delete(names.retrain_schedule(world.settings.stack, project))
            facts["schedule_off"] = True
            out.say("its scheduled retraining is off until a model is promoted again")
        connection.client("sagemaker").delete_endpoint(EndpointName=name)
    out.say(f"{name} was deleted. Its models, its configuration and the project's history stay. To get it back:")
    out.say(f"  `sluice wake {project}` creates it again for the champion,")
    out.say(f"  `sluice retrain {project} --reason …` for the next released model.")
    out.result({**facts, "deleted": True})
    return 0


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for confirmation: use --yes")
    return input(f"Write the endpoint's name to delete it ({name}): ").strip() == name

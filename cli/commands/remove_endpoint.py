"""Ends the costs of an idle endpoint: deletes it. Models and configurations stay.

A retraining by the clock ends too, or it would bring the endpoint back."""

from __future__ import annotations

import sys

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Project, Yes
from cli.text import plural, say
from sluice import names
from sluice.serving.endpoint_lock import endpoint_lock

NAME = "remove-endpoint"
HELP = "delete a project's endpoint; models and configurations stay"
EXAMPLE = "sluice remove-endpoint shop"
WRITES = True
_SETTLED = ("InService", "Failed", "OutOfService")


def run(connection: Connection, project: Project, yes: Yes = False) -> int:
    world = connection.world
    project = known_project(world, project)
    name = names.endpoint(world.settings.stack, project)
    endpoint = world.models.endpoint(name)
    if endpoint is None:
        say(f"{project} has no endpoint: {name} does not exist, and costs nothing")
        return 0
    held = world.ledger.lock(project)
    if held:
        raise CliError(
            f"run {held['run_id']} is in progress and may be releasing to {name}: remove it when the run has ended"
        )
    if endpoint.status not in _SETTLED:
        raise CliError(f"{name} is {endpoint.status}: try again when that is over")
    instances = sum(variant.instances for variant in endpoint.variants)
    say(f"{name} serves {endpoint.config} on {plural(instances, 'instance')}. Without it every request fails.")
    if not yes and not _agreed(name):
        say("nothing was changed")
        return 1
    with world.call(endpoint_lock, project, "remove"):
        contract = world.ledger.contract(project)
        if contract and contract[0]["retrain"].get("schedule"):
            # the model of the next scheduled retraining would create the endpoint again
            world.schedules.delete(names.retrain_schedule(world.settings.stack, project))
            say("its scheduled retraining is off until a model is promoted again")
        connection.client("sagemaker").delete_endpoint(EndpointName=name)
    say(f"{name} is deleted. Its models, its configuration and the project's history stay. To get it back:")
    say(f"  `sluice wake {project}` creates it again for the champion,")
    say(f"  `sluice retrain {project} --reason …` for the next released model.")
    return 0


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for confirmation: use --yes")
    return input(f"Write the endpoint's name to delete it ({name}): ").strip() == name

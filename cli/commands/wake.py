"""Creates a project's endpoint again after it was put to sleep or removed."""

from __future__ import annotations

from cli.connection import Connection, known_project
from cli.options import Project
from cli.text import say
from sluice.serving.wake_endpoint import wake_endpoint

NAME = "wake"
HELP = "create a sleeping project's endpoint again"
EXAMPLE = "sluice wake shop"
WRITES = True


def run(connection: Connection, project: Project) -> int:
    world = connection.world
    project = known_project(world, project)
    answer = world.call(wake_endpoint, project)
    if answer["decision"] == "awake":
        say(f"{answer['endpoint']} is there already, with {answer['config']}")
    else:
        say(
            f"{answer['endpoint']} is being created again with {answer['config']}, which takes minutes; it is "
            f"billed from now on."
        )
        say(f"`sluice status {project}` says when it is InService")
    return 0

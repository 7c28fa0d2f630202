"""Creates a project's endpoint again after it was put to sleep or removed."""

from __future__ import annotations

from cli.connection import Connection, known_project
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.output import Output, Shape
from sluice.ports import Json
from sluice.serving.wake_endpoint import wake_endpoint

NAME = "wake"
HELP = "create a sleeping project's endpoint again"
EXAMPLE = "sluice wake shop"
WRITES = True
JSON = Shape({"decision": "waking, or awake if it was there", "endpoint": "its name", "config": "its configuration"})


def run(connection: Connection, project: Project, as_json: JsonFlag = False) -> int:
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    answer = world.call(wake_endpoint, project)
    out.say("\n".join(told(project, answer)))
    out.result(answer)
    return 0


def told(project: str, answer: Json) -> list[str]:
    if answer["decision"] == "awake":
        return [f"{answer['endpoint']} is there already, with {answer['config']}"]
    return [
        f"{answer['endpoint']} is being created again with {answer['config']}, which takes minutes; it is billed from "
        "now on.",
        f"`sluice status {project}` says when it is InService",
    ]

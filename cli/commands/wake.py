"""Makes the endpoint of a project whose champion sleeps, or whose endpoint was removed, anew."""

from __future__ import annotations

import argparse

from cli.connection import Connection, known_project
from cli.text import say
from sluice.steps.wake_endpoint import wake_endpoint

NAME = "wake"
HELP = "make a sleeping project's endpoint anew"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project")


def run(options: argparse.Namespace, connection: Connection) -> int:
    world = connection.world
    project = known_project(world, options.project)
    answer = wake_endpoint(world, project)
    if answer["decision"] == "awake":
        say(f"{answer['endpoint']} is there already, with {answer['config']}")
    else:
        say(f"{answer['endpoint']} is made anew with {answer['config']}, which takes minutes and costs from now on.")
        say(f"`sluice status {project}` says when it is InService")
    return 0

"""Prints the JSON Schema of project.yaml, for an editor's completion."""

from __future__ import annotations

import json

from cli.connection import Connection
from sluice.contract import schema

NAME = "schema"
HELP = "print the JSON Schema of project.yaml"
EXAMPLE = "sluice schema > project.schema.json"


def run(connection: Connection) -> int:
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema()}
    print(json.dumps(document, indent=2))
    return 0

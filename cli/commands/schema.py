"""Prints the JSON Schema of project.yaml, for an editor's completion."""

from __future__ import annotations

from cli.connection import Connection
from cli.options import Json as JsonFlag
from cli.options import print_json
from cli.output import Shape
from sluice.contract import schema

NAME = "schema"
HELP = "print the JSON Schema of project.yaml"
EXAMPLE = "sluice schema > project.schema.json"
DOING = "writing the schema"
JSON = Shape({"$schema": "the dialect", "properties": "the keys of the contract"}, open=True)


def run(connection: Connection, as_json: JsonFlag = False) -> int:
    """It is JSON with and without --json."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema()}
    print_json(document)
    return 0

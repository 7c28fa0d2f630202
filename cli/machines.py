"""State machines: from the text that people edit to the definition that is deployed.

A source, statemachines/<name>.asl.yaml, is Amazon States Language as YAML. What several states have alike is written
once, with an anchor (&LambdaErrors), and named where it holds (*LambdaErrors): in the source itself or in shared.yaml,
which is read before every source. SAM uploads a definition unchanged, and CloudFormation, which reads YAML too, takes
an alias for a string: so what is deployed is JSON without any, written to build/statemachines by `make build`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from cli.repository import deployed_file

SOURCES = deployed_file("statemachines")
BUILT = Path(__file__).resolve().parent.parent / "build" / "statemachines"
SHARED = "shared.yaml"


def sources() -> list[Path]:
    return sorted(SOURCES.glob("*.asl.yaml"))


def source_of(uri: str) -> Path:
    """Below the repository, the source of what template.yaml names: build/statemachines/release_model.asl.json."""
    return Path(SOURCES.name) / f"{name_of(Path(uri))}.asl.yaml"


def name_of(path: Path) -> str:
    """`release_model`, of its source and of what is built from it."""
    return path.name.partition(".")[0]


def definition(source: Path) -> dict[str, Any]:
    """The definition without anchors; no part of it is the same object as another.

    Raises yaml.YAMLError, whose lines count from the beginning of shared.yaml.
    """
    shared = (source.parent / SHARED).read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(f"{shared}\n{source.read_text(encoding='utf-8')}")
    whole: dict[str, Any] = json.loads(json.dumps(read))
    return {key: each for key, each in whole.items() if key != "Shared"}


def build(target: Path = BUILT) -> list[Path]:
    """Writes every definition as JSON in place of what was there; the paths, which template.yaml names."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.asl.json"):
        old.unlink()
    built = []
    for source in sources():
        path = target / f"{name_of(source)}.asl.json"
        path.write_text(json.dumps(definition(source), indent=1) + "\n", encoding="utf-8")
        built.append(path)
    return built

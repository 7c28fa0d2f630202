"""Runs in the environment `.envs/audit`: policies as JSON on stdin, parliament's findings as JSON on stdout.

Input: {"where": {"Version": ..., "Statement": [...]}}; output: [[where, issue, detail]].
"""

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path


def _with_pkg_resources() -> None:
    """parliament 1.6.4 finds its data by pkg_resources, which setuptools has dropped; it calls one function of it."""

    def resource_filename(package: str, name: str) -> str:
        spec = importlib.util.find_spec(package) if package not in sys.modules else sys.modules[package].__spec__
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"{package} is not installed")
        return str(Path(spec.origin).parent / name)

    module = types.ModuleType("pkg_resources")
    module.__dict__["resource_filename"] = resource_filename
    sys.modules["pkg_resources"] = module


def main() -> None:
    _with_pkg_resources()
    parliament = importlib.import_module("parliament")  # not in the environment that checks types

    found = []
    for where, document in json.load(sys.stdin).items():
        policy = parliament.analyze_policy_string(json.dumps(document), config=parliament.config)
        for each in policy.findings:
            finding = parliament.enhance_finding(each)
            found.append([where, finding.issue, f"{finding.detail} {finding.location}"])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

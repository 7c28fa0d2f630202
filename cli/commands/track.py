"""Mirrors a project's runs into MLflow: each with its parameters, metrics and trials.

What is there already is not written again, so the command may be run as often as you like. It needs MLflow's client
(`uv pip install mlflow-skinny`), which Sluice does not install. Nothing is tracked unless you run it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json, Project
from cli.output import Output, Shape
from cli.progress import working
from cli.text import plural

NAME = "track"
HELP = "mirror runs and trials into MLflow"
EXAMPLE = "sluice track shop --to http://127.0.0.1:5000"
DOING = "reading runs and trials"
JSON = Shape(
    {
        "project": "the project",
        "experiment": "the experiment in MLflow",
        "runs": "runs of the project, without rollback drills",
        "trials": "their trials",
        "made": "of both, written for the first time",
        "changed": "written again, because they have changed or were interrupted",
        "unchanged": "found as they are",
        "cut_values": "values that were longer than MLflow takes",
        "kept_params": "parameters that MLflow has with another value, and keeps",
    }
)


def run(
    connection: Connection,
    project: Project,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URI", envvar="MLFLOW_TRACKING_URI", help="MLflow's tracking server.", show_default=False
        ),
    ] = "",
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Default: <stack>-<project>.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> int:
    """0 when the experiment has every run. Raises CliError without MLflow, an address, or an answer."""
    from cli.tracking.mlflow_store import DeletedExperimentError, mirror
    from cli.tracking.runs import tracked_runs

    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    if not to:
        raise CliError("say where MLflow is: --to http://127.0.0.1:5000, or set MLFLOW_TRACKING_URI")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise CliError(
            "MLflow's client is not installed here: `uv pip install mlflow-skinny`, and `sagemaker-mlflow` too for a "
            "tracking server of SageMaker"
        ) from None
    runs = tracked_runs(world, lambda: connection.client("sagemaker"), project)
    name = experiment or f"{connection.stack}-{project}"
    try:
        with working(f"writing to {to}"):
            done = mirror(MlflowClient(tracking_uri=to), name, runs)
    except DeletedExperimentError:
        raise CliError(
            f"the experiment {name!r} was deleted in MLflow: restore it there, or give another name with --experiment"
        ) from None
    except MlflowException as error:
        raise CliError(
            f"MLflow at {to} did not take it: {error}. What was written stays; run `sluice track` again"
        ) from error
    trials = sum(len(each.trials) for each in runs)
    out.say(f"{name}: {plural(len(runs), 'run')} and {plural(trials, 'trial')} of {project}")
    out.say(f"  {done.made} written, {done.changed} written again, {done.unchanged} were there already")
    if done.cut_values:
        out.say(f"  {plural(done.cut_values, 'value')} cut: longer than MLflow takes")
    if done.kept_params:
        out.say(f"  {plural(done.kept_params, 'parameter')} kept as MLflow has them: parameters never change there")
    counts = {"runs": len(runs), "trials": trials, **done.plain()}
    out.result({"project": project, "experiment": name, **counts})
    return 0

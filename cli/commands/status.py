"""What serves, what runs, what waits: of one project or of all."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.commands.runs import listing, outcome_told
from cli.connection import Connection, known_project
from cli.large_files import judged_in_parts
from cli.options import Json as JsonFlag
from cli.options import print_json
from cli.outcomes import misplaced_lines
from cli.output import Shape
from cli.text import indent, moment, number, plural, say
from sluice import keys, names
from sluice.bootstrap import World
from sluice.changes.words import lines
from sluice.datasets.compare_contract import contract_change
from sluice.datasets.withdraw_dataset import learned_from
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.ports import Json

NAME = "status"
HELP = "what serves, what runs, what waits"
EXAMPLE = "sluice status shop"
JSON = Shape(
    {
        "target": "the cloud that was asked",
        "projects": "for each project: champion, endpoint, lock, measured, datasets, contract_change, runs, "
        "judged_in_parts (files that have no verdict yet)",
        "not_read": "objects in places that Sluice does not read",
    }
)


def run(
    connection: Connection,
    project: Annotated[str | None, typer.Argument(metavar="[PROJECT]", help="Default: all projects.")] = None,
    runs: Annotated[int, typer.Option(min=0, help="How many runs are listed.")] = 5,
    as_json: JsonFlag = False,
) -> int:
    world = connection.world
    projects = [known_project(world, project)] if project else world.ledger.projects()
    large = judged_in_parts(connection, projects)
    if as_json:
        found = [
            {**facts(world, each, runs), "judged_in_parts": [f._asdict() for f in large[each]]} for each in projects
        ]
        not_read = misplaced_lines(world, project)
        print_json({"target": str(connection.target), "projects": found, "not_read": not_read})
        return 0
    say(f"{connection.target}, stack {connection.stack}")
    if not projects:
        say("no project is registered yet: `sluice init data.csv`, then `sluice register project.yaml`")
    for each in projects:
        say(describe(world, each, runs))
        for file in large[each]:
            say(f"  arriving   {file.words}")
    for line in misplaced_lines(world, project):
        say(f"not read   {line}")
    return 0


def facts(world: World, project: str, runs: int) -> dict[str, Any]:
    """What `describe` says, for programs."""
    champion = world.ledger.champion(project)
    endpoint = world.models.endpoint(names.endpoint(world.settings.stack, project))
    held = world.ledger.lock(project)
    registered = world.ledger.contract(project)
    return {
        "project": project,
        "champion": asdict(champion) if champion else None,
        "endpoint": asdict(endpoint) if endpoint else None,
        "lock": dict(held) if held else None,
        "measured": latest_report(world, project),
        "datasets": world.ledger.datasets(project),
        "contract_change": contract_change(project, registered[1], objects=world.objects) if registered else None,
        "runs": world.ledger.runs(project)[:runs],
    }


def latest_report(world: World, project: str) -> Json | None:
    """The monitor's newest report; None before the first."""
    try:
        return dict(json.loads(world.objects.read(keys.monitor(project, "latest.json"))))
    except NotFoundError:
        return None


_NO_QUALITY = "quality    not measured: the contract has no monitor.quality"


def monitored(world: World, project: str) -> list[str]:
    """Drift and quality as the monitor measured them last."""
    if world.ledger.champion(project) is None:
        return []
    report, registered = latest_report(world, project), world.ledger.contract(project)
    asks = bool(registered and registered[0].get("monitor", {}).get("quality"))
    if report is None:
        return ["drift      not measured yet", "quality    not measured yet" if asks else _NO_QUALITY]
    reasons = "; ".join(str(each) for each in report.get("reasons") or [])
    at = f"at {moment(str(report['at']))} UTC" if report.get("at") else ""
    drift = f"drift      {report.get('decision')}: {reasons} ({report.get('rows', 0)} requests {at})".replace(" )", ")")
    quality = report.get("quality")
    if not quality:
        return [drift, _NO_QUALITY]
    if quality.get("value") is None:
        return [drift, f"quality    {quality['metric']} not measured: {quality.get('reason', 'no reason is recorded')}"]
    return [
        drift,
        f"quality    {quality['metric']} {number(quality['value'])} over {plural(quality['labels'], 'label')}",
    ]


def describe(world: World, project: str, runs: int) -> str:
    lines = [project, *(f"  {line}" for line in (*_serving(world, project), *_running(world, project)))]
    lines += [f"  {line}" for line in monitored(world, project)]
    lines += [f"  {line}" for line in _data(world, project)]
    found = world.ledger.runs(project)
    if found:
        lines.append(f"  runs       {len(found)}, the latest:")
        lines.append(indent(listing(world, found[:runs]), 4))
    else:
        lines.append("  runs       none yet")
    return "\n".join(lines)


def _data(world: World, project: str) -> list[str]:
    every = world.ledger.datasets(project)
    datasets = [each for each in every if "withdrawn_at" not in each]
    rows = sum(int(dataset.get("rows") or 0) for dataset in datasets)
    lines = [f"data       {plural(len(datasets), 'dataset')}, {plural(rows, 'row')} accepted"]
    for each in every:
        if "withdrawn_at" not in each:
            continue
        learned = learned_from(project, each["dataset_id"], ledger=world.ledger)
        models = f"learned by {listed(learned, 5)}" if learned else "learned by no run"
        lines.append(f"withdrawn  {each['dataset_id']} ({visible(str(each.get('key')))}): {models}")
    lines += changed_lines(world, project)
    ignored = Counter((record["key"].split("/")[0], record["what"]) for record in world.ledger.ignored(project))
    if ignored:
        told = ", ".join(f"{count} × {what} in {area}/" for (area, what), count in sorted(ignored.items()))
        lines.append(f"ignored    {told}")
    return lines


def changed_lines(world: World, project: str) -> list[str]:
    """What the contract in force changed for rows that were accepted before it."""
    registered = world.ledger.contract(project)
    record = contract_change(project, registered[1], objects=world.objects) if registered else None
    if record is None or registered is None:
        return []
    if record["status"] != "compared":
        return [f"contract   version {registered[1]} is being compared with the accepted rows"]
    first, *others = lines(record)
    return [f"contract   {first}", *(f"           {each}" for each in others)]


def _serving(world: World, project: str) -> list[str]:
    champion = world.ledger.champion(project)
    name = names.endpoint(world.settings.stack, project)
    endpoint = world.models.endpoint(name)
    if champion is None:
        lines = ["champion   none: no model serves, since none has been released"]
    else:
        metrics = ", ".join(
            f"{key} {number(value)}" for key, value in champion.metrics.items() if key != "artifact_uri"
        )
        since = moment(champion.promoted_at)
        lines = [f"champion   {champion.run_id}, the model that serves, since {since} UTC ({metrics})"]
        run = world.ledger.run(project, champion.run_id) or {}
        leaks = run.get("suspected_leaks") or []
        if leaks:
            why = f"`sluice why {champion.run_id}`"
            lines.append(
                f"           trained on {plural(len(leaks), 'suspected leak')}, so its figures may be too good: {why}"
            )
        if run.get("few_trials"):
            lines.append(f"           {run['few_trials']}")
        if champion.previous and world.clock.now() < champion.probation_until:
            until = f"in probation until {moment(champion.probation_until)} UTC"
            lines.append(f"           {until}: an alarm before then brings {champion.previous.get('run_id')} back")
    if endpoint is None and champion is not None and champion.serving == "asleep":
        lines.append(f"endpoint   asleep: {name} was idle, answers nothing and costs nothing (`sluice wake {project}`)")
    elif endpoint is None:
        gone = "none" if champion is None else f"{name} does not exist: nothing serves (`sluice wake {project}`)"
        lines.append(f"endpoint   {gone}")
    else:
        lines.append(f"endpoint   {endpoint.name}: {endpoint.status}, configuration {endpoint.config}")
        total = sum(variant.weight for variant in endpoint.variants) or 1.0
        for variant in endpoint.variants:
            share = f"{100 * variant.weight / total:.3g} % of the requests"
            lines.append(f"           {variant.name}: {share}, {plural(variant.instances, 'instance')}")
        if endpoint.failure:
            lines.append(f"           failed: {endpoint.failure}")
    return lines


def _running(world: World, project: str) -> list[str]:
    held = world.ledger.lock(project)
    if held is None:
        return ["lock       free: no run is in progress (one at a time)"]
    record = world.ledger.run(project, held["run_id"])
    what = outcome_told(record) if record else "not started yet"
    lines = [f"lock       {held['run_id']} ({what}) since {moment(held.get('acquired_at'))} UTC: other runs wait"]
    if held.get("pending"):
        waiting = listed(held["pending"], 5)
        lines.append(f"pending    {len(held['pending'])}: {waiting} ({held.get('pending_reason')})")
    return lines

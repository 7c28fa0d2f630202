"""Estimates what a run and a month of a project cost on AWS, from its contract and a price table with a date.

Needs no AWS, but for --run, which takes a run's real job times instead of assumed ones."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer

from cli import options
from cli.commandline import option
from cli.commands.check import read
from cli.connection import Connection, find_run
from cli.connection import region as own_region
from cli.costs.measured import measured
from cli.costs.prices import PriceTable, regions, table
from cli.costs.usage import HELP as ASSUMED
from cli.costs.usage import Assumptions, Line, Measured, Usage
from cli.errors import CliError
from cli.output import Shape
from cli.text import say
from cli.text import table as columns
from sluice.contract import Contract

NAME = "cost"
HELP = "estimate what a run and a month cost"
EXAMPLE = "sluice cost project.yaml --region eu-west-1 --rows 200000"
DOING = "adding up prices"
JSON = Shape(
    {
        "project": "the project",
        "region": "whose prices",
        "prices": "date and file of the price table",
        "currency": "USD",
        "runs_a_month": "assumed runs",
        "run": "usd and lines of one run",
        "month": "usd and lines of a month",
        "longest_tuning_usd": "what the contract lets the tuning cost at most",
        "assumed": "every assumption",
        "measured": "job times of --run, or null",
        "not_counted": "what is left out",
    }
)
OPTIONS = [option(each.name, each.default, f"{ASSUMED[each.name]}.".capitalize()) for each in fields(Assumptions)]
NOT_COUNTED = (
    "free tiers, savings plans, taxes and support",
    "traffic to the internet, VPC endpoints, NAT and CloudTrail",
    "disks of the endpoint's machines; data of earlier months that are kept",
    "retrainings that drift or quality start, failed runs and their retries",
)


def run(
    connection: Connection,
    file: options.Contract = Path("project.yaml"),
    region: Annotated[str | None, typer.Option(help="Default: AWS_REGION.", show_default=False)] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="A price table of your own.")] = None,
    measured_run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Take this run's job times.")] = None,
    as_json: options.Json = False,
    **values: Any,
) -> int:
    given = assumptions(values)
    contract = read(file)
    chosen = region or (None if prices else own_region() or boto3.Session().region_name)
    if chosen is None and prices is None:
        chosen = regions()[0]
        say(f"No region is set: these are the prices of {chosen} (--region, or AWS_REGION).", file=sys.stderr)
    price_table = table(chosen, prices)
    found = None
    if measured_run:
        project, record = find_run(connection.world, measured_run, contract.project)
        found = measured(connection, project, record["run_id"])
    usage = Usage(contract, price_table, given, found)
    show = document if as_json else text
    say(show(usage, contract, price_table, given, found))
    return 0


def assumptions(values: dict[str, Any]) -> Assumptions:
    """Raises CliError for what cannot be."""
    given = Assumptions(**values)
    for name, value in asdict(given).items():
        if value < 0:
            raise CliError(f"--{name.replace('_', '-')} is {value}: {ASSUMED[name]} cannot be negative; give 0 or more")
    for name in ("spot_discount", "bandit_share"):
        if getattr(given, name) > 1:
            raise CliError(
                f"--{name.replace('_', '-')} is a share from 0 to 1; got {getattr(given, name)}; write 0.7 for 70 %"
            )
    return given


def text(usage: Usage, contract: Contract, prices: PriceTable, given: Assumptions, found: Measured | None) -> str:
    """Two tables, the greatest first, and what they rest on."""
    a_run, a_month = usage.run(), usage.month()
    lines = [
        f"{contract.project} in {prices.region}: about ${total(a_run):,.2f} a run, ${total(a_month):,.2f} a month "
        f"with {usage.runs:,g} runs.",
        f"Prices of {prices.date} from {prices.path.name}, not checked against AWS; an estimate, not an offer.",
        "",
        "A run",
        _rows(a_run),
        "",
        "A month",
        _rows(a_month),
        "",
        f"Tuning costs at most ${usage.longest_tuning_usd():,.2f} a run: the contract limits it.",
        f"Assumed: {'; '.join(given.told((*usage.irrelevant, *(found.instead_of if found else ()))))}.",
        f"Not counted: {'; '.join(NOT_COUNTED)}.",
    ]
    sleeps = contract.release.idle_after
    if sleeps:
        lines.append(
            f"The endpoint sleeps {sleeps} after the last request (release.idle_after) and costs nothing then: "
            "--serving-hours says how long it is awake."
        )
    if found:
        lines.append(f"Job times are those of run {found.run_id}, measured at {found.where}{_whose(found)}.")
    return "\n".join(lines)


def document(usage: Usage, contract: Contract, prices: PriceTable, given: Assumptions, found: Measured | None) -> str:
    a_run, a_month = usage.run(), usage.month()
    return json.dumps(
        {
            "project": contract.project,
            "region": prices.region,
            "prices": {"date": prices.date.isoformat(), "file": prices.path.name},
            "currency": "USD",
            "runs_a_month": usage.runs,
            "run": {"usd": total(a_run), "lines": [asdict(line) for line in a_run]},
            "month": {"usd": total(a_month), "lines": [asdict(line) for line in a_month]},
            "longest_tuning_usd": usage.longest_tuning_usd(),
            "assumed": asdict(given),
            "measured": asdict(found) if found else None,
            "not_counted": list(NOT_COUNTED),
        },
        indent=1,
        ensure_ascii=False,
    )


def total(lines: list[Line]) -> float:
    return sum(line.usd for line in lines)


def _rows(lines: list[Line], least: float = 0.005) -> str:
    """Lines of half a cent and more; the rest in one."""
    shown = [line for line in lines if line.usd >= least]
    rows = [(line.service, line.what, _quantity(line), f"{line.usd:,.2f}") for line in shown]
    rest = len(lines) - len(shown)
    if rest:
        small = sum(line.usd for line in lines if line.usd < least)
        rows.append(("others", f"{rest} lines of less than half a cent (--json has them)", "", f"{small:,.2f}"))
    return columns(("service", "what", "how much", "USD"), rows)


def _quantity(line: Line) -> str:
    return f"{line.quantity:,.0f} {line.unit}" if line.quantity >= 1_000 else f"{line.quantity:,.3g} {line.unit}"


def _whose(found: Measured) -> str:
    """An endpoint that is not AWS's runs the jobs on a machine of its own speed."""
    if "amazonaws.com" in found.where:
        return ""
    return ", which is not AWS: they are that machine's, not the instance's, and without its start"

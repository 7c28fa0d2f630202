"""Deploys Sluice to the account that AWS's usual variables name, tries it, and removes all of it again.

    .venv/bin/python scripts/smoke_aws.py [--yes] [--keep] [--minutes 120]
    .venv/bin/python scripts/smoke_aws.py --clean sluice-smoke-1a2b3c     (what an interrupted run left)

Costs money: it says how much before it asks. It works in a stack of its own, with a tag of its own, and removes nothing
that is not that stack's. With AWS_ENDPOINT_URL it runs against a local cloud; what that lacks is listed as not done.
Exit code: 0 when nothing failed and all was removed, 1 otherwise, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "core")]

from cli.artefacts import Artefacts, for_aws, for_local_cloud  # noqa: E402
from cli.cleaning import STAYS, remove, things  # noqa: E402
from cli.connection import Connection  # noqa: E402
from cli.costs.prices import regions, table  # noqa: E402
from cli.costs.usage import Assumptions, Usage  # noqa: E402
from cli.errors import CliError  # noqa: E402
from cli.text import say  # noqa: E402
from scripts.smoke import line, states  # noqa: E402
from scripts.smoke.record import Record  # noqa: E402
from scripts.smoke.stack import BEGINNING, TAG, OwnStack  # noqa: E402
from sluice.aws.clients import Clients  # noqa: E402
from sluice.errors import SluiceError  # noqa: E402

_ALSO_STAYS = "the stack aws-sam-cli-managed-default with its bucket, which `sam deploy` makes for all of its stacks"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--stack-name", default=f"{BEGINNING}{secrets.token_hex(3)}", help="default: a new one")
    options.add_argument("--minutes", type=float, default=120, help="longest time for the run (default: %(default)s)")
    options.add_argument("--yes", action="store_true", help="do not ask")
    options.add_argument("--keep", action="store_true", help="leave everything there, and say how to remove it")
    options.add_argument("--skip-build", action="store_true", help="deploy what was built before")
    options.add_argument("--clean", metavar="STACK", help="only remove a stack that an earlier run left")
    return options


def main() -> int:
    options = parser().parse_args()
    clients = Clients()
    try:
        return clean(options.clean, clients, options.yes) if options.clean else smoke(options, clients)
    except (CliError, SluiceError) as error:
        say(f"smoke: {error}", sys.stderr)
    except (ClientError, BotoCoreError) as error:
        say(f"smoke: AWS: {error}. Are the credentials and the region right?", sys.stderr)
    except KeyboardInterrupt:
        say("smoke: stopped. --clean removes what is there", sys.stderr)
    return 1


def smoke(options: argparse.Namespace, clients: Clients) -> int:
    own = OwnStack(options.stack_name, secrets.token_hex(8), clients)
    record = Record(on_aws=introduce(own))
    own.refuse_foreign()
    if not options.yes and not agreed(own.name):
        say("nothing was changed")
        return 1
    connection = Connection(own.name, clients)
    artefacts = for_aws() if record.on_aws else for_local_cloud()
    try:
        if not options.skip_build:
            record.check("sam build", lambda: build(artefacts))
        region = clients("cloudformation").meta.region_name
        deployed = record.check(
            "sam deploy",
            lambda: own.deploy(region, artefacts.template),
            "**Lambda**: layers fit in 250 MB",
            "the custom resource",
        )
        if deployed and record.check("the stack's outputs", lambda: str(len(connection.outputs))):
            definitions = states.machines(connection)
            states.check_definitions(record, connection, definitions)
            states.check_states(record, connection, definitions, line.contract())
            line.run_line(record, connection, options.minutes)
    finally:
        if options.keep:
            say(f"kept, and paid for by the hour: scripts/smoke_aws.py --clean {own.name} removes it")
        else:
            removed(record, own, connection)
        say()
        say(record.text())
    return 1 if record.failed else 0


def introduce(own: OwnStack) -> bool:
    """Says where and as whom, and what it will cost; whether that is AWS."""
    who = own.clients("sts").get_caller_identity()
    meta = own.clients("cloudformation").meta
    on_aws = "amazonaws.com" in meta.endpoint_url
    say(f"account {who['Account']}, region {meta.region_name}, as {who['Arn']}")
    if not on_aws:
        say(f"{meta.endpoint_url} is not AWS: this tries the script, and verifies nothing of AWS")
    say(f"stack {own.name}, tagged {TAG}={own.token}")
    if meta.region_name not in regions():
        say(f"cost: unknown, there are no prices of {meta.region_name} here (known: {', '.join(regions())})")
        return on_aws
    usage = Usage(
        line.contract(), table(meta.region_name), Assumptions(rows=3_000, drops=0, requests=10, serving_hours=2)
    )
    run, hours = sum(each.usd for each in usage.run()), sum(each.usd for each in usage.month())
    say(
        f"cost: about ${run:.2f} for the run and at most ${hours:.2f} for two hours of the endpoint and a month of "
        "what stands around, which is removed sooner; see docs/costs.md"
    )
    return on_aws


def agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise CliError("there is nobody to ask: say --yes")
    return input(f"Write the stack's name to deploy and then remove it ({name}): ").strip() == name


def build(artefacts: Artefacts) -> str:
    artefacts.build()
    return str(artefacts.folder.relative_to(ROOT))


def removed(record: Record, own: OwnStack, connection: Connection) -> None:
    """Endpoint and all that the line made first: the stack's functions and roles go with it."""
    own.refuse_foreign()
    if own.described() is None:
        return
    foreign = foreign_projects(connection)
    if foreign:
        raise CliError(f"{own.name} serves projects that this script did not make ({', '.join(foreign)}): not removed")
    record.check("executions are stopped", lambda: line.stop_runs(connection))
    record.check("what the project had is removed", lambda: emptied(connection))
    record.check("the stack is removed", lambda: own.delete(patience=3_600), "deletion of the stack")
    record.check("nothing of the stack is left", lambda: nothing_left(own))
    say(f"  stays: {'; '.join([*STAYS, _ALSO_STAYS])}")


def foreign_projects(connection: Connection) -> list[str]:
    try:
        return [name for name in connection.world.ledger.projects() if name != line.PROJECT]
    except CliError:  # a deployment that did not end well has no outputs, and no projects
        return []


def emptied(connection: Connection) -> str:
    try:
        found = things(connection, line.PROJECT)
    except CliError:
        return "the stack never came to have outputs"
    left = remove(found, lambda text: say(f"    {text}"))
    if left:
        raise CliError("; ".join(left))
    again = things(connection, line.PROJECT)
    if again:
        raise CliError(f"came back: {', '.join(f'{each.kind} {each.name}' for each in again)}")
    return f"{len(found)} things"


def nothing_left(own: OwnStack) -> str:
    """What AWS still lists by the stack's name."""
    if own.described() is not None:
        raise CliError("the stack is still there")
    sagemaker, s3 = own.clients("sagemaker"), own.clients("s3")
    named = [each["EndpointName"] for each in sagemaker.list_endpoints(NameContains=own.name)["Endpoints"]]
    named += [each["ModelName"] for each in sagemaker.list_models(NameContains=own.name)["Models"]]
    named += [each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith(own.name)]
    kinds = ["MetricAlarm", "CompositeAlarm"]  # without them only the metric alarms are listed
    alarms = own.clients("cloudwatch").describe_alarms(AlarmNamePrefix=own.name, AlarmTypes=kinds)
    named += [each["AlarmName"] for each in alarms["MetricAlarms"] + alarms["CompositeAlarms"]]
    if named:
        raise CliError(f"left: {', '.join(named)}")
    return ""


def clean(name: str, clients: Clients, yes: bool) -> int:
    """Removes a stack that has the smoke run's tag, whichever run it was."""
    own = OwnStack(name, "", clients)
    own.token = own.tag() or ""
    if own.described() is None:
        raise CliError(f"there is no stack {name!r}")
    if not own.token:
        raise CliError(f"stack {name!r} has no tag {TAG}: no smoke run made it, and nothing was changed")
    record = Record(on_aws=introduce(own))
    if not yes and not agreed(name):
        say("nothing was changed")
        return 1
    removed(record, own, Connection(name, clients))
    return 1 if record.failed else 0


if __name__ == "__main__":
    sys.exit(main())

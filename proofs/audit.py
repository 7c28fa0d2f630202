"""checkov and parliament over the template: what is known to be wrong with single resources and policies.

`python -m proofs.audit` prints a JSON line for each count, what is wrong on stderr, and exits with 1 when a goal
is missed. It needs .envs/audit and no network. A finding of checkov that stands is in checkov_skips.yaml with its
reason; one of parliament in STANDS below.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from proofs import posture
from proofs.project import ROOT, Finding, Project, listed
from proofs.stack_values import StackValues

BIN = ROOT / ".envs" / "audit" / "bin"
SKIPS = Path(__file__).with_name("checkov_skips.yaml")
# Parameters with which every conditional resource exists.
EVERYTHING = (("AlertEmail", "a@example.org"), ("SubnetIds", "subnet-1"), ("MonthlyBudget", "50"))
# (issue, end of where, part of the detail) → why it stands. An entry that nothing matches any more is a finding itself.
_DOCS = "https://docs.aws.amazon.com/"
STANDS: dict[tuple[str, str, str], str] = {
    ("MISMATCHED_TYPE", "MessageKey.KeyPolicy", "ArnEquals requires"): (
        f"AWS's own example for the key has it so: {_DOCS}AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"
    ),
    ("MISMATCHED_TYPE_BUT_USABLE", "DataBucketPolicy.PolicyDocument", "StringNotEquals requires"): (
        "one key is named as a whole; S3 compares what the request's header says"
    ),
    ("RESOURCE_STAR", "VpcPolicy.PolicyDocument", "ec2:CreateNetworkInterface"): (
        f"as in AWSLambdaVPCAccessExecutionRole: {_DOCS}lambda/latest/dg/configuration-vpc.html"
    ),
    ("UNKNOWN_CONDITION_FOR_ACTION", "VpcPolicy.PolicyDocument", "lambda:SourceFunctionArn"): (
        f"set on every call of a function's code: {_DOCS}lambda/latest/dg/permissions-source-function-arn.html"
    ),
    ("RESOURCE_MISMATCH", "MlLifecycleRole.ml-lifecycle", "states:DescribeExecution"): (
        "parliament lacks the resource `execution`: "
        f"{_DOCS}service-authorization/latest/reference/list_awsstepfunctions.html"
    ),
    ("RESOURCE_MISMATCH", "JudgePartsRole.judge-parts", "states:DescribeExecution"): (
        "parliament lacks the resource `execution`: "
        f"{_DOCS}service-authorization/latest/reference/list_awsstepfunctions.html"
    ),
    ("RESOURCE_MISMATCH", "Key.KeyPolicy", "kms:CreateAlias"): (
        f"alias operations are asked of the key and of the alias: {_DOCS}kms/latest/developerguide/alias-access.html"
    ),
}


def main() -> int:
    project = Project.load()
    failed, skipped = checkov(project)
    without_reason = [
        Finding("checkov", SKIPS.name, f"{each.check} of {each.resource} is skipped without a reason")
        for each in written_skips()
        if not each.reason
    ]
    policies = list(documents(project))
    lint = parliament(dict(policies))
    rules = posture.findings(project)
    counts = [
        ("checkov failed", len(failed), 0),
        ("checkov skips without a reason", len(without_reason), 0),
        ("parliament findings", len(lint), 0),
        ("posture findings", len(rules), 0),
    ]
    for each in [*failed, *without_reason, *lint, *rules]:
        print(each, file=sys.stderr)
    for name, value, goal in counts:
        print(json.dumps({"name": name, "value": value, "goal": goal, "ok": value == goal}))
    print(json.dumps({"name": "checkov findings that stand, with a reason", "value": skipped}))
    print(json.dumps({"name": "policies looked at by parliament", "value": len(policies)}))
    return 0 if all(value == goal for _, value, goal in counts) else 1


@dataclass(frozen=True)
class Skip:
    """A check of checkov's that is not applied to the resources of this name, in which `*` stands for any letters."""

    check: str
    resource: str
    reason: str

    def explains(self, check: str, logical_id: str) -> bool:
        return check == self.check and fnmatchcase(logical_id, self.resource)


def written_skips(path: Path = SKIPS) -> list[Skip]:
    return [
        Skip(each["check"], resource, each.get("why", ""))
        for each in yaml.safe_load(path.read_text(encoding="utf-8"))
        for resource in each["resources"]
    ]


def checkov(project: Project) -> tuple[list[Finding], int]:
    """(what fails and stale skips, number of findings skipped), over the template as written and as SAM translates it.

    Raises RuntimeError when checkov does not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "translated.json"
        translated.write_text(json.dumps(project.translated, indent=1), encoding="utf-8")
        command = [tool("checkov"), "--framework", "cloudformation", "--compact", "--quiet", "--skip-download"]
        command += ["-o", "json", "-f", str(ROOT / "template.yaml"), str(translated)]
        # without these it looks for a newer version and sends what it found
        environment = {**os.environ, "CHECKOV_RUN_SCA_PACKAGE_SCAN": "false", "BC_ROOT_DIR": str(ROOT)}
        ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    try:
        results = json.loads(ended.stdout)["results"]
    except (ValueError, KeyError, TypeError):
        raise RuntimeError(f"checkov did not run: {ended.stderr[-800:] or ended.stdout[-800:]}") from None
    return without_skips(results["failed_checks"], written_skips())


def without_skips(failed_checks: list[dict[str, Any]], skips: list[Skip]) -> tuple[list[Finding], int]:
    """(the failed checks that no skip explains and the skips that explain none, the number of explained ones).

    A failed check is checkov's: `resource` is a type and a logical id, "AWS::S3::Bucket.DataBucket".
    """
    found, used = [], set()
    for each in failed_checks:
        logical_id = each["resource"].rpartition(".")[2]
        explained = [skip for skip in skips if skip.explains(each["check_id"], logical_id)]
        used.update(explained)
        if not explained:
            where = f"{Path(each['file_path']).name} {each['resource']}"
            found.append(Finding("checkov", where, f"{each['check_id']} {each['check_name']}"))
    skipped = len(failed_checks) - len(found)
    stale = [skip for skip in skips if skip not in used]
    found += [
        Finding("checkov", SKIPS.name, f"{skip.check} of {skip.resource} is not found any more") for skip in stale
    ]
    return found, skipped


def documents(project: Project) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy of the stack without intrinsics, by where it stands.

    A trust policy has no Resource, and in a key's policy `*` is the key: both are written out, for parliament knows
    identity policies only.
    """
    values = StackValues(project.translated, EVERYTHING)
    for name, resource in project.translated["Resources"].items():
        properties = resource.get("Properties", {})
        for member in ("AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument"):
            if not isinstance(properties.get(member), dict):
                continue
            document = values.resolve(properties[member])
            if member != "PolicyDocument":
                own = [{**each, "Resource": values.arn(name)} for each in listed(document["Statement"])]
                document = {**document, "Statement": own}
            yield f"{name}.{member}", document
        if resource["Type"] == "AWS::IAM::Role":
            for each in properties.get("Policies", []):
                yield f"{name}.{each['PolicyName']}", values.resolve(each["PolicyDocument"])


def parliament(policies: dict[str, dict[str, Any]]) -> list[Finding]:
    """What parliament finds and STANDS does not explain. Raises RuntimeError when it does not run."""
    command = [tool("python"), str(Path(__file__).with_name("parliament_run.py"))]
    ended = subprocess.run(command, input=json.dumps(policies), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"parliament did not run: {ended.stderr[-800:]}")
    found, used = [], set()
    for where, issue, detail in json.loads(ended.stdout):
        explained = {key for key in STANDS if key[0] == issue and where.endswith(key[1]) and key[2] in detail}
        used |= explained
        if not explained:
            found.append(Finding("parliament", where, f"{issue}: {detail}"))
    stale = [Finding("parliament", "proofs/audit.py", f"STANDS explains what is not found: {key}") for key in STANDS]
    return [*found, *(each for key, each in zip(STANDS, stale, strict=True) if key not in used)]


def tool(name: str) -> str:
    if not (BIN / name).exists():
        raise RuntimeError(f"{BIN.relative_to(ROOT) / name} is missing: `make .envs/audit/.stamp` sets it up")
    return str(BIN / name)


if __name__ == "__main__":
    sys.exit(main())

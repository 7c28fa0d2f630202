"""A stack of the smoke run's own: deployed, and removed with all that CloudFormation keeps. Never another one."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from cli.artefacts import ROOT, tool
from cli.errors import CliError
from sluice.aws.clients import Clients

BEGINNING = "sluice-smoke-"
TAG = "sluice:smoke"
"""Only what carries it, on the stack, is ever removed."""
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass
class OwnStack:
    """`token` is this run's value of the tag; an existing stack must have it, or be asked for by name to be cleaned."""

    name: str
    token: str
    clients: Clients

    def described(self) -> Any:
        """The stack, or None when there is none."""
        try:
            return self.clients("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def tag(self) -> str | None:
        found = self.described()
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])} if found else {}
        return tags.get(TAG)

    def refuse_foreign(self) -> None:
        """Raises CliError when the stack is not one that a smoke run made, or that this one did not make."""
        if not self.name.startswith(BEGINNING):
            raise CliError(f"stack {self.name!r} does not begin with {BEGINNING!r}: this script keeps to its own")
        if self.described() is not None and self.tag() != self.token:
            raise CliError(
                f"stack {self.name!r} exists and is not of this run (tag {TAG} = {self.tag()!r}, not {self.token!r}); "
                f"nothing was changed. To remove one that an earlier run left: --clean {self.name}"
            )

    def deploy(self, region: str, template: Path) -> str:
        """`sam deploy` of what was built, of which `template` is a part. Raises CliError with the end of its output."""
        self.refuse_foreign()
        command = [str(tool("sam")), "deploy", "--template-file", str(template), "--region", region]
        command += ["--stack-name", self.name, "--capabilities", "CAPABILITY_IAM", "--resolve-s3"]
        command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--on-failure", "ROLLBACK"]
        command += ["--tags", f"sluice:stack={self.name}", f"{TAG}={self.token}"]
        command += ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "smoke"]
        environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CliError(f"sam deploy failed:\n{(done.stdout + done.stderr)[-3_000:]}")
        status = self.described()["StackStatus"]
        if status not in _DONE:
            raise CliError(f"the stack is {status}")
        return str(status)

    def retained(self) -> list[tuple[str, str]]:
        """Type and physical id of what CloudFormation keeps when the stack goes."""
        cloudformation = self.clients("cloudformation")
        kept = {
            name
            for name, resource in self._template()["Resources"].items()
            if str(resource.get("DeletionPolicy", "")).startswith("Retain")
        }
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [
            (resource["ResourceType"], resource["PhysicalResourceId"])
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["LogicalResourceId"] in kept and resource.get("PhysicalResourceId")
        ]

    def delete(self, patience: float) -> str:
        """Deletes the stack, then what it keeps. Raises CliError when it is not this run's, or something stays."""
        self.refuse_foreign()
        if self.described() is None:
            return "there was none"
        kept = self.retained()
        cloudformation = self.clients("cloudformation")
        # by its id: a stack that is gone is not found by its name
        identity = self.described()["StackId"]
        cloudformation.delete_stack(StackName=self.name)
        deadline = time.monotonic() + patience
        while (found := self._by_id(identity)) and found["StackStatus"] != "DELETE_COMPLETE":
            if found["StackStatus"] == "DELETE_FAILED" or time.monotonic() > deadline:
                raise CliError(
                    f"the stack is {found['StackStatus']}: {found.get('StackStatusReason', 'it takes long')}"
                )
            time.sleep(2)
        stays = [f"{kind} {name}" for kind, name in kept if not self._remove(kind, name)]
        if stays:
            raise CliError(f"these stay, remove them by hand: {', '.join(stays)}")
        return f"with {', '.join(name for _, name in kept)}" if kept else ""

    def _by_id(self, identity: str) -> Any:
        try:
            return self.clients("cloudformation").describe_stacks(StackName=identity)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _template(self) -> Any:
        """As deployed; the processed form may come as text or parsed."""
        body = self.clients("cloudformation").get_template(StackName=self.name, TemplateStage="Processed")
        text = body["TemplateBody"]
        return _Loader(text).get_single_data() if isinstance(text, str) else text

    def _remove(self, kind: str, name: str) -> bool:
        removals: dict[str, Callable[[str], Any]] = {
            "AWS::S3::Bucket": self._remove_bucket,
            "AWS::DynamoDB::Table": self._remove_table,
            "AWS::KMS::Key": self._remove_key,
        }
        if kind not in removals:
            return False
        removals[kind](name)
        return True

    def _remove_bucket(self, name: str) -> None:
        s3 = self.clients("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            listed = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            if listed:
                answer = s3.delete_objects(Bucket=name, Delete={"Objects": listed, "Quiet": True})
                if answer.get("Errors"):
                    raise CliError(f"{name}: {answer['Errors'][0]}")
        s3.delete_bucket(Bucket=name)

    def _remove_table(self, name: str) -> None:
        dynamodb = self.clients("dynamodb")
        if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)

    def _remove_key(self, name: str) -> None:
        """A key cannot be deleted at once; seven days is KMS's shortest wait, and costs nothing."""
        self.clients("kms").schedule_key_deletion(KeyId=name, PendingWindowInDays=7)


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref …) as if they were absent: only policies and names are looked at."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)

"""After all stories: the session did nothing that the recording does not know, and forbidden calls are denied.

The file's name makes these the last tests; `make record-calls` writes the recording. SLUICE_RECORD_CALLS=add, with
some of the stories, adds to it.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud import identity
from proofs import boto_calls, forbidden_calls, recording
from proofs.iam_policies import Request
from proofs.project import Project
from proofs.stack_values import StackValues
from testing.line import Line

FORBIDDEN = [request for request, _ in forbidden_calls.of_roles()]
_SESSIONS = {
    "lambda.amazonaws.com": "Lambda",
    "states.amazonaws.com": "StepFunctions",
    "sagemaker.amazonaws.com": "SageMaker",
    "glue.amazonaws.com": "GlueJobRunnerSession",
    "scheduler.amazonaws.com": "Scheduler",
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return Project.load().translated


def test_the_session_did_nothing_unrecorded(line: Line, template: dict[str, Any], every_story: bool) -> None:
    asked, made = recording.of_session(line.stack.state, template, line.resources)
    if os.environ.get("SLUICE_RECORD_CALLS") == "add":
        recording.add(asked, made)
    elif os.environ.get("SLUICE_RECORD_CALLS"):
        assert every_story, "a recording needs every story: run make record-calls"
        recording.write(asked, made)
    assert recording.unrecorded(asked, made) == [], "run `make record-calls` and look at what changed"


@pytest.fixture
def every_story(request: pytest.FixtureRequest, line: Line) -> bool:
    files = {item.path.name for item in request.session.items}
    told = {path.name for path in request.path.parent.glob("test_*.py") if "pytest.mark.long" not in path.read_text()}
    return told <= files


class Intruder:
    """Calls as sessions of the stack's roles, with physical names for those of the table."""

    def __init__(self, line: Line, template: dict[str, Any]) -> None:
        self._line, self._template = line, template
        values = StackValues(template)
        self._physical = {}
        for logical_id, physical in line.resources.items():
            if logical_id in template["Resources"]:
                tail = physical.replace("|", "/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
                self._physical[values.name(logical_id)] = tail
        self._clients: dict[tuple[str, str], Any] = {}

    def text(self, value: str) -> str:
        for name in sorted(self._physical, key=len, reverse=True):
            if value.endswith((f"/{name}", f":{name}")) or value == name:
                return value.removesuffix(name) + self._physical[name]
        return value

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def client(self, role: str, service: str) -> Any:
        if (role, service) not in self._clients:
            arn = f"arn:aws:iam::000000000000:role/{self._line.resources[role]}"
            trust = self._template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
            principal = trust["Principal"]["Service"]
            session = _SESSIONS[principal[0] if isinstance(principal, list) else principal]
            make: Any = boto3.client
            self._clients[role, service] = make(
                service,
                region_name="eu-west-1",
                endpoint_url=self._line.stack.endpoint,
                config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
                **identity.session_credentials(arn, session),
            )
        return self._clients[role, service]

    def call(self, request: Request) -> None:
        service, method, parameters = boto_calls.boto_call(request)
        role = request.principal.removeprefix("role:")
        getattr(self.client(role, service), method)(**self.value(parameters))


@pytest.fixture(scope="module")
def intruder(line: Line, template: dict[str, Any]) -> Intruder:
    s3 = line.aws("s3")
    for bucket in (forbidden_calls.FOREIGN, forbidden_calls.OTHER_STAGE):
        # they are there: what does not exist would be refused whatever the policies say
        where = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=bucket.removeprefix("arn:aws:s3:::"), CreateBucketConfiguration=where)
    return Intruder(line, template)


@pytest.mark.parametrize("request_", FORBIDDEN, ids=lambda each: f"{each.principal[5:]} {each.action} {each.resource}")
def test_it_is_denied(intruder: Intruder, request_: Request) -> None:
    with pytest.raises(ClientError) as caught:
        intruder.call(request_)
    code, message = caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert "Denied" in code or "AuthorizationError" in code or "not authorized" in message or status == 403, code
    assert "InvalidClientTokenId" not in code, "the role has no session: no story used it"

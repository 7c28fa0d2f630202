"""Our evaluator against examples of the IAM user guide, and against the local cloud's evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core import iam_evaluator

from proofs.iam_policies import (
    Policies,
    Request,
    UnknownElementError,
    arn_matches,
    holds,
    of_template,
    statements,
)
from proofs.stack_values import ACCOUNT, StackValues, UnresolvedError

BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"


def policies(*each: dict[str, Any], resource: dict[str, Any] | None = None, of: str = BUCKET) -> Policies:
    document = {"Version": "2012-10-17", "Statement": list(each)}
    attached = {of: tuple(statements(resource, "resource", of))} if resource else {}
    return Policies({"R": tuple(statements(document, "R"))}, attached, {"R": f"arn:aws:iam::{ACCOUNT}:role/R"})


def allows(these: Policies, action: str, resource: str, **context: Any) -> bool:
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return bool(these.allowing(Request("role:R", action, resource, keys)))


ALLOW: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": [BUCKET, f"{BUCKET}/*"],
}


def test_what_is_not_allowed_is_denied() -> None:
    assert allows(policies(ALLOW), "s3:GetObject", f"{BUCKET}/a/b")
    assert not allows(policies(ALLOW), "s3:PutObject", f"{BUCKET}/a/b")
    assert not allows(policies(ALLOW), "s3:GetObject", "arn:aws:s3:::other/a")
    assert not policies(ALLOW).allowing(Request("role:Nobody", "s3:GetObject", f"{BUCKET}/a"))


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    deny = {**ALLOW, "Effect": "Deny", "Resource": f"{BUCKET}/secret/*"}
    assert not allows(policies(ALLOW, deny), "s3:GetObject", f"{BUCKET}/secret/a")
    assert not allows(policies(deny, ALLOW), "s3:GetObject", f"{BUCKET}/secret/a")
    assert allows(policies(deny, ALLOW), "s3:GetObject", f"{BUCKET}/open/a")
    tls = {**deny, "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    both = policies(ALLOW, resource={"Version": "2012-10-17", "Statement": [{**tls, "Resource": f"{BUCKET}/*"}]})
    assert not allows(both, "s3:GetObject", f"{BUCKET}/a", aws__SecureTransport="false")
    assert allows(both, "s3:GetObject", f"{BUCKET}/a", aws__SecureTransport="true")


def test_actions_ignore_case_and_resources_do_not() -> None:
    these = policies({"Effect": "Allow", "Action": "S3:getobject", "Resource": f"{BUCKET}/Data/*"})
    assert allows(these, "s3:GetObject", f"{BUCKET}/Data/x")
    assert not allows(these, "s3:GetObject", f"{BUCKET}/data/x")


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        # "IAM identifiers" and "IAM JSON policy elements: Resource"
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1/test/object.jpg", True),
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1/2/test/3/object.jpg", True),
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1-test/object.jpg", False),
        (f"{BUCKET}/x?", f"{BUCKET}/x1", True),
        (f"{BUCKET}/x?", f"{BUCKET}/x12", False),
        ("arn:aws:sqs:*:123456789012:*", "arn:aws:sqs:us-east-2:123456789012:queue1", True),
        ("arn:aws:sqs:*:123456789012:*", "arn:aws:sqs:us-east-2:210987654321:queue1", False),
        ("arn:aws:sqs:*:queue1", "arn:aws:sqs:us-east-2:123456789012:queue1", UnknownElementError),
        ("*", "arn:aws:iam::123456789012:role/x", True),
        ("*", "*", True),
        (f"{BUCKET}/*", "*", False),
    ],
)
def test_resources_match_as_in_the_user_guide(pattern: str, arn: str, expected: Any) -> None:
    if expected is UnknownElementError:
        with pytest.raises(UnknownElementError):
            arn_matches(arn, pattern)
    else:
        assert arn_matches(arn, pattern) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*c?", "abbbcd", True),
        ("StringLike", "a*c?", "abbbc", False),
        ("ArnLike", "arn:aws:events:*:123456789012:rule/*", "arn:aws:events:eu-west-1:123456789012:rule/a/b", True),
        ("ArnLike", "arn:aws:events:*:123456789012:rule/*", "arn:aws:events:x:999:rule/123456789012:rule/a", False),
        ("ArnEquals", "arn:aws:sns:*:1:t", "arn:aws:sns:eu-west-1:1:t", True),
        ("Bool", "false", "false", True),
        ("Bool", "false", "true", False),
        ("Bool", "false", None, False),
        ("Null", "true", None, True),
        ("Null", "false", "x", True),
        ("ForAllValues:StringEquals", "a", ["a", "a"], True),
        ("ForAllValues:StringEquals", "a", ["a", "b"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("ForAnyValue:StringEquals", "a", ["a", "b"], True),
        ("ForAnyValue:StringEquals", "a", None, False),
    ],
)
def test_conditions_hold_as_in_the_user_guide(operator: str, wanted: str, found: Any, expected: bool) -> None:
    context = {} if found is None else {"Some:Key": found}
    assert holds(operator, "some:key", (wanted,), context) is expected


def test_a_key_decides_itself_whether_iam_may() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
    use = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": key}

    def document(*each: dict[str, Any]) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(each)}

    assert allows(policies(use, resource=document(root), of=key), "kms:Decrypt", key)
    describes = {**root, "Action": "kms:DescribeKey"}
    assert not allows(policies(use, resource=document(describes), of=key), "kms:Decrypt", key)
    assert not allows(policies(ALLOW, resource=document(root), of=key), "kms:Decrypt", key)
    named = {**root, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/R"}}
    assert allows(policies(ALLOW, resource=document(named), of=key), "kms:Decrypt", key)


@pytest.mark.parametrize(
    "statement",
    [
        {**ALLOW, "NotAction": "s3:*"},
        {**ALLOW, "Effect": "Permit"},
        {**ALLOW, "Resource": f"{BUCKET}/${{aws:username}}"},
        {**ALLOW, "Principal": {"Federated": "x"}},
    ],
)
def test_what_is_not_known_is_refused(statement: dict[str, Any]) -> None:
    with pytest.raises(UnknownElementError):
        policies(statement)


def test_unknown_conditions_are_refused() -> None:
    bad = policies({**ALLOW, "Condition": {"NumericLessThan": {"s3:max-keys": "10"}}})
    with pytest.raises(UnknownElementError):
        allows(bad, "s3:GetObject", f"{BUCKET}/a", s3__max_keys="1")
    with pytest.raises(UnknownElementError):
        holds("StringEquals", "k", ("a",), {"k": ["a", "b"]})


def test_policies_of_unknown_kinds_are_refused() -> None:
    for kind in ("AWS::IAM::Policy", "AWS::ECR::RepositoryPolicy"):
        with pytest.raises(UnknownElementError):
            of_template({"Resources": {"P": {"Type": kind, "Properties": {"PolicyDocument": {}}}}})


def test_intrinsics_come_to_the_stacks_values() -> None:
    template: dict[str, Any] = {
        "Parameters": {"Stage": {"Type": "String", "Default": "test"}},
        "Conditions": {"IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]}},
        "Mappings": {"Image": {"eu-west-1": {"Account": "1"}}},
        "Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "T": {"Type": "AWS::SNS::Topic"}},
    }
    values = StackValues(template)
    assert values.resolve({"Fn::GetAtt": ["Q", "Arn"]}) == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:sluice-Q"
    assert values.resolve({"Ref": "T"}) == f"arn:aws:sns:eu-west-1:{ACCOUNT}:sluice-T"
    assert values.resolve({"Fn::Sub": ["${A}-${Q.QueueName}-${AWS::Region}", {"A": "x"}]}) == "x-sluice-Q-eu-west-1"
    assert values.resolve({"Fn::If": ["IsTest", ["a", {"Ref": "AWS::NoValue"}], "b"]}) == ["a"]
    assert values.resolve({"Fn::FindInMap": ["Image", {"Ref": "AWS::Region"}, "Account"]}) == "1"
    for wrong in ({"Ref": "Nothing"}, {"Fn::GetAtt": ["Q", "Colour"]}, {"Fn::Transform": {}}, {"Fn::If": ["No", 1, 2]}):
        with pytest.raises(UnresolvedError):
            values.resolve(wrong)


# --- against the local cloud's evaluator ------------------------------------------------------------------------------

_PART = st.sampled_from(["runs", "raw", "*", "r?w", "a", "x/*"])
_ACTION = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*"])
_CONDITION = st.sampled_from(
    [
        {},
        {"StringEquals": {"s3:prefix": "raw"}},
        {"StringLike": {"s3:prefix": ["r*", "x"]}},
        {"StringNotEquals": {"s3:prefix": "raw"}},
        {"StringEqualsIfExists": {"s3:prefix": "raw"}},
        {"Bool": {"aws:SecureTransport": "true"}},
    ]
)
_STATEMENT = st.builds(
    lambda effect, action, part, condition: {
        **{"Effect": effect, "Action": action, "Resource": f"{BUCKET}/{part}"},
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    _ACTION,
    _PART,
    _CONDITION,
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(_STATEMENT, min_size=1, max_size=4),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
    st.sampled_from(["runs", "raw", "row", "a", "x/y/z", "x"]),
    st.sampled_from([{}, {"s3:prefix": "raw"}, {"s3:prefix": "runs"}]),
)
def test_both_evaluators_agree(each: list[dict[str, Any]], action: str, part: str, context: dict[str, str]) -> None:
    document = {"Version": "2012-10-17", "Statement": each}
    ours = allows(
        policies(*each), action, f"{BUCKET}/{part}", **{key.replace(":", "__"): v for key, v in context.items()},
        aws__SecureTransport="true",
    )  # fmt: skip
    asked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=f"{BUCKET}/{part}",
        region="eu-west-1",
        secure_transport=True,
        service_context=dict(context),
    )
    theirs = iam_evaluator.evaluate(asked, [iam_evaluator.parse_policy_document(document)])
    assert ours == (theirs.decision == "Allow")

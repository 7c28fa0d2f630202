"""One function for every trigger of the tiny application."""

import json
import os
import urllib.request

import boto3
from greeting import GREETING


def count(key: str) -> int:
    """Adds one to the item's `tries`; returns the new number."""
    answer = boto3.client("dynamodb").update_item(
        TableName=os.environ["TABLE"],
        Key={"pk": {"S": key}},
        UpdateExpression="ADD tries :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["tries"]["N"])


def handler(event, context):
    """Does what the event's shape asks for."""
    if "ResponseURL" in event:
        return seed(event)
    if "Records" in event:
        return messages(event["Records"])
    if "object" in event:
        return {"tries": count(f"OBJECT#{event['object']}")}
    if "tick" in event:
        return {"tries": count("TICK#")}
    if "forbidden" in event:
        try:
            boto3.client("dynamodb").scan(TableName=os.environ["TABLE"])
        except Exception as error:
            return {"refused": str(error)}
    return {}


def seed(event):
    """Writes the greeting on creation and answers CloudFormation."""
    if event["RequestType"] != "Delete":
        key = event["ResourceProperties"]["Key"]
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=GREETING.encode())
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "seed", "Data": {"Greeting": GREETING}}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(request, timeout=10).close()


def messages(records):
    """Counts each message; one kind fails the first time."""
    failures = []
    for record in records:
        kind = json.loads(record["body"])["kind"]
        if count(f"MESSAGE#{kind}") == 1 and kind == "once-bad":
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}

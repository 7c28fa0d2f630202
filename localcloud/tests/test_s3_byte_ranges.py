"""Ranges of objects: of versions, and of objects that are larger than the machine."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud

pytestmark = pytest.mark.cloud


def test_a_range_of_a_version_is_a_range(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    where = {"LocationConstraint": cloud.settings.region}
    s3.create_bucket(Bucket="ranges", CreateBucketConfiguration=where)
    s3.put_bucket_versioning(Bucket="ranges", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="ranges", Key="x", Body=b"0123456789")["VersionId"]
    s3.put_object(Bucket="ranges", Key="x", Body=b"other")
    answer = s3.get_object(Bucket="ranges", Key="x", VersionId=version, Range="bytes=3-5")
    assert (answer["Body"].read(), answer["ContentRange"]) == (b"345", "bytes 3-5/10")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    with pytest.raises(ClientError, match=r"PreconditionFailed|412"):
        s3.get_object(Bucket="ranges", Key="x", VersionId=version, Range="bytes=3-5", IfMatch='"other"')
    with pytest.raises(ClientError, match=r"InvalidRange|416"):
        s3.get_object(Bucket="ranges", Key="x", Range="bytes=30-50")


def test_a_repeated_body_is_read_many_times_over(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    where = {"LocationConstraint": cloud.settings.region}
    s3.create_bucket(Bucket="repeats", CreateBucketConfiguration=where)
    s3.put_object(Bucket="repeats", Key="x", Body=b"0123456789", Metadata={"localcloud-repeat": "1000000000"})
    for start, end, body in ((0, 3, b"0123"), (8, 22, b"890123456789012"), (9_999_999_995, 10**12, b"56789")):
        answer = s3.get_object(Bucket="repeats", Key="x", Range=f"bytes={start}-{end}")
        assert answer["Body"].read() == body
        assert answer["ContentRange"].endswith("/10000000000")
    again = s3.get_object(Bucket="repeats", Key="x", Range="bytes=0-3", IfMatch=answer["ETag"])
    assert again["Body"].read() == b"0123"
    assert s3.get_object(Bucket="repeats", Key="x")["Body"].read() == b"0123456789"

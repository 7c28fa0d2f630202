"""Data between S3 and a job folder, under the job's role, with the messages that SageMaker gives."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions

from localcloud import identity, service_calls
from localcloud.sagemaker.containers import SESSION, ClientError
from localcloud.settings import Settings

MAX_MEMBERS = 20_000
MAX_UNPACKED = 8 << 30
MAX_HEADER = 1 << 20


def client(role_arn: str) -> Any:
    """S3 as the job's role."""
    return identity.client("s3", role_arn=role_arn, session_name=SESSION)


def split(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/key` → `("bucket", "some/key")`; raises ClientError when it is not an S3 address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ClientError(f"{uri!r} is not an S3 address of the form s3://bucket/key")
    return bucket, key


def join(prefix: str, *parts: str) -> str:
    """S3 addresses joined by exactly one slash each."""
    return "/".join([prefix.rstrip("/"), *parts])


def objects(role_arn: str, uri: str) -> list[tuple[str, str]]:
    """The objects under S3Prefix `uri` as `(key, path below the channel)`.

    Paths are relative to the prefix where it names a folder, the file name where it names an object, and relative to
    the prefix's own folder where it ends amid a name. Raises ClientError with AWS's message when there are none or
    the role may not list them.
    """
    bucket, prefix = split(uri)
    found = []
    try:
        for page in client(role_arn).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                key = item["Key"]
                if not key.endswith("/"):  # a folder marker is not a file
                    found.append((key, _relative(key, prefix)))
    except botocore.exceptions.ClientError as error:
        raise ClientError(f"Data download failed:{_reason(error)} (listing {uri} as {role_arn})") from error
    if not found:
        raise ClientError(
            f'Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure '
            f"that the bucket exists in the selected region ({Settings.current().region}), that objects exist under "
            f'that S3 prefix, and that the role "{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )
    return found


def _relative(key: str, prefix: str) -> str:
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if prefix == "" or prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix) :].lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def download_prefix(role_arn: str, uri: str, folder: Path) -> int:
    """Copies every object under `uri` below `folder`; the number of files. Raises ClientError."""
    bucket, _ = split(uri)
    files = objects(role_arn, uri)
    for key, relative in files:
        target = (folder / relative).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise ClientError(f"Data download failed:the key {key!r} leads out of its channel")
        _download(role_arn, bucket, key, target)
    return len(files)


def download_file(role_arn: str, uri: str, target: Path) -> None:
    """Copies one object. Raises ClientError."""
    _download(role_arn, *split(uri), target)


def _download(role_arn: str, bucket: str, key: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        client(role_arn).download_file(bucket, key, str(target))
    except botocore.exceptions.ClientError as error:
        raise ClientError(f"Data download failed:{_reason(error)} (s3://{bucket}/{key} as {role_arn})") from error


def upload(role_arn: str, path: Path, uri: str, kms_key: str | None = None) -> None:
    """Copies `path` to the object at `uri`. Raises ClientError."""
    bucket, key = split(uri)
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else None
    if kms_key and (why := service_calls.role_denial("sagemaker output", role_arn, SESSION, key=kms_key)):
        raise ClientError(f"Data upload failed:{why}")
    try:
        client(role_arn).upload_file(str(path), bucket, key, ExtraArgs=extra)
    except (botocore.exceptions.ClientError, OSError) as error:
        raise ClientError(f"Data upload failed:{_reason(error)} ({uri} as {role_arn})") from error
    except Exception as error:  # boto3's S3UploadFailedError is not a botocore error
        raise ClientError(f"Data upload failed:{error}") from error


def upload_folder(role_arn: str, folder: Path, uri: str, kms_key: str | None = None) -> int:
    """Copies every file below `folder` below `uri`; the number of files."""
    files = list(_files(folder))
    for path in files:
        upload(role_arn, path, join(uri, path.relative_to(folder).as_posix()), kms_key)
    return len(files)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def archive(folder: Path, target: Path) -> Path:
    """`folder` as a `.tar.gz` with the same bytes for the same files: sorted, without times and owners."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
            if path.is_dir():
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                data = path.read_bytes()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return target


def extract(path: Path, folder: Path) -> None:
    """Unpacks a `.tar.gz` from outside: plain files and folders inside of `folder`, of limited number and size.

    Raises ClientError naming the member, before anything of it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    try:
        with _Unzipped(path) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
            for count, member in enumerate(tar, 1):
                if count > MAX_MEMBERS:
                    raise tarfile.TarError(f"more than {MAX_MEMBERS} members")
                if not (member.isreg() or member.isdir()) or member.issparse():
                    raise tarfile.TarError(f"{member.name!r} is a link or a device, or sparse; models are plain files")
                total += member.size
                if total > MAX_UNPACKED:
                    raise tarfile.TarError(f"{member.name!r}: more than {MAX_UNPACKED} bytes unpacked")
                _unpack(tar, member, folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OSError) as error:
        raise ClientError(f"{path.name} is not a usable gzip-compressed tar file: {error}") from error


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """A plain file or folder. Python's own filter for this came with 3.11.4, and Debian 12 has 3.11.2."""
    root = folder.resolve()
    target = Path(os.path.normpath(root / member.name.lstrip("/")))
    if not target.is_relative_to(root):
        raise tarfile.TarError(f"{member.name!r} lies outside")
    (target if member.isdir() else target.parent).mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is not None:
        with target.open("wb") as out:
            shutil.copyfileobj(content, out)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)


class _Unzipped(gzip.GzipFile):
    """tarfile reads a header's extension in one piece, of the size that the header says: not of any size."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > MAX_HEADER:
            raise tarfile.TarError(f"a header of {size} bytes")
        return super().read(size)


def exists(role_arn: str, uri: str) -> bool:
    """Whether the object is there for the role; ClientError when `uri` is not an S3 address."""
    bucket, key = split(uri)
    try:
        client(role_arn).head_object(Bucket=bucket, Key=key)
    except botocore.exceptions.ClientError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, botocore.exceptions.ClientError):
        detail = error.response.get("Error", {})
        return f"{detail.get('Code', 'Error')}: {detail.get('Message', error)}"
    return str(error)

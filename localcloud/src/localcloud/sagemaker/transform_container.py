"""The serving container of a transform job, the requests to it, and its answers put together."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localcloud.sagemaker import containers, images, transfer
from localcloud.sagemaker.containers import ClientError, Container, mounted
from localcloud.sagemaker.logstream import LogStream

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_SERVER = Path(__file__).resolve().parent.parent / "containers" / "serve.py"
_PING_SECONDS = 120.0


def batches(data: bytes, split: str, strategy: str, limit: int) -> Iterator[bytes]:
    """The bodies of the requests for one file: the whole, one line each, or as many lines as fit in `limit` bytes.

    Raises ClientError for a record above the limit.
    """
    if split == "None":
        if len(data) > limit:
            raise ClientError(f"an input of {len(data)} bytes is larger than MaxPayloadInMB and SplitType is None")
        yield data
        return
    pending: list[bytes] = []
    size = 0
    for line in data.splitlines(keepends=True):
        if not line.strip():
            continue
        if len(line) > limit:
            raise ClientError(f"a record of {len(line)} bytes is larger than MaxPayloadInMB")
        if pending and (strategy == "SingleRecord" or size + len(line) > limit):
            yield b"".join(pending)
            pending, size = [], 0
        pending.append(line)
        size += len(line)
    if pending:
        yield b"".join(pending)


def assemble(answers: list[bytes], how: str) -> bytes:
    """The answers of one file in order; `Line` ends each with one newline."""
    if how == "Line":
        return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)
    return b"".join(answers)


class TransformContainer:
    """Runs the job of a transform record. `run` raises ClientError or Stopped."""

    def __init__(self, record: dict[str, Any], served: dict[str, Any]) -> None:
        self._record = record
        self._served = served
        self._role = served["RoleArn"]
        self._stop = record["_stop"]
        self._client = record.get("ModelClientConfig", {})
        self._port = 0

    def run(self) -> None:
        record = self._record
        root = containers.new_folder("transform", record["TransformJobName"])
        uri = record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        inputs = transfer.objects(self._role, uri)
        container = self._container(root)
        container.start()
        self._stop.watch(container)
        try:
            self._await_ping(container)
            bucket, _ = transfer.split(uri)
            for key, relative in inputs:
                local = root / "input" / relative
                transfer.download_file(self._role, f"s3://{bucket}/{key}", local)
                output = root / "output" / f"{relative}.out"
                output.parent.mkdir(parents=True, exist_ok=True)
                output.write_bytes(self._transform(local.read_bytes()))
                target = record["TransformOutput"]
                destination = transfer.join(target["S3OutputPath"], f"{relative}.out")
                transfer.upload(self._role, output, destination, target.get("KmsKeyId"))
        finally:
            container.close()

    def _container(self, root: Path) -> Container:
        name = self._record["TransformJobName"]
        python = images.pull(self._served["Image"], self._role)
        transfer.download_file(self._role, self._served["ModelDataUrl"], root / "model.tar.gz")
        transfer.extract(root / "model.tar.gz", root / "model")
        user = {**self._served["Environment"], **self._record.get("Environment", {})}
        env = containers.environment(python, root, self._role, user)
        if env.get("SAGEMAKER_SUBMIT_DIRECTORY", "").startswith("s3://"):
            source = root / "sourcedir.tar.gz"
            transfer.download_file(self._role, env["SAGEMAKER_SUBMIT_DIRECTORY"], source)
            transfer.extract(source, root / "code")
            env["SAGEMAKER_SUBMIT_DIRECTORY"] = str(root / "code")
        env |= {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._record["MaxPayloadInMB"]),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._record["MaxConcurrentTransforms"]),
            "SAGEMAKER_BATCH_STRATEGY": self._record.get("BatchStrategy", "MultiRecord").upper(),
        }
        # bound here and inherited: it serves even a container that has no network
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._port = listener.getsockname()[1]
        model_dir = mounted("/opt/ml/model", root)
        command = [str(python), str(_SERVER), "--model-dir", model_dir, "--fd", str(listener.fileno())]
        stream = LogStream(LOG_GROUP, f"{name}/algo-1-{int(time.time())}", self._role)
        return Container(
            command,
            env,
            cwd=root,
            log_file=root / "logs" / "algo-1.log",
            stream=stream,
            grace=5.0,
            isolated_by=python if self._served["Isolated"] else None,
            inherited=listener,
        )

    def _await_ping(self, container: Container) -> None:
        deadline = time.monotonic() + _PING_SECONDS
        while time.monotonic() < deadline:
            if self._stop.is_set:
                raise containers.Stopped
            if container.exit_code is not None:
                raise ClientError(
                    f"The model container ended with exit code {container.exit_code} before it answered a ping. See "
                    "job logs for more information."
                )
            try:
                if self._call("GET", "/ping", b"", {}, 2.0)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise ClientError("The model container did not pass its ping within 120 s. See job logs for more information.")

    def _transform(self, data: bytes) -> bytes:
        source, record = self._record["TransformInput"], self._record
        limit = record["MaxPayloadInMB"] * 1024 * 1024
        strategy = record.get("BatchStrategy", "MultiRecord")
        bodies = batches(data, source.get("SplitType", "None"), strategy, limit)
        with ThreadPoolExecutor(record["MaxConcurrentTransforms"]) as pool:
            answers = list(pool.map(self._invoke, bodies))
        return assemble(answers, record["TransformOutput"].get("AssembleWith", "None"))

    def _invoke(self, body: bytes) -> bytes:
        headers = {}
        if kind := self._record["TransformInput"].get("ContentType"):
            headers["Content-Type"] = kind
        if accept := self._record["TransformOutput"].get("Accept"):
            headers["Accept"] = accept
        # AWS tries again after a server error or a time-out, not after a request that the model refused.
        for attempt in range(1 + self._client.get("InvocationsMaxRetries", 3)):
            if self._stop.is_set:
                raise containers.Stopped
            if attempt:
                time.sleep(0.2 * 2**attempt)
            try:
                timeout = self._client.get("InvocationsTimeoutInSeconds", 600)
                status, answer = self._call("POST", "/invocations", body, headers, timeout)
            except (OSError, http.client.HTTPException) as error:
                problem = f"the model container did not answer: {error}"
                continue
            if self._stop.is_set:
                break
            if 200 <= status < 300:
                return answer
            problem = f"Bad HTTP status received from algorithm: {status}: {answer[:500].decode('utf-8', 'replace')}"
            if status < 500:
                break
        if self._stop.is_set:
            raise containers.Stopped
        raise ClientError(problem)

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str], timeout: float) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

"""Data capture: requests and answers of an endpoint as JSON lines in S3, in SageMaker's own format and layout."""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import clock, identity

logger = logging.getLogger(__name__)

FLUSH_CLOUD_SECONDS = 60.0  # AWS uploads about once a minute
FLUSH_RECORDS = 500
KEPT_RECORDS = 20_000  # while uploads fail; older ones are dropped and said so


class Capture:
    """What one endpoint configuration captures. `put` never blocks; a thread uploads."""

    def __init__(self, endpoint: str, config: dict[str, Any], role_arn: str) -> None:
        destination = urlparse(config["DestinationS3Uri"])
        self.bucket, self.prefix = destination.netloc, destination.path.strip("/")
        self.endpoint, self._role_arn = endpoint, role_arn
        self._share = float(config["InitialSamplingPercentage"]) / 100
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._input = bool(modes & {"Input", "InputAndOutput"})
        self._output = bool(modes & {"Output", "InputAndOutput"})
        types = config.get("CaptureContentTypeHeader") or {}
        self._json = {kind.lower() for kind in types.get("JsonContentTypes", ())}
        self._csv = {kind.lower() for kind in types.get("CsvContentTypes", ())}
        self._kms = config.get("KmsKeyId")
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._dropped = 0
        self._lock = threading.Lock()
        self._uploading = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"capture-{endpoint}", daemon=True)
        self._thread.start()

    def takes(self) -> bool:
        """Whether this request is in the sample."""
        return self._share >= 1 or random.random() < self._share  # noqa: S311 - a sample, not a secret

    def put(
        self,
        variant: str,
        *,
        request: tuple[str | None, bytes],
        answer: tuple[str | None, bytes],
        inference_id: str,
        custom_attributes: str | None,
        event_id: str,
        time: datetime,
    ) -> None:
        data: dict[str, Any] = {}
        if self._input:
            data["endpointInput"] = self._part("INPUT", *request)
        if self._output:
            data["endpointOutput"] = self._part("OUTPUT", *answer)
        meta: dict[str, Any] = {"eventId": event_id, "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if inference_id:
            meta["inferenceId"] = inference_id
        if custom_attributes:
            meta["customAttributes"] = [custom_attributes]
        line = json.dumps({"captureData": data, "eventMetadata": meta, "eventVersion": "0"}).encode()
        with self._lock:
            lines = self._lines[variant]
            lines.append(line)
            full = len(lines) >= FLUSH_RECORDS
            surplus = len(lines) - KEPT_RECORDS
            if surplus > 0:
                del lines[:surplus]
                self._dropped += surplus
        if full:
            self._wake.set()

    def _part(self, mode: str, content_type: str | None, body: bytes) -> dict[str, str]:
        kind = (content_type or "").split(";", 1)[0].strip().lower()
        encoding = "JSON" if kind in self._json else "CSV" if kind in self._csv else "BASE64"
        text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
        return {"observedContentType": content_type or "", "mode": mode, "data": text, "encoding": encoding}

    def flush(self) -> None:
        """Uploads what there is, one object per variant; what fails is kept for the next time."""
        with self._uploading:
            with self._lock:
                taken, self._lines = self._lines, defaultdict(list)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                logger.warning("data capture of %s dropped %d records: uploads failed", self.endpoint, dropped)
            for variant, lines in taken.items():
                try:
                    self._upload(variant, lines)
                except (BotoCoreError, ClientError) as error:
                    logger.warning("data capture of %s/%s is kept back: %s", self.endpoint, variant, error)
                    with self._lock:
                        self._lines[variant][:0] = lines

    def _upload(self, variant: str, lines: list[bytes]) -> None:
        now = datetime.now(UTC)
        name = f"{now:%Y/%m/%d/%H/%M-%S}-{now.microsecond // 1000:03d}-{uuid4()}.jsonl"
        key = "/".join(part for part in (self.prefix, self.endpoint, variant, name) if part)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms} if self._kms else {}
        s3 = identity.client("s3", self._role_arn, "SageMaker")
        body = b"\n".join(lines) + b"\n"
        s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/jsonlines", **encryption)

    def close(self, *, upload: bool = True) -> None:
        """The last upload, unless the cloud that it would go to has ended; nothing is captured afterwards."""
        self._closed = True
        self._wake.set()
        self._thread.join(5)
        if upload:
            self.flush()

    def _run(self) -> None:
        while not self._closed:
            # At most every second and at least every 5 s, however fast or slow the clock runs.
            self._wake.wait(min(5.0, max(1.0, clock.real_seconds(FLUSH_CLOUD_SECONDS))))
            self._wake.clear()
            if not self._closed:
                self.flush()

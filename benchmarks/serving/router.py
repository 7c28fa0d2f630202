"""What the local cloud's router adds to a request, metrics and capture included (all but the upload to S3)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.serving.load import one_client, request
from localcloud.sagemaker import router
from localcloud.sagemaker.capture import Capture
from localcloud.sagemaker.workers import Fleet, ServingSpec
from localcloud.settings import Settings

CAPTURE = {
    "DestinationS3Uri": "s3://bench/capture",
    "InitialSamplingPercentage": 100,
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}
HEADERS = {"content-type": "application/json", "accept": "application/json"}


class Kept(Capture):
    """Capture with everything but the bucket: this process has no cloud to upload to."""

    def _upload(self, variant: str, lines: list[bytes]) -> None:
        b"\n".join(lines)


def added_ms(python: Path, model: Path, body: bytes, state: Path, seconds: float) -> tuple[float, float]:
    """(p50 straight to a worker, p50 through the router), in milliseconds, in turns."""
    Settings.use(Settings(state=state))
    capture = Kept("bench", CAPTURE, "role")
    fleet = Fleet("v", ServingSpec(python, model, {"PATH": "/usr/bin:/bin"}), lambda *_: None)
    fleet.start(1, 60)
    router.doors["bench"] = router.Door("bench", router.Traffic((router.Lane("v", fleet, 1.0),), capture))
    try:
        straight, through = [], []
        for _ in range(3):
            straight += one_client(fleet.workers[0].port, [request("/invocations", body)], seconds / 3).latencies
            through += asyncio.run(_through(body, seconds / 3))
        return 1e3 * sorted(straight)[len(straight) // 2], 1e3 * sorted(through)[len(through) // 2]
    finally:
        del router.doors["bench"]
        fleet.stop()
        capture.close(upload=False)


async def _through(body: bytes, seconds: float) -> list[float]:
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        status, _, answer = await router.handle_request("POST", "/endpoints/bench/invocations", HEADERS, body, {})
        latencies.append(time.perf_counter() - before)
        if status != 200:
            raise RuntimeError(answer)
    return latencies

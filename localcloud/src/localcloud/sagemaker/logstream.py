"""A CloudWatch Logs stream that a container's output goes to, in batches, from one thread."""

from __future__ import annotations

import logging
import queue
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import identity, service_calls

log = logging.getLogger(__name__)

_BATCH = 1000
_LINGER = 0.5


class LogStream:
    """Creates group and stream at the first line, as the container's role. Never blocks the writer, never raises.

    A role that may not write logs loses them, as on AWS. Without a role it is a service that writes.
    """

    def __init__(self, group: str, name: str, role_arn: str | None = None) -> None:
        self.group = group
        self.name = name
        self._role_arn = role_arn
        self._lines: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        if not line:
            return  # CloudWatch Logs refuses empty messages
        if self._thread is None:
            self._thread = threading.Thread(target=self._send, name=f"logs-{self.name}", daemon=True)
            self._thread.start()
        self._lines.put((int(time.time() * 1000), line))

    def close(self) -> None:
        """Sends what is left."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    def _send(self) -> None:
        try:
            client = identity.client("logs", self._role_arn, "SageMaker")
            namespace = "/".join(self.group.split("/")[:4])
            facts = {"group": self.group, "namespace": namespace}
            if self._role_arn and (
                why := service_calls.role_denial("container output", self._role_arn, "SageMaker", **facts)
            ):
                log.warning("metrics of %s are incomplete: %s", self.name, why)
            for create, arguments in (
                (client.create_log_group, {"logGroupName": self.group}),
                (client.create_log_stream, {"logGroupName": self.group, "logStreamName": self.name}),
            ):
                try:
                    create(**arguments)
                except client.exceptions.ResourceAlreadyExistsException:
                    continue
            open_ = True
            while open_:
                batch: list[tuple[int, str]] = []
                first = self._lines.get()
                if first is None:
                    return
                batch.append(first)
                until = time.monotonic() + _LINGER
                while len(batch) < _BATCH:
                    try:
                        item = self._lines.get(timeout=max(0.0, until - time.monotonic()))
                    except queue.Empty:
                        break
                    if item is None:
                        open_ = False
                        break
                    batch.append(item)
                client.put_log_events(
                    logGroupName=self.group,
                    logStreamName=self.name,
                    logEvents=[{"timestamp": t, "message": m} for t, m in batch],
                )
        except (BotoCoreError, ClientError) as error:
            log.warning("log stream %s of %s is incomplete: %s", self.name, self.group, error)

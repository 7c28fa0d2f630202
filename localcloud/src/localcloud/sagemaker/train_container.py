"""The life of one training container: folder, data, process, artefacts."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.sagemaker import containers, images, spot, transfer
from localcloud.sagemaker.containers import ClientError, Container, Outcome, mounted
from localcloud.sagemaker.jobs import Stop
from localcloud.sagemaker.logstream import LogStream
from localcloud.sagemaker.metrics import MetricReader
from localcloud.settings import Settings

log = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
# The toolkit resolves its host's name; the name that AWS gives (algo-1) exists only on its own network.
HOST = "localhost"
TERMINAL_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}


@dataclass
class Result:
    """`status` is the final SecondaryStatus; `model` the artefact's S3 address."""

    status: str
    model: str | None = None
    failure: str | None = None


class TrainContainer:
    """Runs the job of a training record; `enter(status)` hears of each secondary status."""

    def __init__(self, record: dict[str, Any], reader: MetricReader, enter: Callable[[str], None]) -> None:
        self._record = record
        self._reader = reader
        self._enter = enter
        self._stop: Stop = record["_stop"]
        self._role = record["RoleArn"]
        self._output = record["OutputDataConfig"]

    def run(self) -> Result:
        """Never raises: what goes wrong is in the result."""
        try:
            with containers.slot(self._stop.event):
                return self._run()
        except containers.Stopped:
            return Result("Stopped")
        except ClientError as error:
            return Result("Failed", failure=f"ClientError: {error}")
        except Exception as error:
            log.exception("training job %s failed inside the local cloud", self._record["TrainingJobName"])
            return Result("Failed", failure=f"InternalServerError: {type(error).__name__}: {error}")

    def _run(self) -> Result:
        spare = self._record.get("EnableManagedSpotTraining")
        result = self._attempt(spot.interruption(self._record["TrainingJobName"]) if spare else None)
        if result is None:
            self._enter("Interrupted")
            self._enter("Starting")
            result = self._attempt(None)
        return result or Result("Stopped")

    def _attempt(self, taken_after: float | None) -> Result | None:
        """One machine's work on the job, None when the machine was taken away: then nothing of it is left."""
        root = containers.new_folder("training", self._record["TrainingJobName"])
        self._enter("Downloading")
        self._prepare(root)
        if self._stop.is_set:
            return Result("Stopped")
        container = self._container(root)
        self._enter("Training")
        container.start()
        self._stop.watch(container)
        taken = threading.Event()

        def take_away() -> None:
            taken.set()
            container.request_stop()

        if taken_after is not None:
            timer = threading.Timer(taken_after, take_away)
            timer.daemon = True
            timer.start()
        limit, status = self._limit()
        outcome = container.wait(limit)
        if outcome.ended == "stopped" and taken.is_set() and not self._stop.is_set:
            return None
        return self._finish(root, outcome, status)

    def _limit(self) -> tuple[float, str]:
        """Seconds that this machine may work, and the status of a job that takes longer."""
        condition = self._record["StoppingCondition"]
        longest = float(condition["MaxRuntimeInSeconds"])
        if "MaxWaitTimeInSeconds" in condition:
            # the whole of a spot job is limited, its waiting and its lost tries included
            left = self._record["CreationTime"] + condition["MaxWaitTimeInSeconds"] - time.time()
            if left < longest:
                return max(0.0, left), "MaxWaitTimeExceeded"
        return longest, "MaxRuntimeExceeded"

    def _prepare(self, root: Path) -> None:
        """The folders and configuration files of SageMaker's training contract, and the channels' data."""
        for folder in ("input/config", "input/data", "model", "output/data", "code"):
            (root / folder).mkdir(parents=True)
        channels = self._record.get("InputDataConfig", [])
        config = root / "input" / "config"
        parameters = self._record.get("HyperParameters", {})
        if not self._record["AlgorithmSpecification"].get("ContainerEntrypoint"):
            # code that comes by a channel is named as /opt/ml/input/data/<channel>/…
            parameters = {key: mounted(value, root) for key, value in parameters.items()}
        containers.write_json(config / "hyperparameters.json", parameters)
        containers.write_json(
            config / "inputdataconfig.json",
            {
                channel["ChannelName"]: {
                    "TrainingInputMode": "File",
                    "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                        "S3DataDistributionType", "FullyReplicated"
                    ),
                    "RecordWrapperType": "None",
                    **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
                }
                for channel in channels
            },
        )
        instance = self._record["ResourceConfig"].get("InstanceType", "local")
        group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [HOST]}
        containers.write_json(
            config / "resourceconfig.json",
            {
                "current_host": HOST,
                "current_instance_type": instance,
                "current_group_name": "homogeneousCluster",
                "hosts": [HOST],
                "instance_groups": [group],
                "network_interface_name": "lo",
            },
        )
        for channel in channels:
            folder = root / "input" / "data" / channel["ChannelName"]
            folder.mkdir()
            transfer.download_prefix(self._role, channel["DataSource"]["S3DataSource"]["S3Uri"], folder)

    def _container(self, root: Path) -> Container:
        name = self._record["TrainingJobName"]
        specification = self._record["AlgorithmSpecification"]
        python = images.pull(specification["TrainingImage"], self._role, training=True)
        env = containers.environment(python, root, self._role, self._record.get("Environment"))
        env |= {
            "SAGEMAKER_BASE_DIR": str(root),
            "SAGEMAKER_REGION": Settings.current().region,
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": self._record["TrainingJobArn"],
        }
        arguments = specification.get("ContainerArguments", [])
        if specification.get("ContainerEntrypoint"):
            own = [*specification["ContainerEntrypoint"], *arguments]
            command, env = containers.entry(own, env, self._record.get("Environment") or {}, root)
        else:
            toolkit = [str(python), "-m", "sagemaker_training.cli.train"]
            command = [*toolkit, *(mounted(part, root) for part in arguments)]
        return Container(
            command,
            env,
            cwd=root,
            log_file=root / "logs" / "algo-1.log",
            stream=LogStream(LOG_GROUP, f"{name}/algo-1-{int(time.time())}", self._role),
            on_line=self._reader.read,
            isolated_by=python if self._record.get("EnableNetworkIsolation") else None,
        )

    def _finish(self, root: Path, outcome: Outcome, too_long: str) -> Result:
        failed = outcome.ended == "exited" and outcome.exit_code != 0
        self._enter("Uploading")
        base = transfer.join(self._output["S3OutputPath"], self._record["TrainingJobName"], "output")
        kms_key = self._output.get("KmsKeyId")
        if any((root / "output" / "data").iterdir()):
            packed = transfer.archive(root / "output" / "data", root / "artifacts" / "output.tar.gz")
            transfer.upload(self._role, packed, f"{base}/output.tar.gz", kms_key)
        if failed:
            return Result("Failed", failure=_failure(root, outcome.exit_code))
        # A job that was stopped keeps what its script had saved, as on AWS.
        model = None
        if outcome.ended == "exited" or any((root / "model").iterdir()):
            packed = transfer.archive(root / "model", root / "artifacts" / "model.tar.gz")
            model = f"{base}/model.tar.gz"
            transfer.upload(self._role, packed, model, kms_key)
        shutil.rmtree(root / "input" / "data")  # the channels are in S3; a demo has dozens of jobs
        status = {"exited": "Completed", "stopped": "Stopped", "timeout": too_long}[outcome.ended]
        return Result(status, model)


def _failure(root: Path, exit_code: int) -> str:
    """`AlgorithmError: <what the script wrote to output/failure>, exit code: N`."""
    path = root / "output" / "failure"
    text = path.read_text(errors="replace").strip() if path.is_file() else ""
    tail = f", exit code: {exit_code}"
    head = f"AlgorithmError: {text or 'See job logs for more information'}"
    return head[: 1024 - len(tail)] + tail

"""The container image in which a family is trained, and the hyperparameters that the image itself reads."""

from __future__ import annotations

from typing import Final

from sluice.model.search_spaces import FRAMEWORKS
from sluice.ports import Settings

IMAGES: Final = {
    "pytorch": "pytorch:2.13-cpu-amzn2023-sagemaker",
    "tensorflow": "tensorflow-training:2.21.0-cpu-py312-sagemaker",
}
"""Framework → repository and tag in the registry of AWS's deep learning containers (`frameworks_registry`)."""
MODEL_FOLDER = "/opt/ml/model"


def training_image(settings: Settings, family: str) -> str:
    """The address of the image in which `family` is trained."""
    framework = FRAMEWORKS.get(family)
    return f"{settings.frameworks_registry}/{IMAGES[framework]}" if framework else settings.image


def own_parameters(family: str) -> dict[str, str]:
    """Hyperparameters that a family's container needs beside those of every job.

    TensorFlow's container hands the jobs of a tuning a `model_dir` of its own making, `None/<job>/model`, unless there
    is one below /opt/ml: the script would write the model where nobody collects it.
    """
    return {"model_dir": MODEL_FOLDER} if FRAMEWORKS.get(family) == "tensorflow" else {}

"""What one local cloud is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from localcloud import environments


@dataclass(frozen=True)
class Settings:
    """Settings of one local cloud process.

    `speed` is the number of cloud seconds that pass in one real second for Wait states, alarm periods, schedules
    and cool-downs of the cloud itself; jobs and requests run in real time.
    """

    port: int = 4566
    state: Path = Path(".localcloud")
    speed: float = 1.0
    account: str = "000000000000"
    region: str = "eu-west-1"
    enforce_iam: bool = True
    sklearn_python: Path = field(default_factory=lambda: environments.python(environments.SKLEARN))
    """Interpreter of the environment that stands for SageMaker's scikit-learn container."""
    glue_python: Path = field(default_factory=lambda: environments.python(environments.GLUE))
    """Interpreter of the environment that stands for a Glue worker."""
    pytorch_python: Path = field(default_factory=lambda: environments.python(environments.PYTORCH))
    """Interpreter of the environment that stands for SageMaker's PyTorch container; made when it is first needed."""
    tensorflow_python: Path = field(default_factory=lambda: environments.python(environments.TENSORFLOW))
    """The same for SageMaker's TensorFlow container."""
    make_environment: str = ""
    """Command that makes a missing environment, `{name}` being its name; empty: `localcloud environment`."""
    instance_memory_mib: int = 0
    """Memory of every serving instance, whatever its type; 0: what the type has on AWS."""

    _current: ClassVar[Settings | None] = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def python_of(self, kind: environments.Kind) -> Path:
        """The interpreter of the environment that stands for a container."""
        return {
            "sklearn": self.sklearn_python,
            "glue": self.glue_python,
            "pytorch": self.pytorch_python,
            "tensorflow": self.tensorflow_python,
        }[kind.name]

    @classmethod
    def use(cls, settings: Settings) -> Settings:
        """Makes `settings` those of this process."""
        cls._current = settings
        return settings

    @classmethod
    def current(cls) -> Settings:
        if cls._current is None:
            raise RuntimeError("no local cloud has been set up in this process: call Settings.use(...) first")
        return cls._current

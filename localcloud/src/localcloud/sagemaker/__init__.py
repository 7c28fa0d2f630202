"""SageMaker for real: jobs, tuning, transforms, the registry and endpoints as processes of this machine."""

from __future__ import annotations

from localcloud.settings import Settings


def install(settings: Settings) -> None:
    """Registers every operation, with an empty control plane."""
    # Importing an operation's module registers it.
    from localcloud.sagemaker import (
        containers,
        endpoints,
        models,
        processing,
        registry,
        store,
        tags,
        training,
        transform,
        tuning,
    )

    assert all((models, processing, registry, tags, training, transform, tuning))  # noqa: S101 - imported for their registrations
    store.clear()
    containers.open_all()
    endpoints.install(settings)


def shutdown() -> None:
    """Ends every container, and waits for the threads that watch them."""
    from localcloud.sagemaker import containers, endpoints, jobs

    endpoints.shutdown()
    containers.shutdown()
    jobs.join_all(5)

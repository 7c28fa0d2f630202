"""CloudWatch alarms of a release. They abort at once, whatever the statistics say: only gross failures set them off."""

from __future__ import annotations

from collections.abc import Mapping

from sluice import names
from sluice.ports import Alarm

BURST = 5
"""Server errors in a minute. One failure is for the sequential test; an alarm that it sets off would undo α."""


def gross_failure_rate(max_error_rate: float) -> float:
    """The share of a minute's requests that must fail: ten times what the contract allows, 20 to 50 %.

    An absolute number alone would set the alarm off for every model where many requests come and some always fail.
    With this share a model that fails as often as the contract allows (up to 5 %) sets it off in less than one of
    10,000 minutes.
    """
    return min(0.5, max(0.2, 10 * max_error_rate))


def canary_errors_name(stack: str, project: str, run_id: str) -> str:
    return names.alarm(stack, project, run_id, "canary-errors")


def canary_latency_name(stack: str, project: str, run_id: str) -> str:
    return names.alarm(stack, project, run_id, "canary-latency")


def canary_name(stack: str, project: str, run_id: str) -> str:
    """The composite of the others: it alone ends a release, so that one failure is one event."""
    return names.alarm(stack, project, run_id, "canary")


def canary_names(stack: str, project: str, run_id: str) -> list[str]:
    return [canary_errors_name(stack, project, run_id), canary_latency_name(stack, project, run_id)]


def canary_alarms(
    stack: str, project: str, run_id: str, served: Mapping[str, str], max_p99_ms: float, max_error_rate: float
) -> list[Alarm]:
    """`served`: the dimensions of the canary's metrics (`of_variant`, `of_fleet`).

    Missing data do not breach: a canary without traffic is the judge's business (too few requests).
    """
    return [
        _errors(
            canary_errors_name(stack, project, run_id),
            f"The canary {run_id} of {project} answers with server errors; the release is rolled back.",
            served,
            max_error_rate,
        ),
        Alarm(
            name=canary_latency_name(stack, project, run_id),
            description=f"The canary {run_id} of {project} is slower than the contract allows; it is rolled back.",
            namespace="AWS/SageMaker",
            metric="ModelLatency",
            dimensions=served,
            # half of the requests: the slowest of a few is not a failure yet, and the judge counts the others
            statistic="p50",
            comparison="GreaterThanThreshold",
            # microseconds
            threshold=max_p99_ms * 1000,
            # a stall of a machine is over in a minute
            evaluation_periods=3,
            datapoints=2,
        ),
    ]


def champion_errors(stack: str, project: str, endpoint: str, variant: str, max_error_rate: float) -> Alarm:
    return _errors(
        names.alarm(stack, project, "champion-errors"),
        f"The serving model of {project} answers with server errors; in probation it is rolled back.",
        of_variant(endpoint, variant),
        max_error_rate,
    )


def of_variant(endpoint: str, variant: str) -> dict[str, str]:
    return {"EndpointName": endpoint, "VariantName": variant}


def of_fleet(endpoint: str, variant: str, config: str) -> dict[str, str]:
    """Dimensions of the machines of one configuration: a swapped fleet keeps the variant name of its predecessor."""
    return {**of_variant(endpoint, variant), "EndpointConfigName": config}


def _errors(name: str, description: str, served: Mapping[str, str], max_error_rate: float) -> Alarm:
    return Alarm(
        name=name,
        description=description,
        namespace="AWS/SageMaker",
        metric="Invocation5XXErrors",
        share_of="Invocations",
        at_least=BURST,
        dimensions=served,
        statistic="Sum",
        comparison="GreaterThanThreshold",
        threshold=gross_failure_rate(max_error_rate),
    )

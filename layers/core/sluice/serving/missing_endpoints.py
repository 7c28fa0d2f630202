"""A champion whose endpoint is gone or broken, though nobody put it to sleep: people hear of it once."""

from __future__ import annotations

from dataclasses import replace

from sluice.ports import ENDPOINT, Alerts, Champion, Ledger, Models

MISSING = "missing"
"""`Champion.serving` from the alert on, until its endpoint is back."""
_BROKEN = ("Failed", "OutOfService")


def report_missing_endpoint(
    project: str, champion: Champion, *, ledger: Ledger, alerts: Alerts, models: Models
) -> str | None:
    """What is wrong with the champion's endpoint; None when nothing is, or when a release or rollback changes it.

    The alert comes before the mark: a crash between the two makes it come twice, and never not at all. Raises
    EndpointBusyError when SageMaker does not say, ConflictError when another model serves since.
    """
    state = models.endpoint(champion.endpoint)
    if state is not None and state.status not in _BROKEN:
        if champion.serving == MISSING:
            ledger.set_champion(project, replace(champion, serving="awake"), champion.run_id)
        return None
    if ledger.lock(project, ENDPOINT) is not None:
        return None
    if state is None:
        what, way = "does not exist", f"`sluice wake {project}` creates it again with {champion.endpoint_config}"
    else:
        what = f"is {state.status} ({state.failure or 'SageMaker gives no reason'})"
        way = f"`sluice remove-endpoint {project}`, then `sluice wake {project}`, creates it again"
    if champion.serving != MISSING:
        alerts.publish(
            "Endpoint Missing",
            project,
            f"ACT NOW: {project}: the endpoint of the serving model {what}",
            f"{champion.endpoint} {what}, and Sluice has not changed it: requests for {project} are not answered. "
            f"{way}. If its configuration or model was deleted, too, the next release makes new ones: "
            f"`sluice retrain {project} --reason TEXT`.",
            {"run_id": champion.run_id, "endpoint": champion.endpoint},
        )
        ledger.set_champion(project, replace(champion, serving=MISSING), champion.run_id)
    return f"{champion.endpoint} {what}"

"""An update of an endpoint that is not in service yet: what its variants will be, and what they keep."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker import store
from localcloud.sagemaker.deployment import Deployment

Record = dict[str, Any]


def retained_properties(request: Record, old: Deployment, config: Record) -> tuple[dict[str, Record], Record | None]:
    """What variants of the same name keep, and the data capture that is to be."""
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or []}
    if not request.get("RetainAllVariantProperties"):
        return {}, config.get("DataCaptureConfig")
    keep: dict[str, Record] = {variant.name: {} for variant in old.variants}
    for variant in old.variants:
        if "DesiredWeight" not in excluded:
            keep[variant.name]["weight"] = variant.weight
        if "DesiredInstanceCount" not in excluded:
            keep[variant.name]["count"] = variant.count
    return keep, config.get("DataCaptureConfig") if "DataCaptureConfig" in excluded else old.capture_config


class Pending:
    """PendingDeploymentSummary: a configuration that is on its way into service."""

    def __init__(self, config: Record, retained: dict[str, Record]) -> None:
        self._config, self._retained, self._began = config, retained, store.now()
        self.new: Deployment | None = None
        self.status: Record | None = None

    def summaries(self) -> list[Record]:
        """PendingProductionVariantSummary of each variant."""
        if self.new is not None:
            self.new.status = self.status
            return self.new.summaries()
        return [self._wanted(variant) for variant in self._config["ProductionVariants"]]

    def _wanted(self, variant: Record) -> Record:
        """A variant without instances yet."""
        kept = self._retained.get(variant["VariantName"], {})
        return {
            "VariantName": variant["VariantName"],
            "DesiredWeight": kept.get("weight", variant["InitialVariantWeight"]),
            "CurrentInstanceCount": 0,
            "DesiredInstanceCount": int(kept.get("count") or variant["InitialInstanceCount"]),
            **({"VariantStatus": [self.status]} if self.status else {}),
        }

    def summary(self) -> Record:
        name = self._config["EndpointConfigName"]
        return {"EndpointConfigName": name, "ProductionVariants": self.summaries(), "StartTime": self._began}

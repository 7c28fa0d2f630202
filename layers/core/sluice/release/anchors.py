"""The anchor: the model that bounds what a chain of small losses may add up to.

A candidate within the margin of the champion may be a little worse, and the next one starts from there. So each
candidate is also compared with the anchor, the best champion so far. The anchor moves on only to a model that is
better with confidence: with a lesser proof it would creep down by chance as the champion does.
"""

from __future__ import annotations

from sluice.contract import Contract
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.ports import Champion, Json
from sluice.records.evaluation import Evaluation, PairedDifference


def of_next(contract: Contract, evaluation: Evaluation | None, champion: Champion | None) -> Json | None:
    """`{"run_id", "artifact_uri"}` of the promoted model's anchor; None if it is its own.

    `champion` is the one before the promotion. A contract without a gate against the champion starts again: a person
    has said that the next model may be worse.
    """
    gated = {gate.metric for gate in contract.gates if gate.not_worse_than_champion_by is not None}
    if champion is None or not gated:
        return None
    uri = champion.metrics.get("artifact_uri")
    anchor = champion.anchor or ({"run_id": champion.run_id, "artifact_uri": uri} if uri else None)
    if anchor is None or evaluation is None:
        return anchor
    compared = evaluation.anchor if champion.anchor else evaluation.champion
    pairs = (evaluation.paired_anchor if champion.anchor else evaluation.paired) or {}
    if compared is None or compared.run_id != anchor["run_id"]:
        # another model serves than the one that was compared
        return anchor
    return None if all(_better(metric, pairs.get(metric)) for metric in gated) else anchor


def _better(metric: str, pair: PairedDifference | None) -> bool:
    if pair is None or pair.low is None or pair.high is None:
        return False
    return pair.high < 0 if metric in LOWER_IS_BETTER else pair.low > 0

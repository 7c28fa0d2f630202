"""What `sluice init FILE --type clustering` (or `anomaly`) writes in place of a problem that learns from labels."""

from __future__ import annotations

from cli.errors import CliError

TYPES = ("clustering", "anomaly")


def problem_line(kind: str, labelled: str | None, decisions: list[str]) -> str:
    """The `problem` line; `labelled` is that of a binary problem on the same labels, where a target was given.

    Raises CliError for a target that cannot be one.
    """
    if kind == "clustering":
        if labelled:
            raise CliError("clustering has no target: segments are found, not predicted. Leave --target out")
        decisions.append("problem.clusters: auto chooses 2 to 10 segments; write the number if you need a certain one")
        return "{type: clustering, clusters: auto, metric: silhouette}"
    decisions.append("problem.contamination: auto flags what lies far out; or write the share of rows to flag")
    if labelled is None:
        return "{type: anomaly, contamination: auto, metric: stability}"
    if "type: binary" not in labelled:
        raise CliError("the labels of anomalies have two values; name such a column with --target, or leave it out")
    return labelled.replace("type: binary", "type: anomaly, contamination: auto").replace("roc_auc", "pr_auc")


def gate_lines(kind: str, *, labelled: bool) -> list[str]:
    if kind == "clustering":
        return [
            "  - {metric: stability, min: 0.8}  # same segments from other samples",
            "  - {metric: silhouette, above_baseline_by: 0.0}",
            "  - {metric: silhouette, not_worse_than_champion_by: 0.02}",
        ]
    if labelled:
        return [
            "  - {metric: pr_auc, above_baseline_by: 0.0}",
            "  - {metric: pr_auc, not_worse_than_champion_by: 0.05}",
        ]
    return [
        "  - {metric: stability, min: 0.8}  # same order from other samples",
        "  - {metric: flagged_share, max: 0.1}",
    ]

"""Whether a tuning job may start from the one of an earlier run, by SageMaker's rules for warm starts.

"Run a Warm Start Hyperparameter Tuning Job" in the SageMaker developer guide: the same objective; the same names of
tuned and static hyperparameters together; the same kind of each tuned one; at most 10 changes of static ones; at most
500 training jobs together; one algorithm. What SageMaker refuses beyond that, build_model tries again without the
earlier run.
"""

from __future__ import annotations

from typing import Any

from sluice.records.training_plan import TrainingPlan, Tuning, WarmStart

MAX_JOBS = 500
_MAX_CHANGES = 10
_DEFAULT_JOBS = 500  # of a grid, whose jobs SageMaker counts


def with_warm_start(tuning: Tuning, last: TrainingPlan | None) -> Tuning:
    """The tuning with its earlier run, or with the reason why it starts from nothing."""
    if last is None:
        return tuning.model_copy(update={"warm_start_note": "no earlier run of the project is completed"})
    if difference := _difference(tuning, last.tuning):
        note = f"run {last.run_id} cannot be the start: {difference}"
        return tuning.model_copy(update={"warm_start_note": note})
    start = WarmStart(run_id=last.run_id, tuning_job=last.names.tuning_job)
    return tuning.model_copy(update={"warm_start": start})


def _difference(tuning: Tuning, earlier: Tuning) -> str:
    """What SageMaker would refuse, in words; "" if it would not."""
    if len(earlier.definitions) != 1 or "ParameterRanges" not in earlier.config:
        return f"it tuned {len(earlier.definitions)} families in one job, and SageMaker starts only from a job with one"
    if earlier.families != tuning.families:
        return f"it tuned {', '.join(earlier.families)}, this run tunes {', '.join(tuning.families)}"
    objective = "HyperParameterTuningJobObjective"
    if earlier.config[objective] != tuning.config[objective]:
        metric = [each.config[objective]["MetricName"].removeprefix("validation:") for each in (earlier, tuning)]
        return f"its metric was {metric[0]}, this run's is {metric[1]}"
    before, now = _kinds(earlier), _kinds(tuning)
    fixed, to_fix = (each.definitions[0]["StaticHyperParameters"] for each in (earlier, tuning))
    if names := {*before, *fixed} ^ {*now, *to_fix}:
        return f"the hyperparameters differ in {', '.join(sorted(names))}"
    if kinds := sorted(name for name in before.keys() & now.keys() if before[name] != now[name]):
        return f"{', '.join(kinds)} had ranges of another kind"
    changes = 2 * sum(fixed[name] != to_fix[name] for name in fixed.keys() & to_fix.keys())
    if changes > _MAX_CHANGES:
        return f"{changes // 2} fixed hyperparameters have other values, and SageMaker allows {_MAX_CHANGES // 2}"
    together = (tuning.max_jobs or _DEFAULT_JOBS) + (earlier.max_jobs or _DEFAULT_JOBS)
    if together > MAX_JOBS:
        return f"both together may have {together} training jobs, and SageMaker allows {MAX_JOBS}"
    return ""


def _kinds(tuning: Tuning) -> dict[str, str]:
    ranges: dict[str, Any] = tuning.config["ParameterRanges"]
    return {each["Name"]: kind for kind, group in ranges.items() for each in group}

"""What one release may take: Step Functions ends an execution at 25,000 events, and its parent after 14 days."""

from __future__ import annotations

MEASUREMENT_EVENTS = 13
"""Events of a quiet analysis interval and its measurement: six of a wait for a token that times out, five of a
function, two of a Choice."""
STEP_EVENTS = 50
"""Events of a new weight: the change, and polls every 10 s for the minutes until it is done."""
WAIT_EVENTS, WAIT_SECONDS = 3, 10
"""Events of each poll of a swap."""
MAX_EVENTS = 17_000
"""The events that the steps may use, of 25,000. The rest is for a busy endpoint, the replay, the promotion and the
rollback, which poll some 350 times each at most."""
MAX_SECONDS = 13 * 86_400
"""The time that the steps may use, of 14 days. The last day is for everything else."""
SWAP_SECONDS = 28_800
"""MaximumExecutionTimeoutInSeconds of a swap: the longest that SageMaker takes."""
START_SECONDS = 1_800
"""The time in which a swap starts the new machines and removes the old ones."""
_MAX_BAKE = (
    "it applies to each traffic step, and a bandit can use it twice; default: 3 × `bake`, or 30 × `bake` for a bandit"
)


def longest_hold(steps: int, longest: int, interval: int) -> int:
    """Seconds for which the first of `steps` may wait for traffic, so that what follows still fits.

    `longest`: seconds of a step at most; `interval`: seconds between two measurements (the analysis interval).
    """
    later = (steps - 1) * -(-longest // interval)
    measurements = (MAX_EVENTS - steps * STEP_EVENTS) // MEASUREMENT_EVENTS - later
    return max(longest, min(measurements * interval, MAX_SECONDS - (steps - 1) * longest))


def limit_violation(steps: int, longest: int, interval: int, most_steps: int, swap: int = 0) -> str | None:
    """What is wrong with a release of `steps` that take up to `longest` seconds each; None: it fits.

    `interval` (between two measurements) and `swap` (SageMaker's waits before the steps) are seconds; weights change
    `most_steps` times.
    """
    if swap > SWAP_SECONDS - START_SECONDS:
        return (
            f"SageMaker allows a swap {SWAP_SECONDS // 3600} h in all, {START_SECONDS // 60} min of which are for "
            f"its machines to start. The waits of this one take {swap / 3600:.3g} h (`bake` at each of `steps`): "
            f"make `bake` shorter, or use fewer `steps`"
        )
    if steps * longest + swap > MAX_SECONDS:
        return (
            f"the steps of this release may take {(steps * longest + swap) / 86_400:.3g} days in all; the limit is "
            f"13, because its execution ends after 14. Make `max_bake` shorter ({_MAX_BAKE})"
        )
    measurements = steps * -(-longest // interval)
    events = measurements * MEASUREMENT_EVENTS + most_steps * STEP_EVENTS + swap // WAIT_SECONDS * WAIT_EVENTS
    if events > MAX_EVENTS:
        return (
            f"this release may measure {measurements:,} times, every {interval} s (a fifth of `bake`). With its steps "
            f"that is {events:,} events in Step Functions, which ends an execution at 25,000; the limit is "
            f"{MAX_EVENTS:,}. Make `bake` longer, or `max_bake` shorter ({_MAX_BAKE})"
        )
    return None

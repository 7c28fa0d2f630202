"""How many requests show that an error rate is below a limit: the sample of the one measurement that may promote."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sluice.release.evalue import log_binomial_cdf

MAX_REQUESTS = 10_000_000


@dataclass(frozen=True)
class Sample:
    """`requests` with at most `failures` failed show the rate to be below the limit."""

    requests: int
    failures: int


def planned_sample(limit: float, expected: float = 0.0, confidence: float = 0.95, power: float = 0.9) -> Sample:
    """The smallest sample that shows a rate below `limit`, and that a model failing at `expected` passes.

    Without failures to expect it is the zero-failure sample; a background rate asks for more requests, because the
    zero-failure sample would refuse most healthy models there. Raises ValueError when `expected` is not below `limit`.

    >>> planned_sample(0.01), planned_sample(0.01, expected=0.001)
    (Sample(requests=299, failures=0), Sample(requests=473, failures=1))
    """
    if not 0 <= expected < limit:
        raise ValueError(f"no sample shows a rate below {limit:g} when {expected:g} is expected")
    log_error, log_power = math.log(1 - confidence), math.log(power)

    def shows(failures: int) -> int:
        requests = _requests(failures, limit, log_error)
        if requests > MAX_REQUESTS:
            raise ValueError(f"{expected:g} is too close to {limit:g} to be distinguished within ten million requests")
        return requests

    def passes(failures: int, requests: int) -> bool:
        return log_binomial_cdf(failures, requests, expected) >= log_power

    low, high = -1, 0
    while not passes(high, shows(high)):
        low, high = high, max(1, 2 * high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle, shows(middle)) else (middle, high)
    # requests are whole, so the power goes up in teeth, and a smaller sample may pass where a greater one does not;
    # where even one request less would not pass, nothing below does
    smallest = high
    while low >= 0 and passes(low, shows(low) - 1):
        smallest = low if passes(low, shows(low)) else smallest
        low -= 1
    return Sample(shows(smallest), smallest)


def upper_error_rate(failures: int, requests: int, confidence: float = 0.95) -> float:
    """The one-sided upper (Clopper–Pearson) bound of the error rate; 1 without any request."""
    if requests <= 0 or failures >= requests:
        return 1.0
    low, high, target = failures / requests, 1.0, math.log(1 - confidence)
    for _ in range(60):
        middle = (low + high) / 2
        if log_binomial_cdf(failures, requests, middle) > target:
            low = middle
        else:
            high = middle
    return high


def lower_error_rate(failures: int, requests: int, confidence: float = 0.95) -> float:
    """The one-sided lower (Clopper–Pearson) bound of the error rate; 0 without any request."""
    return 1.0 - upper_error_rate(requests - failures, requests, confidence) if failures > 0 else 0.0


def _requests(failures: int, limit: float, log_error: float) -> int:
    """The smallest n with P(Binomial(n, limit) ≤ failures) ≤ e^log_error."""
    # where as many failures are expected nothing is shown; two standard deviations further 95 % are
    low, high = int(failures / limit), math.ceil((failures + 3 + 2 * math.sqrt(failures)) / limit)
    if log_binomial_cdf(failures, low, limit) <= log_error:
        low = failures
    while log_binomial_cdf(failures, high, limit) > log_error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if log_binomial_cdf(failures, middle, limit) > log_error:
            low = middle
        else:
            high = middle
    return high

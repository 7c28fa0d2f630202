"""The sequential test behind the canary judge: evidence that may be looked at as often as one likes.

E(k, n, π) = ∫_π^1 θ^k (1-θ)^(n-k) dθ / ((1-π) π^k (1-π)^(n-k))

is the likelihood of k successes in n under a uniform mixture of all rates above π, over that under the rate π. Its
expectation is at most 1 whatever rate ≤ π is true and whenever one stops, so P(ever E ≥ 1/α) ≤ α (Ville). The
integral is a Beta function times a binomial tail: B(k+1, n-k+1) · P(Binomial(n+1, π) ≤ k).

When π changes, the E of the closed stretches and of the open one are multiplied (their logarithms added): each has
an expectation of at most 1 given those before, so the product keeps the guarantee.
Source: Lindon & Malek, NeurIPS 2022, arXiv 2011.03567.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_NOTHING = 1e-22
"""As a share of the greatest term: all smaller terms together do not change a digit of the sum."""


def log_evalue(k: int, n: int, rate: float) -> float:
    """ln E(k, n, rate); 0 (no evidence) when rate is 1, where no control is left to compare with.

    >>> round(math.exp(log_evalue(2, 2, 0.10)), 1)
    37.0
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a count")
    if n == 0 or rate >= 1:
        return 0.0
    if rate <= 0:
        raise ValueError(f"the rate must be above 0; got {rate}")
    integral = _log_beta(k + 1, n - k + 1) + log_binomial_cdf(k, n + 1, rate)
    null = math.log1p(-rate) + k * math.log(rate) + (n - k) * math.log1p(-rate)
    return integral - null


def log_binomial_cdf(k: int, n: int, p: float) -> float:
    """ln P(Binomial(n, p) ≤ k), summed from the greatest term so that nothing underflows, both ways until it tells."""
    if k >= n or p <= 0:
        return 0.0
    if p >= 1:
        return -math.inf
    mode, odds = min(k, int((n + 1) * p)), p / (1 - p)
    terms = [1.0]
    for i in range(mode, 0, -1):
        terms.append(terms[-1] * i / ((n - i + 1) * odds))
        if terms[-1] < _NOTHING:
            break
    term = 1.0
    for i in range(mode, k):
        term *= (n - i) * odds / (i + 1)
        terms.append(term)
        if term < _NOTHING:
            break
    return min(0.0, _log_pmf(mode, n, p) + math.log(math.fsum(terms)))


def failures_to_abort(rate: float, control_failures: int, alpha: float) -> int:
    """The number of failures on the canary that aborts, given those on the control."""
    k = 0
    while log_evalue(k, k + control_failures, rate) < -math.log(alpha):
        k += 1
    return k


def log_evalue_below(k: int, n: int, rate: float) -> float:
    """ln E against a rate below `rate`, the mirror image of `log_evalue`; 0 when rate is 1."""
    return log_evalue(n - k, n, 1.0 - rate) if rate < 1 else 0.0


def log_evalue_apart(k: int, n: int, rate: float, weight: float = 100.0) -> float:
    """ln E against any other rate than `rate`: a Beta mixture around it that weighs as `weight` observations.

    Source: Lindon & Malek, the multinomial test with a Dirichlet mixture, for two outcomes.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a count")
    if n == 0 or not 0 < rate < 1:
        return 0.0
    a, b = weight * rate, weight * (1 - rate)
    mixture = _log_beta(a + k, b + n - k) - _log_beta(a, b)
    return mixture - k * math.log(rate) - (n - k) * math.log1p(-rate)


def log_mean(log_values: Sequence[float]) -> float:
    """ln of the mean of e^v: the mean of e-values is an e-value however they depend on each other."""
    top = max(log_values)
    return top + math.log(math.fsum(math.exp(value - top) for value in log_values) / len(log_values))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_pmf(k: int, n: int, p: float) -> float:
    if p <= 0:
        return 0.0 if k == 0 else -math.inf
    if p >= 1:
        return 0.0 if k == n else -math.inf
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return choose + k * math.log(p) + (n - k) * math.log1p(-p)

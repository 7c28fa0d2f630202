"""Whether an endpoint is the project's: the names of stacks and projects may meet.

`test-shop` of the stack `sluice` and `shop` of `sluice-test` are both served at `sluice-test-shop`.
"""

from __future__ import annotations

from sluice.ports import EndpointState, Ledger
from sluice.store.run_records import run_record


def serves_a_run_of(project: str, state: EndpointState, *, ledger: Ledger) -> bool:
    """Whether one of its variants is the champion's, or named after a run of the project."""
    champion = ledger.champion(project)
    return any(
        (champion and variant.name == champion.variant)
        or run_record(project, variant.name.removeprefix("v-"), ledger=ledger)
        for variant in state.variants
    )

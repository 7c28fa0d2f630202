"""Issue 4's proof, whole: minutes, one local cloud of its own."""

from __future__ import annotations

import pytest

from proofs.canaries.bench import Settings, prove, report, table


@pytest.mark.long
@pytest.mark.cloud
def test_bad_canaries_are_rolled_back_and_good_ones_are_not() -> None:
    settings = Settings()
    told = prove(settings)
    found = report(settings, told)
    print(table(told))
    assert found.missed == []

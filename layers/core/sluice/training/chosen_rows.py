"""Which accepted rows a run learns from, and which it leaves out: frozen in its inputs, carried out by the Glue job."""

from __future__ import annotations

from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.ports import Ledger
from sluice.records.run_inputs import LeftOutRows, RowWindow
from sluice.store.held_changes import FIRST, arrived_within, held_changes


def left_out_rows(project: str, *, ledger: Ledger) -> list[LeftOutRows]:
    """The data faults that nobody has accepted as real. A dataset that arrived in two of them counts for the first."""
    datasets = ledger.datasets(project)
    found, counted = [], set[str]()
    for change in held_changes(project, ledger=ledger):
        if not change.left_out:
            continue
        affected = [each for each in arrived_within(change, datasets) if each["dataset_id"] not in counted]
        counted |= {each["dataset_id"] for each in affected}
        found.append(
            LeftOutRows(
                change_id=change.change_id,
                reason=change.reason,
                columns=list(change.columns),
                since=change.since.isoformat(),
                until=change.over and change.over.isoformat(),
                datasets=[each["dataset_id"] for each in affected],
                rows=sum(int(each.get("rows") or 0) for each in affected),
            )
        )
    return found


def window_of(contract: Contract, *, ledger: Ledger) -> RowWindow | None:
    """The contract's window for a run that begins now; None before a model serves."""
    project, retrain = contract.project, contract.retrain
    if ledger.champion(project) is None:
        return None
    windows = [_window(each, contract, ledger=ledger) for each in retrain.windows]
    aged = {"half_life": retrain.half_life, "half_life_seconds": retrain.half_life and seconds(retrain.half_life)}
    if len(windows) == 1:
        return windows[0].model_copy(update=aged)
    text = ", ".join(retrain.windows)
    return RowWindow(kind="compared", text=text, windows=windows, min_rows=retrain.min_rows).model_copy(update=aged)


def _window(text: str, contract: Contract, *, ledger: Ledger) -> RowWindow:
    min_rows = contract.retrain.min_rows
    if text == "since_drift":
        began = drift_began(contract.project, ledger=ledger)
        return RowWindow(kind="since_drift", text=text, since=began, min_rows=min_rows)
    if text == "all":
        return RowWindow(kind="all", text=text, min_rows=min_rows)
    return RowWindow(kind="last", text=text, seconds=seconds(text), min_rows=min_rows)


def drift_began(project: str, *, ledger: Ledger) -> str | None:
    """When the newest drift began that was retrained for and whose beginning is known."""
    entries = [each for each in ledger.responses(project, FIRST) if each.get("kind") == "retrain"]
    known = [str(each["since"]) for each in entries if each.get("since")]
    return known[-1] if known else None

"""The page of a project: what serves, and its runs, a page of them at a time."""

from __future__ import annotations

from console.reading.champion import champion_of
from console.reading.monitor import held_for_you
from console.reading.next_steps import waits
from console.reading.run import summary
from console.source import Source
from sluice.errors import NotFoundError
from sluice.ports import Json

PAGE = 50
_SHOWN = ("run_id", "started_at", "ended_at", "trigger", "shown", "outcome", "because", "artifact_uri")


def read(source: Source, project: str, page: int = 0, only: str = "") -> Json:
    """`page` counts from 0; `only`: runs with this outcome or status. Raises NotFoundError."""
    ledger = source.world.ledger
    registered = source.kept.get(("contract", project), lambda: ledger.contract(project), 2.0)
    if registered is None:
        raise NotFoundError(f"there is no project {project!r}")
    every = source.records(project)
    told = [(record, summary(record)) for record in every]
    outcomes: dict[str, int] = {}
    for _, each in told:
        outcomes[each["shown"]] = outcomes.get(each["shown"], 0) + 1
    chosen = [(record, each) for record, each in told if not only or each["shown"] == only]
    page = max(0, min(page, (len(chosen) - 1) // PAGE if chosen else 0))
    contract, version = registered
    champion = champion_of(source, project)
    return {
        "project": project,
        "description": str(contract.get("description") or ""),
        "problem": contract.get("problem") or {},
        "contract_version": version,
        "champion": champion,
        "live": any(not record.get("outcome") for record in every[:20]),
        "total": len(chosen),
        "page": page,
        "pages": max(1, -(-len(chosen) // PAGE)),
        "outcomes": outcomes,
        "runs": [_row(record, each) for record, each in chosen[page * PAGE : (page + 1) * PAGE]],
        "held": held_for_you(source, project),
        "waiting": [each["run_id"] for record, each in told if waits(record)],
    }


def _row(record: Json, told: Json) -> Json:
    row = {name: told[name] for name in _SHOWN if told.get(name) is not None and name != "artifact_uri"}
    row["because"] = " ".join(str(told["because"]).split())[:240]
    row["datasets"] = len(record.get("datasets") or [])
    row["waits"] = waits(record) is not None
    return row

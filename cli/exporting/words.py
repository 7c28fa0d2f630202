"""README.md and export.json of an exported folder."""

from __future__ import annotations

import json
from string import Template

from cli.exporting.folder import FILES, Exported
from sluice.ports import Json

ONNX = (
    "not offered: the answers of this folder are exactly the endpoint's, and a conversion to ONNX (32-bit trees, "
    "encoders rebuilt from other operators) would not be"
)


def manifest(project: str, run_id: str, exported: Exported, compared: str, at: str) -> Json:
    """export.json."""
    return {
        "project": project,
        "run": run_id,
        "exported_at": at,
        "family": exported.model.get("family"),
        "problem": exported.model.get("problem"),
        "artifact_sha256": exported.seal.artifact_sha256,
        "archive": exported.seal.archive,
        "archive_version": exported.seal.version_id,
        "archive_sha256": exported.seal.archive_sha256,
        "held_out_rows": len(exported.rows),
        "compared_with": compared,
        "onnx": ONNX,
    }


def readme(project: str, run_id: str, exported: Exported, compared: str) -> str:
    """README.md."""
    example = json.dumps(exported.rows[0]) if exported.rows else "{…}"
    rows = len(exported.rows)
    values = (
        f"`held_out.jsonl` has {rows} rows of your data with their values; delete it and `expected.jsonl` before you "
        "give this folder to somebody who must not see them."
        if rows
        else "It contains no rows of your data."
    )
    told = {"project": project, "run": run_id, "values": values, "compared": compared, "example": example, "onnx": ONNX}
    return Template((FILES / "README.md").read_text(encoding="utf-8")).substitute(told)

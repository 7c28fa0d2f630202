"""After all stories: they did nothing that the recording for the IAM proofs does not know.

The file's name makes this the last test; `make record-calls` adds to the recording of the end-to-end session.
"""

from __future__ import annotations

import os

from proofs import recording
from proofs.project import Project
from testing.line import Line


def test_the_session_did_nothing_unrecorded(line: Line) -> None:
    asked, made = recording.of_session(line.stack.state, Project.load().translated, line.resources)
    if os.environ.get("SLUICE_RECORD_CALLS"):
        recording.add(asked, made)
    assert recording.unrecorded(asked, made) == [], "run `make record-calls` and look at what changed"

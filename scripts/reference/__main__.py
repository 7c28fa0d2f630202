"""Writes the pages of docs/reference; `make reference` runs it."""

from __future__ import annotations

import sys

from scripts.reference import alarms, events, metrics, roles, storage
from scripts.reference.pages import FOLDER

PAGES = {
    "events.md": events.text,
    "metrics.md": metrics.text,
    "alarms.md": alarms.text,
    "roles.md": roles.text,
    "storage.md": storage.text,
}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.messy.write_expected`: writes expected.json from judged.yaml by the trusted readers.

Run it after judged.yaml changed, and look at what it changes: these facts are what Sluice is measured by.
"""

from __future__ import annotations

import json

from tests.messy.files import EXPECTED, describe, judged


def main() -> None:
    facts = {kind: {name: describe(kind, name) for name in cases} for kind, cases in judged().items()}
    lines = [
        f"{json.dumps(kind)}: {{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(f)}" for n, f in cases.items()) + "\n}"
        for kind, cases in facts.items()
    ]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

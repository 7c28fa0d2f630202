"""Writes the registry accounts of AWS's scikit-learn image into template.yaml, from the SageMaker SDK's own data.

`make image-mapping` runs it; a second run changes nothing. The SDK is read as a file, never imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
DATA = f"lib/{PYTHON}/site-packages/sagemaker/core/image_uri_config/sklearn.json"
SDK_DATA = ROOT / ".envs" / "sdk" / DATA
VERSION = "1.9-0"
REPOSITORY = "sagemaker-scikit-learn"
BEGIN = "  # --- begin of what `make image-mapping` writes"
END = "  # --- end of what `make image-mapping` writes"


def registries(data: Path = SDK_DATA) -> dict[str, str]:
    """Region → account that holds the image. Raises SystemExit when the SDK's data are not what is expected."""
    if not data.exists():
        raise SystemExit(f"{data.name} is not there: `make image-mapping` installs the SageMaker SDK first")
    by_use = json.loads(data.read_text(encoding="utf-8"))
    found = {}
    for use in ("training", "inference"):
        versions = by_use[use]["versions"]
        if VERSION not in versions:
            raise SystemExit(f"the SDK knows no scikit-learn image {VERSION} for {use}; it has {', '.join(versions)}")
        if versions[VERSION]["repository"] != REPOSITORY:
            raise SystemExit(f"the {use} image {VERSION} is called {versions[VERSION]['repository']}, not {REPOSITORY}")
        found[use] = versions[VERSION]["registries"]
    if found["training"] != found["inference"]:
        raise SystemExit("training and inference images lie in different accounts; the template has one mapping")
    return dict(sorted(found["training"].items()))


def block(accounts: dict[str, str]) -> str:
    """The lines between the markers, markers included."""
    lines = [f'    {region}: {{Account: "{account}"}}' for region, account in accounts.items()]
    return "\n".join([BEGIN, "  ScikitLearnImage:", *lines, END])


def rewritten(template: str, accounts: dict[str, str]) -> str:
    """`template` with the block between the markers replaced. Raises SystemExit without both markers."""
    before, begin, rest = template.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"template.yaml has lost its marker lines {BEGIN.strip()!r} and {END.strip()!r}")
    return before + block(accounts) + after


def main() -> None:
    accounts = registries()
    old = TEMPLATE.read_text(encoding="utf-8")
    new = rewritten(old, accounts)
    if new == old:
        sys.stdout.write(f"template.yaml is right already: {len(accounts)} regions\n")
        return
    TEMPLATE.write_text(new, encoding="utf-8")
    sys.stdout.write(f"template.yaml: wrote the image's accounts in {len(accounts)} regions\n")


if __name__ == "__main__":
    main()

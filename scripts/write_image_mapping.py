"""Writes the registry accounts of AWS's images into template.yaml, from the SageMaker SDK's own data.

`make image-mapping` runs it; a second run changes nothing. The SDK is read as a file, never imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
DATA = f"lib/{PYTHON}/site-packages/sagemaker/core/image_uri_config"
SDK_DATA = ROOT / ".envs" / "sdk" / DATA
VERSION = "1.9-0"
REPOSITORY = "sagemaker-scikit-learn"
SCIKIT_LEARN = [("sklearn.json", "training", VERSION, REPOSITORY), ("sklearn.json", "inference", VERSION, REPOSITORY)]
FRAMEWORKS = [
    ("pytorch-amzn2023.json", "training", "2.13", "pytorch"),
    ("tensorflow.json", "training", "2.21.0", "tensorflow-training"),
]
"""The SDK's file, the image's use, version and repository."""
BEGIN = "  # --- begin of what `make image-mapping` writes"
END = "  # --- end of what `make image-mapping` writes"
Accounts = dict[str, tuple[str, str]]


def registries(data: Path = SDK_DATA) -> Accounts:
    """Region → accounts of the scikit-learn image and of the frameworks' images.

    Regions are those of the scikit-learn image, without which nothing runs. Raises SystemExit when the SDK's data are
    not what is expected.
    """
    own, frameworks = _one(data, SCIKIT_LEARN), _one(data, FRAMEWORKS)
    if lacking := sorted(set(own) - set(frameworks)):
        raise SystemExit(f"the frameworks' images are not in {', '.join(lacking)}, where the scikit-learn image is")
    return {region: (own[region], frameworks[region]) for region in sorted(own)}


def _one(data: Path, images: list[tuple[str, str, str, str]]) -> dict[str, str]:
    """Region → account, which all of `images` must have in common."""
    found = {}
    for name, use, version, repository in images:
        if not (data / name).exists():
            raise SystemExit(f"{name} is not there: `make image-mapping` installs the SageMaker SDK first")
        versions: dict[str, Any] = json.loads((data / name).read_text(encoding="utf-8"))[use]["versions"]
        if version not in versions:
            raise SystemExit(f"{name} has no version {version} for {use}; it has {', '.join(versions)}")
        if versions[version]["repository"] != repository:
            raise SystemExit(f"the {use} image {version} is called {versions[version]['repository']}, not {repository}")
        found[name, use] = versions[version]["registries"]
    first, *others = found.values()
    if any(other != first for other in others):
        raise SystemExit(f"the images of {', '.join(map(' '.join, found))} lie in different accounts; one was expected")
    return dict(first)


def block(accounts: Accounts) -> str:
    """The lines between the markers, markers included."""
    lines = [
        f'    {region}: {{ScikitLearn: "{own}", Frameworks: "{other}"}}' for region, (own, other) in accounts.items()
    ]
    return "\n".join([BEGIN, "  ImageAccounts:", *lines, END])


def rewritten(template: str, accounts: Accounts) -> str:
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
    sys.stdout.write(f"template.yaml: wrote the images' accounts in {len(accounts)} regions\n")


if __name__ == "__main__":
    main()

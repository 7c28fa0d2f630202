"""`make outdated` says of each package what keeps it from moving."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts import outdated
from scripts.outdated import Held, excludes


@pytest.mark.parametrize(
    ("requirement", "refused"),
    [
        ("click==8.1.8", True),
        ("click[extra]<8.2,>=7", True),
        ("Click ~= 8.1.3; python_version >= '3.11'", True),
        ("click>=8", False),
        ("click", False),
        ("clicks==1", False),
        ("click==8.1.8; extra == 'fancy'", False),
        ("click==8.1.8; python_version < '3'", False),
        ("no requirement at all", False),
    ],
)
def test_a_requirement_refuses_a_version_or_not(requirement: str, refused: bool) -> None:
    assert excludes(requirement, "click", "8.5.1") is refused


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of three packages: `holder` wants the old `held`, nobody asks anything of `free`."""
    site = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for name, lines in {"holder": ["Requires-Dist: held<2"], "held": [], "free": [], "asked": []}.items():
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines]))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.in").write_text("# why\nasked==1.0\nfree\n")
    listed = [{"name": name, "version": "1.0", "latest_version": "2.0"} for name in ("held", "free", "asked", "pip")]

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, json.dumps(listed) if "list" in command else "", "")

    monkeypatch.setattr(outdated, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    return tmp_path / "env" / "bin" / "python"


def test_each_package_has_what_holds_it(fake: Path) -> None:
    assert outdated.outdated("dev", fake) == [
        Held("held", "1.0", "2.0", ("holder 1.0 (held<2)",)),
        Held("free", "1.0", "2.0", ()),
        Held("asked", "1.0", "2.0", ("dev.in (asked==1.0)",)),
    ]


def test_what_the_newest_release_needs_is_said(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.run
    refusal = "error: No solution\n  cause: Because free>=2 depends on x and asked on y, we can conclude that no."

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "compile" in command:
            return subprocess.CompletedProcess(command, 1, "", refusal)
        return answer(command, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(subprocess, "run", run)
    free = next(each for each in outdated.outdated("dev", fake) if each.name == "free")
    assert free.by == ("what free==2.0 needs: free>=2 depends on x and asked on y",)
    assert str(free) == "free 1.0, newest 2.0: held by what free==2.0 needs: free>=2 depends on x and asked on y"


def test_a_package_that_can_move_is_told_how() -> None:
    assert str(Held("free", "1.0", "2.0", ())) == "free 1.0, newest 2.0: can move: make lock UPGRADE=1"

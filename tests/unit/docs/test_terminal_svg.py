"""The README's picture of a terminal is drawn from a stored recording, and from nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import record_terminal, terminal_svg

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"


def cast(*events: tuple[float, str]) -> str:
    return "\n".join([json.dumps({"version": 2}), *(json.dumps([at, "o", text]) for at, text in events)])


def test_the_picture_is_drawn_from_the_recording() -> None:
    source = (IMAGES / "quick-start.cast").read_text(encoding="utf-8")
    drawn = (IMAGES / "quick-start.svg").read_text(encoding="utf-8")
    assert drawn == terminal_svg.drawing(source, terminal_svg.TITLE), "run `make terminal-picture`"


def test_long_waits_are_cut_and_the_real_time_is_said() -> None:
    lines, shown, real = terminal_svg.session(cast((0.5, "$ a\n"), (60.5, "b\nc"), (61.0, "d\n")))
    assert [(line.at, line.text, line.kind) for line in lines] == [
        (0.5, "$ a", "command"),
        (0.5 + terminal_svg.MAX_PAUSE, "b", "output"),
        (1.0 + terminal_svg.MAX_PAUSE, "cd", "output"),
    ]
    assert (shown, real) == (1.0 + terminal_svg.MAX_PAUSE, 61.0)
    assert "real time 1 min 1 s" in terminal_svg.drawing(cast((61.0, "x\n")), "t")


def test_what_was_printed_is_text_and_runs_nothing() -> None:
    drawn = terminal_svg.drawing(cast((0.0, "<script>alert(1)</script> \x1b[31mred\x1b[0m & more\n")), "a < b")
    root = ElementTree.fromstring(drawn)
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>alert(1)</script> red & more" in texts
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="asciicast"):
        terminal_svg.session('{"version": 1}')


def test_a_command_is_shown_without_its_comment() -> None:
    assert record_terminal.shown("""sluice ask data '{"a": 1}'    # sends one""") == """sluice ask data '{"a": 1}'"""


def test_a_recording_has_the_commands_and_what_they_print(tmp_path: Path) -> None:
    page = "```sh\necho one   # a comment\nX=two\n```\n\n```sh\necho $X\n```\n"
    found = "".join(text for _, text in record_terminal.recorded(page, tmp_path, {"PATH": "/bin:/usr/bin"}, tmp_path))
    assert found == "$ echo one\none\n$ X=two\n$ echo $X\ntwo\n"


def test_a_command_that_fails_ends_the_recording(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        list(record_terminal.recorded("```sh\nexit 3\n```\n", tmp_path, {"PATH": "/bin:/usr/bin"}, tmp_path))

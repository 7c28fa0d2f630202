"""What people in a hurry type, and terminals of every kind: a sentence that says what to do, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.exceptions import InvalidRegionError, ProfileNotFound

from cli.commands import schema
from sluice.escaping import visible_lines
from tests.cli.test_stack_commands import RUN, start


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_terminal_cannot_show_is_written_another_way(encoding):
    text = "a ─ → … ✓ 日本 \udcff"
    program = f"from cli.text import print_whatever_comes, say; print_whatever_comes(); say({text!r})"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert done.stderr == b""
    assert done.stdout.decode(encoding).strip() == r"a - -> ... + \u65e5\u672c " + visible_lines("\udcff")


def test_the_command_prints_to_a_terminal_that_is_not_utf_8():
    program = "import sys; from cli.app import main; main(['schema']); print('─')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"-")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("Invalid endpoint: nonsense"), "invalid endpoint: nonsense. AWS_ENDPOINT_URL, or"),
        (InvalidRegionError(region_name="eu west 1"), "supported format: correct AWS_PROFILE or AWS_REGION"),
        (ProfileNotFound(profile="nope"), "could not be found: correct AWS_PROFILE or AWS_REGION"),
    ],
)
def test_wrong_settings_are_named(sluice, monkeypatch, error, words):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr(schema, "run", fail)
    code, _, said = sluice("schema")
    assert (code, words in said) == (1, True)


@pytest.mark.parametrize(
    "command",
    [["reject", RUN], ["rollback", "shop"], ["retrain", "shop"], ["withdraw", "shop", "0123456789abcdef"]],
)
def test_a_blank_reason_is_no_reason(sluice, command):
    code, _, error = sluice(*command, "--reason", "  ")
    assert (code, "it is blank" in error) == (2, True)


def test_outcomes_are_words_for_people(sluice, world):
    start(world)
    world.ledger.update_run("shop", RUN, {"outcome": "rolled_back"})
    assert "has ended (rolled back)" in sluice("approve", RUN)[2]
    assert "rolled back" in sluice("runs", "shop")[1]
    assert '"rolled_back"' in sluice("runs", "shop", "--json")[1]


def test_the_lock_that_is_held_says_when_to_come_again(sluice, world):
    from sluice.errors import ConflictError
    from sluice.serving.endpoint_lock import endpoint_lock

    world.ledger.acquire_lock("shop", RUN, world.clock.now())
    with (
        pytest.raises(ConflictError, match="try again when it has ended; `sluice status shop`"),
        endpoint_lock("shop", "wake", ledger=world.ledger, events=world.events, clock=world.clock),
    ):
        pass


def init(sluice, *arguments):
    code, said, error = sluice("init", *arguments)
    return code, said + error


def test_init_gives_names_as_one_types_them(sluice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my rows.csv").write_text("a,b,y\n1,2,0\n")
    code, said = init(sluice, "my rows.csv", "-o", "my rows.yaml")
    assert (code, "sluice check 'my rows.yaml' && sluice register 'my rows.yaml'" in said) == (0, True)
    assert "  1 row of the file is accepted and 0 refused" in said
    (tmp_path / "project.yaml").touch()
    assert "such as -o 'my rows-2.yaml';" in init(sluice, "my rows.csv", "-o", "my rows.yaml")[1]
    assert "such as -o 'my rows.yaml';" in init(sluice, "my rows.csv")[1]


@pytest.mark.parametrize(("text", "hints"), [("", False), ("\n\n\n", False), ("a,b\n", True)])
def test_init_speaks_of_a_header_where_one_was_read(sluice, tmp_path, text, hints):
    (tmp_path / "rows.csv").write_text(text)
    said = init(sluice, str(tmp_path / "rows.csv"), "-o", str(tmp_path / "project.yaml"))[1]
    assert ("--no-header" in said, "?." in said) == (hints, False)


@pytest.mark.parametrize("command", ["drop", "label", "batch"])
def test_a_name_that_cannot_be_printed_is_refused_before_the_upload(sluice, world, tmp_path, command):
    (tmp_path / "new\nline.csv").write_text("a\n1\n")
    code, _, error = sluice(command, "shop", str(tmp_path / "new\nline.csv"))
    assert (code, "Rename it, or give --name" in error) == (1, True)
    assert not any("line" in each.key for each in world.objects.list(""))


def test_help_is_an_option(sluice):
    code, _, error = sluice("help")
    assert (code, "sluice --help" in " ".join(error.split())) == (2, True)


def test_a_run_is_found_as_people_copy_its_id(sluice, world):
    start(world)
    assert sluice("why", f" {RUN.upper()} ")[0] == 0
    assert "`sluice runs shop` lists them" in sluice("why", "r9zz", "--project", "shop")[2]
    assert "`sluice runs PROJECT` lists them" in sluice("why", "r9zz")[2]

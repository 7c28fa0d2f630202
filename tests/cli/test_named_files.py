"""Paths that people give where a file is expected: no traceback, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cli.commands import schema
from cli.errors import CliError
from cli.files import existing_file


def test_a_file_that_may_be_read_is_what_was_asked_for(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a\n1\n")
    assert existing_file(path) == path


def named(path, project=""):
    with pytest.raises(CliError) as refused:
        existing_file(path, project)
    return str(refused.value)


def test_what_is_no_file_is_named_for_what_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").touch()
    os.mkfifo(tmp_path / "pipe")
    assert "is a folder" in named(tmp_path)
    assert "not a regular file" in named(tmp_path / "pipe")
    assert "File name too long" in named(Path("n" * 300))
    assert "did you mean 'data.csv'?" in named(Path("date.csv"))
    assert "download the file" in named(Path("s3://bucket/rows.parquet"))
    assert "give the project first" in named(Path("shop"), "data.csv")


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    (tmp_path / "data.csv").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    assert "may not be read" in named(tmp_path / "data.csv")


@pytest.mark.parametrize(
    "command",
    [
        ["init"],
        ["check", "project.yaml"],
        ["check"],
        ["drop", "shop"],
        ["label", "shop"],
        ["batch", "shop"],
        ["redrive", "shop"],
        ["ask", "shop"],
        ["lineage", "shop"],
    ],
)
@pytest.mark.parametrize("path", ["n" * 300, ".", "", "x\ny", "s3://bucket/key"])
def test_no_command_ends_in_a_traceback_for_a_path(sluice, tmp_path, monkeypatch, command, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.yaml").write_text(
        "project: shop\nproblem: {type: regression, target: y}\ndata: {columns: {x: {type: number}, y: {type: number}}}"
    )
    code, _, error = sluice(*command, path)
    assert (code, error.splitlines()[-1].startswith("sluice: ") or "sluice: " in error) == (1, True)


def test_what_the_machine_refuses_is_a_sentence(sluice, monkeypatch, capsys):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/out.yaml")

    monkeypatch.setattr(schema, "run", full)
    code, _, error = sluice("schema")
    assert code == 1
    assert "sluice: /data/out.yaml cannot be read or written: No space left on device. Give another path" in error


def test_a_contract_that_is_nested_too_deeply_is_refused(sluice, tmp_path):
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 20_000)
    code, _, error = sluice("check", str(tmp_path / "deep.yaml"))
    assert (code, "nested too deeply" in error) == (1, True)


def test_ask_refuses_what_has_no_request(sluice, tmp_path):
    (tmp_path / "empty.csv").touch()
    code, _, error = sluice("ask", "shop", str(tmp_path / "empty.csv"))
    assert (code, "empty.csv is empty" in error) == (1, True)
    code, _, error = sluice("ask", "shop", "[" * 100_000)
    assert (code, "the request is not JSON" in error) == (1, True)

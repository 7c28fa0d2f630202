"""Each pattern of proofs/prose.py finds its sentence, and leaves a sound one alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from proofs import prose

FOUND_AND_SOUND = [
    ("The alarm rings twice.", "The alarm goes into ALARM twice."),
    ("A person is told why.", "An alert says why."),
    ("The machine tells people at its end.", "The machine notifies people at its end."),
    ("This cell is no number.", "There is no number in this cell."),
    ("They come with late labels.", "They come with delayed labels."),
    ("Whoever reads it decides.", "Who reads it? The judge does."),
    ("30 times the bake, of a bandit.", "30 times the bake for a bandit."),
    ("The text stays as it is.", "As it is written, so it runs."),
    ("The canary is in trouble.", "The canary fails."),
    ("The check is NOT DONE HERE.", "The check was NOT RUN."),
    ("It went back without a word.", "It went back without a wordy message."),
    ("Promote at the planned look.", "Look at it; each look-up takes a while."),
    ("It waits while a run is on.", "The run is on the other endpoint."),
    ("This is for whoever reads it.", "This is for the caller who reads it."),
    ("An endpoint that nobody asks is deleted.", "Nobody is asked."),
    ("It prints a JSON line a figure.", "It prints one JSON line for each figure."),
    ("The file is refused whole.", "The whole file is refused."),
    ("It begins anew.", "It begins again."),
    ("Mend the rows.", "Amendments follow."),
    ("The run goes on with it.", "The run goes on without it."),
    ("Failures on the way back count.", "There is a way back to it."),
    ("A value of the world.", "Worldwide values."),
    ("It is in the ledger.", "It is in the state store."),
    ("Or say --yes.", "Or use --yes."),
    ("The values that are there count.", "There are values that count."),
    ("It stays for ever.", "It stays forever."),
    ("Cells stay as they came.", "They came as they were."),
    ("It is counted all the same.", "All of the same kind count."),
    ("It ends for want of memory.", "They want memory."),
    ("What the file says of its dates.", "What it says, of course."),
    ("Objects one behind the other.", "One is behind the other door."),
    ("A person that follows the run.", "A person who follows the run."),
    ("It ends after so many rounds.", "There are so many that it ends."),
    ('"""Of the budget: what fits may take."""', '"""One of the budgets."""'),
]


@pytest.mark.parametrize(("found", "sound"), FOUND_AND_SOUND)
def test_a_pattern_finds_its_sentence_and_no_other(found: str, sound: str) -> None:
    assert len(list(prose.problems(found))) == 1
    assert not list(prose.problems(sound))


def test_every_pattern_has_a_sentence() -> None:
    unused = [p for p in prose.PATTERNS if not any(p.words.search(found) for found, _ in FOUND_AND_SOUND)]
    assert not unused


def test_a_sentence_is_found_across_lines_at_its_own_line() -> None:
    assert list(prose.problems("One.\nThe caller is\ntold why.")) == [
        (2, "'is told': write *is notified*, *is reported*, *receives*")
    ]


def test_a_sentence_that_is_too_long_is_found_and_a_table_is_not() -> None:
    long = " ".join(["word"] * (prose.MAX_WORDS + 1))
    page = f"# Title\n\nShort. {long}.\n\n| {long} |\n\n- item\n- {long}: `{long}`\n\n    {long}\n"
    assert [line for line, _ in prose.of_markdown(page)] == [3, 8]
    assert not list(
        prose.of_markdown(f"{'word ' * prose.MAX_WORDS}end: {'word ' * prose.MAX_WORDS}".replace("end", ""))
    )


def test_code_in_prose_is_not_prose() -> None:
    assert not list(prose.problems("`rings` was\n```\nthe alarm rings\n```\na name, {trouble}."))


def test_python_is_read_in_comments_docstrings_and_messages_but_not_in_identifiers() -> None:
    source = (
        '"""Says why.\n\nThe alarm rings."""\n'
        "# a sentence that\n# is told in two lines\n"
        'rings = {"trouble": 1}\n'
        'raise ValueError(f"{rings} is no number")\n'
    )
    assert sorted(line for line, _ in prose.of_python(source)) == [3, 5, 7]


def test_a_constant_has_the_name_of_a_limit() -> None:
    assert [
        what for _, what in prose.of_python("MOST_ROWS = 1\n_LONGEST = 2\nREACH = 3\nMAX_ROWS = ALMOST_ALL = 4\n")
    ] == [
        "MOST_ROWS: write `MAX_…`, `LOOKBACK_…`",
        "_LONGEST: write `MAX_…`, `LOOKBACK_…`",
        "REACH: write `MAX_…`, `LOOKBACK_…`",
    ]


def test_records_of_decisions_and_code_outside_of_the_product_are_not_read(tmp_path: Path) -> None:
    for name in ("docs/decisions.md", "docs/page.md", "proofs/check.py", "cli/command.py", "template.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# The alarm rings.\n", encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    found = [line.split(": ")[0] for line in prose.findings(tmp_path)]
    assert found == ["cli/command.py:1", "docs/page.md:1", "template.yaml:1"]

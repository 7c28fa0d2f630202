"""`make fuzz-intake-coverage MINUTES=5`: coverage-guided fuzzing of the intake with atheris, in the peers' environment.

Starts from generated files. Any bytes must get an answer (`mutated.send`); the first that do not are written beside the
corpus as `crash-…`, and the process ends with an error.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import atheris

# the intake's branches guide the fuzzer; Arrow's own are out of its reach. On Python 3.11 the instrumentation of some
# loops ends in a segmentation fault: such a module is excluded here (faulthandler names it)
with atheris.instrument_imports(include=["sluice.intake"], exclude=["sluice.model.csv_records", "sluice.aws"]):
    from tests.messy import mutated
    from tests.messy.generated import generate
    from tests.messy.workbooks import number, rows, text, workbook

COLUMNS = {
    "key": {"type": "text"},
    "n": {"type": "integer"},
    "x": {"type": "number", "decimal": ",", "thousands": "."},
    "yes": {"type": "boolean"},
    "at": {"type": "timestamp"},
    "kind": {"type": "category", "values": ["a", "b"]},
    "a.b": {"type": "number"},
}
NAMES = ("f.csv", "f.csv.gz", "f.jsonl", "f.json", "f.parquet", "f.zip", "f.xlsx")
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"flatten": True},
    {"line_end": "\r"},
    {"header": 0, "quote": "'", "escape": "\\"},
)
SEEDS = 200
"""Generated files that the corpus starts with."""
FIRST = (
    'key,n,x,yes,at,kind,a.b\nr1,1,"1.234,5",yes,2026-01-01,a,1\nr2,,,,,\n',
    'key;n;x;yes;at;kind;a.b\r\n"r""1";-7;0,5;0;2026-01-01T00:00:00Z;b;0.12345678901234567890\r\n\r\nkey;a;b;c;d;e;f\r\n',
    '{"key": "r1", "n": 1, "x": 1.5, "yes": true, "at": "2026-01-01", "kind": "a"}\n{"key": null}\n',
    '{"key": "r1", "n": 1, "x": 1, "yes": 0, "at": null, "kind": null, "a": {"b": 12345678901234567890.5}}\n',
    "key,n,x,yes,at,kind,a.b\n'r1',1\n,,,,,\n\"open,1,2\n",
)


def one(data: bytes) -> None:
    """The first byte names the file and the contract's settings; the others are the file's bytes, or the XML of a
    workbook's sheet."""
    settings, kind = divmod((data or b"\0")[0], len(NAMES))
    name, body = NAMES[kind], data[1:]
    if name == "f.xlsx":
        body = workbook(body.decode("utf-8", "replace"))
    found = mutated.send(body, name, COLUMNS, 0, SETTINGS[settings % len(SETTINGS)])
    if found.faults:
        raise AssertionError(found.faults)


def main() -> None:
    folder, minutes = Path(sys.argv[1]), float(sys.argv[2])
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    bodies = [text.encode() for text in FIRST] + [generate(seed).body for seed in range(SEEDS)]
    for place, body in enumerate(body for body in bodies if len(body) < 4_000):
        (corpus / f"{place:04}").write_bytes(b"\0" + body)
    table = rows(
        [text(name) for name in COLUMNS], [text("r1"), number(1), number("1E3"), number(1, t="b"), number(45000, s="1")]
    )
    merged = f'{table}<row r="9" hidden="1"><c r="B9"><f>A1</f></c></row><mergeCell ref="A2:B3"/>'
    for place, xml in enumerate((table, merged)):
        (corpus / f"sheet-{place}").write_bytes(bytes([NAMES.index("f.xlsx")]) + xml.encode())
    seconds = int(60 * minutes)
    limits = ["-timeout=10", "-rss_limit_mb=512", "-max_len=4096", f"-max_total_time={seconds}"]
    atheris.Setup(["fuzz", str(corpus), f"-artifact_prefix={folder}/", *limits], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""`sluice export`: the folder's server answers held-out rows as the scorer does, with numpy and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.commands import export
from cli.exporting import folder
from jobs.learn.model_folder import copy_code
from sluice import keys
from sluice.model import artifact, manifest
from sluice.model.model import Model
from sluice.ports import Answer
from sluice.steps.seal_model import seal_model
from tests.cli.stack import OTHER, RUN, serve, start
from tests.unit.model.test_ensemble import parts

FLASK = """
class Response:
    def __init__(self, body, status=200, mimetype=None, content_type=None, headers=None):
        self.body, self.status_code = body, status
        self.headers = {"Content-Type": content_type or mimetype, **(headers or {})}

    def get_data(self):
        return self.body.encode()
"""
ROWS = [{"n": float(place % 7) + 0.25, "c": "ab"[place % 2]} for place in range(12)] + [{"c": "b"}, {"n": 3}]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a model with its code, as a training job leaves it."""
    state, arrays = parts()
    made = tmp_path / "trained"
    artifact.save(made, {**state, "run_id": RUN}, arrays)
    copy_code(made / "code")
    manifest.seal(made)
    return made


@pytest.fixture
def sealed(world: Any, model: Path, tmp_path: Path) -> Any:
    """A run with a signed model and held-out rows."""
    start(world, outcome="promoted")
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                tar.add(path, str(path.relative_to(model)))
    trained = keys.run("shop", RUN, "training", "model.tar.gz")
    world.objects.upload(archive, trained)
    world.call(seal_model, "shop", RUN, world.objects.uri(trained), "arn:job")
    body = "".join(json.dumps(row) + "\n" for row in ROWS)
    world.objects.write(keys.run("shop", RUN, "evaluation", "held_out.jsonl"), body.encode())
    return world


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python whose only package is numpy."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    (packages,) = (tmp_path / "bare" / "lib").glob("python3*/site-packages")
    installed = Path(np.__file__).parents[1]
    for each in installed.glob("numpy*"):
        (packages / each.name).symlink_to(each)
    python = tmp_path / "bare" / "bin" / "python"
    seen = subprocess.run([python, "-c", "import numpy, pydantic"], capture_output=True, text=True, check=False)
    assert "pydantic" in seen.stderr  # numpy is there, and nothing else
    return python


def test_the_server_answers_as_the_scorer_with_numpy_alone(sluice, sealed, model, bare, tmp_path):
    out = tmp_path / "out"
    code, printed, error = sluice("export", RUN[:8], "--to", str(out))
    assert code == 0, error
    assert f"{len(ROWS)} of {len(ROWS)} answers are the expected ones" in printed
    scorer = Model.load(model)
    typed = [scorer.encoder.schema.typed_json(row) for row in ROWS]
    expected = [json.loads(line) for line in (out / "expected.jsonl").read_text().splitlines()]
    assert expected == scorer.answers(scorer.score(typed)).records()
    assert len({each["probability"] for each in expected}) > 5
    done = subprocess.run([bare, out / "self_test.py"], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"{len(ROWS)} of {len(ROWS)} answers are the expected ones",
    )
    lambda_function = (
        "import json, lambda_function as f; print(json.dumps(f.handler({'instances': json.loads(input())})))"
    )
    asked = subprocess.run(
        [bare, "-c", lambda_function], input=json.dumps(ROWS), capture_output=True, text=True, check=False, cwd=out
    )
    assert json.loads(asked.stdout)["predictions"] == expected, asked.stderr


def test_the_lambda_takes_what_function_urls_send(sluice, sealed, bare, tmp_path):
    out = tmp_path / "out"
    sluice("export", RUN, "--to", str(out))
    events = [
        {"body": '{"n": 1}', "headers": {"Content-Type": "application/json"}},
        {"body": "bg==", "isBase64Encoded": True, "headers": {"content-type": "text/plain"}},
        {"body": '{"other": 1}', "headers": {}},
    ]
    program = "import json, lambda_function as f; print(json.dumps([f.handler(each) for each in json.loads(input())]))"
    done = subprocess.run(
        [bare, "-c", program], input=json.dumps(events), capture_output=True, text=True, check=False, cwd=out
    )
    answers = json.loads(done.stdout)
    assert [each["statusCode"] for each in answers] == [200, 415, 400], done.stderr
    assert json.loads(answers[0]["body"])["model"] == RUN


def test_the_lambda_answers_with_headers_and_beside_flask(sluice, sealed, bare, tmp_path):
    """A program that has loaded Flask gets refusals as its responses."""
    out = tmp_path / "out"
    sluice("export", RUN, "--to", str(out))
    counted = {"body": '{"n": 1, "other": 2}', "headers": {"accept": "text/csv"}}
    refused = {"body": '{"n": "many"}', "headers": {}}
    (tmp_path / "flask.py").write_text(FLASK)
    program = (
        "import json, {}lambda_function as f; print(json.dumps([f.handler(each) for each in json.loads(input())]))"
    )
    found = []
    for more in ("", "flask, "):
        done = subprocess.run(
            [bare, "-c", f"import sys; sys.path.append({str(tmp_path)!r}); " + program.format(more)],
            input=json.dumps([counted, refused]), capture_output=True, text=True, check=False, cwd=out,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert found[0][0]["headers"]["X-Amzn-SageMaker-Custom-Attributes"] == "unknown_fields=1"
    assert (found[0][1]["statusCode"], json.loads(found[0][1]["body"])["field"]) == (400, "n")


def test_a_folder_that_was_changed_does_not_serve_and_a_wrong_answer_is_found(sluice, sealed, bare, tmp_path):
    out = tmp_path / "out"
    sluice("export", RUN, "--to", str(out))
    expected = [json.loads(line) for line in (out / "expected.jsonl").read_text().splitlines()]
    expected[3]["probability"] += 0.001
    (out / "expected.jsonl").write_text("".join(json.dumps(each) + "\n" for each in expected))
    done = subprocess.run([bare, out / "self_test.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0][:6]) == (1, "row 3:")
    text = (out / "model" / "model.json").read_text()
    (out / "model" / "model.json").write_text(text.replace("0.5", "0.6").replace('"weight": 3.0', '"weight": 9.0'))
    done = subprocess.run([bare, out / "self_test.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "was changed after training" in done.stderr


def test_the_document_the_readme_and_the_recipe(sluice, sealed, tmp_path):
    out = tmp_path / "out"
    code, printed, _ = sluice("export", RUN, "--to", str(out), "--rows", "2", "--json")
    document = json.loads(printed)
    assert (code, export.JSON.mistakes(document), document["rows"]) == (0, [], 2)
    facts = json.loads((out / "export.json").read_text())
    assert (facts["run"], facts["held_out_rows"]) == (RUN, 2)
    assert facts["archive_sha256"] in (out / "signature.json").read_text()
    readme = (out / "README.md").read_text()
    assert f"run {RUN}" in readme
    assert "$" not in readme.replace("$(", "")
    assert "2 rows of your data" in readme
    for name in ("Containerfile", "requirements.txt", "lambda_function.py", "server/serve.py"):
        assert (out / name).is_file()
    copied = [line.split()[1] for line in (out / "Containerfile").read_text().splitlines() if line.startswith("COPY")]
    assert all((out / name).exists() for name in copied)


def test_without_rows_there_is_nothing_of_the_data_in_it(sluice, sealed, tmp_path):
    out = tmp_path / "out"
    code, _, _ = sluice("export", RUN, "--to", str(out), "--rows", "0")
    assert (code, (out / "held_out.jsonl").read_text()) == (0, "")
    assert "no rows of your data" in (out / "README.md").read_text()


class TestEndpoint:
    """Where the model serves, its endpoint is asked too."""

    @pytest.fixture(autouse=True)
    def serving(self, sealed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        serve(sealed)
        monkeypatch.setattr(folder, "self_test", lambda _: "all as expected")

    def answers(self, world: Any, monkeypatch: Any, wrong: bool = False) -> list[Any]:
        asked = []

        def invoke(endpoint: str, body: bytes, **named: Any) -> Answer:
            asked.append(named)
            state, arrays = parts((1.0, 3.0) if wrong else (3.0, 1.0))
            model = Model(state, arrays)
            found = model.answers(model.score([model.encoder.schema.typed_json(json.loads(body))])).records()
            return Answer(200, json.dumps({"predictions": found}).encode(), "v")

        monkeypatch.setattr(world.models, "invoke", invoke)
        return asked

    def test_the_same_answers_are_reported(self, sluice, sealed, tmp_path, monkeypatch):
        asked = self.answers(sealed, monkeypatch)
        code, printed, error = sluice("export", RUN, "--to", str(tmp_path / "out"))
        assert (code, f"{len(ROWS)} of them are also what sluice-shop answers" in printed) == (0, True), error
        assert {named["variant"] for named in asked} == {f"v-{RUN}"}
        # Sluice's own requests count in no measurement
        assert all(named["inference_id"].startswith("replay-") for named in asked)
        assert sluice("export", RUN, "--to", str(tmp_path / "two"), "--no-endpoint")[0] == 0
        assert len(asked) == len(ROWS)

    def test_other_answers_are_refused(self, sluice, sealed, tmp_path, monkeypatch):
        self.answers(sealed, monkeypatch, wrong=True)
        code, _, error = sluice("export", RUN, "--to", str(tmp_path / "out"))
        assert (code, "answers row 0 otherwise than the exported model" in error) == (1, True)

    def test_another_champion_is_not_asked(self, sluice, sealed, tmp_path, monkeypatch):
        champion = sealed.ledger.champion("shop")
        sealed.ledger.set_champion("shop", replace(champion, run_id=OTHER), RUN)
        monkeypatch.setattr(sealed.models, "invoke", None)
        assert sluice("export", RUN, "--to", str(tmp_path / "out"))[0] == 0


def test_refusals(sluice, sealed, world, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "not an empty folder" in sluice("export", RUN, "--to", str(tmp_path / "full"))[2]
    world.objects.write(keys.sealed("shop", RUN, "model.tar.gz"), b"another")
    code, _, error = sluice("export", RUN, "--to", str(tmp_path / "out"))
    assert (code, "is not what was signed" in error) == (1, True)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
    start(world, OTHER)
    assert "was never signed" in sluice("export", OTHER, "--to", str(tmp_path / "none"))[2]

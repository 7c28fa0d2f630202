import json

import numpy as np
import pytest

from sluice.model import artifact, manifest
from sluice.model.errors import ArtifactError
from sluice.model.scorers import build_scorer


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    artifact.save(path, {"family": "x"}, {"answer": np.array([0.25, 0.75])})
    (path / "code").mkdir()
    (path / "code" / "inference.py").write_text("x = 1\n")
    manifest.seal(path)
    return path


def test_round_trip(folder):
    model, arrays, total = artifact.load(folder, exact=True)
    assert (model["format"], model["family"]) == (1, "x")
    assert arrays["answer"].tolist() == [0.25, 0.75]
    assert total == json.loads((folder / "manifest.json").read_text())["artifact_sha256"]


@pytest.mark.parametrize("name", ["model.json", "arrays.npz", "code/inference.py"])
def test_a_changed_byte_is_found(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=f"{name} was changed"):
        artifact.load(folder)


def test_a_missing_file_an_added_file_and_a_forged_manifest_are_found(folder):
    (folder / "code" / "extra.py").write_text("")
    manifest.verify(folder)
    with pytest.raises(ArtifactError, match=r"extra\.py is not in the manifest"):
        manifest.verify(folder, exact=True)
    forged = json.loads((folder / "manifest.json").read_text())
    forged["files"]["code/extra.py"] = manifest.sha256(folder / "code" / "extra.py")
    (folder / "manifest.json").write_text(json.dumps(forged))
    with pytest.raises(ArtifactError, match="contradicts itself"):
        manifest.verify(folder)
    manifest.seal(folder)
    (folder / "code" / "extra.py").unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        manifest.verify(folder)


def test_pickled_arrays_are_refused(folder):
    np.savez(folder / "arrays.npz", answer=np.array([{}], dtype=object))
    manifest.seal(folder)
    with pytest.raises(ArtifactError, match="not a plain number"):
        artifact.load(folder)


def test_a_manifest_cannot_point_outside(folder):
    files = json.loads((folder / "manifest.json").read_text())["files"] | {"../secret": "0" * 64}
    text = json.dumps({"files": files, "artifact_sha256": manifest.manifest_sum(files)})
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match="outside"):
        manifest.verify(folder)


def test_arrays_that_point_outside_are_refused():
    node = {name: np.array([0]) for name in ("feature", "left", "right", "missing_left", "roots")}
    arrays = {**node, "threshold": np.zeros(1), "value": np.zeros((1, 2))}
    meta = {"scorer": "forest", "output": "probability", "width": 1, "depth": 0}
    assert build_scorer(arrays, meta)(np.zeros((3, 1))).shape == (3, 2)
    with pytest.raises(ArtifactError, match="outside"):
        build_scorer({**arrays, "right": np.array([7])}, meta)
    with pytest.raises(ArtifactError, match="unknown scorer"):
        build_scorer(arrays, {"scorer": "pickle"})

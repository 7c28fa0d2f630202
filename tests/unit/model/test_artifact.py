import io
import json
import tarfile

import numpy as np
import pytest

from sluice.model import artifact
from sluice.model.errors import ArtifactError
from sluice.model.scorers import build_scorer


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    artifact.save(path, {"family": "x"}, {"answer": np.array([0.25, 0.75])})
    (path / "code").mkdir()
    (path / "code" / "inference.py").write_text("x = 1\n")
    artifact.seal(path)
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
    artifact.verify(folder)
    with pytest.raises(ArtifactError, match=r"extra\.py is not in the manifest"):
        artifact.verify(folder, exact=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["code/extra.py"] = artifact.sha256(folder / "code" / "extra.py")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="contradicts itself"):
        artifact.verify(folder)
    artifact.seal(folder)
    (folder / "code" / "extra.py").unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        artifact.verify(folder)


def test_pickled_arrays_are_refused(folder):
    np.savez(folder / "arrays.npz", answer=np.array([{}], dtype=object))
    artifact.seal(folder)
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifact.load(folder)


def test_a_manifest_cannot_point_outside(folder):
    files = json.loads((folder / "manifest.json").read_text())["files"] | {"../secret": "0" * 64}
    text = json.dumps({"files": files, "artifact_sha256": artifact.manifest_sum(files)})
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match="outside"):
        artifact.verify(folder)


def archive(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil"),
        member("/evil"),
        member("a/../../evil"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.LNKTYPE, "../x"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_archive_attacks_are_refused(tmp_path, bad):
    path = archive(tmp_path / "model.tar.gz", (member("good"), b"1"), (bad, b""))
    with pytest.raises(ArtifactError):
        artifact.unpack(path, tmp_path / "a" / "out")
    assert not (tmp_path / "a" / "evil").exists()


def test_too_much_twice_and_no_archive_are_refused(tmp_path, monkeypatch):
    twice = archive(tmp_path / "twice.tar.gz", (member("m"), b"1"), (member("./m"), b"2"))
    with pytest.raises(ArtifactError, match="twice"):
        artifact.unpack(twice, tmp_path / "a")
    monkeypatch.setattr(artifact, "MAX_BYTES", 1000)
    bomb = archive(tmp_path / "bomb.tar.gz", (member("m"), b"0" * 2000))
    with pytest.raises(ArtifactError, match="MiB"):
        artifact.unpack(bomb, tmp_path / "b")
    monkeypatch.setattr(artifact, "MAX_MEMBERS", 2)
    many = archive(tmp_path / "many.tar.gz", *((member(f"m{i}"), b"") for i in range(3)))
    with pytest.raises(ArtifactError, match="members"):
        artifact.unpack(many, tmp_path / "c")
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(ArtifactError, match="not a readable archive"):
        artifact.unpack(tmp_path / "text.tar.gz", tmp_path / "d")


def test_arrays_that_point_outside_are_refused():
    node = {name: np.array([0]) for name in ("feature", "left", "right", "missing_left", "roots")}
    arrays = {**node, "threshold": np.zeros(1), "value": np.zeros((1, 2))}
    meta = {"scorer": "forest", "output": "probability", "width": 1, "depth": 0}
    assert build_scorer(arrays, meta)(np.zeros((3, 1))).shape == (3, 2)
    with pytest.raises(ArtifactError, match="outside"):
        build_scorer({**arrays, "right": np.array([7])}, meta)
    with pytest.raises(ArtifactError, match="unknown scorer"):
        build_scorer(arrays, {"scorer": "pickle"})

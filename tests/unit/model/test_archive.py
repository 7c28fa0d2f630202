"""Hostile archives, each refused by name before it does any harm; and good ones, whoever packed them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import pickle
import random
import resource
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model import archive, artifact, opening
from sluice.model.archive import Limits
from sluice.model.errors import ArtifactError
from tests.unit.model import hostile
from tests.unit.model.hostile import files, good, header, member, npy, packed, pax, zipped

SMALL = Limits(archive=1 << 20, total=1 << 16, file=1 << 15, members=20, free=1 << 15, ratio=20)


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (exec, (f"open({self.path!r}, 'w').write('ran')",))


def lying_end() -> bytes:
    body = bytearray(hostile.GOOD_ARRAYS)
    body[-12:-10] = (60_000).to_bytes(2, "little")
    body[-14:-12] = (60_000).to_bytes(2, "little")
    return bytes(body)


def duplicated() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("a.npy", npy())
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("a.npy", npy())
    return stream.getvalue()


def overlapping() -> bytes:
    """Two names for the same stored bytes: what lets a small zip unpack to much."""
    whole = bytearray(zipped({"a.npy": npy(), "b.npy": npy()}))
    with zipfile.ZipFile(io.BytesIO(bytes(whole))) as made:
        start = made.start_dir
    second = whole.index(b"PK\1\2", start + 4)
    whole[second + 42 : second + 46] = bytes(4)
    return bytes(whole)


NOISE = random.Random(1).randbytes(30_000)
OBJECTS = hostile.npz(a=np.array([{}], dtype=object))
# what the archive is, and what the refusal says: member and reason
WALK: dict[str, tuple[bytes, str]] = {
    "absolute path": (packed(member("/etc/cron.d/x", b"1")), "'/etc/cron.d/x' points outside"),
    "parent folder": (packed(member("../model.json", b"1")), r"'\.\./model\.json' points outside"),
    "parent folder within": (packed(member("code/../../x.py", b"1")), "points outside"),
    "parent folder by prefix": (packed(member("x.py", b"1", prefix=b"code/../..")), "points outside"),
    "backslashes": (packed(member("code\\..\\x.py", b"1")), "points outside"),
    "symbolic link": (packed(header("model.json", kind=b"2", link=b"/etc/passwd")), "'model.json' is a symbolic link"),
    "hard link": (packed(header("model.json", kind=b"1", link=b"../x")), "'model.json' is a hard link"),
    "character device": (packed(header("model.json", kind=b"3")), "is a character device"),
    "block device": (packed(header("model.json", kind=b"4")), "is a block device"),
    "fifo": (packed(header("model.json", kind=b"6")), "is a FIFO"),
    "contiguous file": (packed(header("model.json", kind=b"7")), "is a contiguous file"),
    "GNU sparse file": (packed(header("model.json", kind=b"S", magic=b"ustar  \0")), "is a sparse file"),
    "GNU long name": (packed(member("././@LongLink", b"../x", kind=b"L")), "is a long name of GNU tar"),
    "GNU long link": (packed(member("././@LongLink", b"../x", kind=b"K")), "is a long link name"),
    "unknown kind": (packed(header("model.json", kind=b"V")), "of an unknown kind b'V'"),
    "global PAX header": (packed(member("x", b"", kind=b"g")), "is a global PAX header"),
    "PAX path": (packed(pax({"path": "../../x"}), member("model.json", b"1")), "a PAX header sets 'path'"),
    "PAX size": (packed(pax({"size": "99999999"}), member("model.json", b"1")), "a PAX header sets 'size'"),
    "PAX link": (packed(pax({"linkpath": "/etc"}), member("model.json")), "a PAX header sets 'linkpath'"),
    "PAX sparse": (packed(pax({"GNU.sparse.realsize": "9"}), member("model.json")), "sets 'GNU.sparse.realsize'"),
    "PAX of a gigabyte": (packed(header("x", 1 << 30, kind=b"x")), "a PAX header of 1073741824 bytes"),
    "PAX that lies": (packed(member("x", b"99 mtime=1\n", kind=b"x")), "a PAX header that cannot be read"),
    "PAX without a member": (packed(pax({"mtime": "1"})), "describes no member"),
    "PAX twice": (packed(pax({"mtime": "1"}), pax({"mtime": "2"}), member("model.json")), "two PAX headers"),
    "unexpected name": (packed(member("model.pkl", b"1")), "'model.pkl' is not expected"),
    "unexpected code": (packed(member("code/x.so", b"1")), "'code/x.so' is not expected"),
    "hidden name": (packed(member("code/.env.py", b"1")), "has a name that no model file has"),
    "name with a line break": (packed(member("code/a\nb.py", b"1")), "has a name that no model file has"),
    "empty name": (packed(member("", b"1")), "has a name that no model file has"),
    "name in another script": (packed(member("code/é.py", b"1")), "has a name|points outside"),
    "unexpected folder": (packed(header("bin/", kind=b"5")), "is not expected"),
    "folder outside": (packed(header("code/../../x/", kind=b"5")), "points outside"),
    "folder with content": (packed(member("code/", b"12", kind=b"5")), "is a folder with content"),
    "deep folders": (packed(member("code/" + "a/" * 10 + "x.py")), "has a name that no model file has"),
    "twice": (packed(member("model.json", b"1"), member("model.json", b"2")), "model.json occurs twice"),
    "twice by dot": (packed(member("model.json", b"1"), member("./model.json", b"2")), "model.json occurs twice"),
    "by case only": (packed(member("code/a.py"), member("code/A.py")), r"code/A\.py differs from code/a\.py by case"),
    "folder by case only": (packed(member("code/x.py"), member("code/X.py/y.py")), "is a file where|another member"),
    "file as folder": (packed(member("code/a.py/b.py"), member("code/a.py")), "is a file where another member needs"),
    "size not octal": (packed(header("model.json", size_field=b"zzzzzzzzzzz\0")), "is not an octal number"),
    "negative size": (packed(header("model.json", size_field=b"\xff" * 12)), "is not an octal number"),
    "wrong checksum": (packed(header("model.json", checksum=b"000000\0 ")), "the checksum of a member's header"),
    "no magic": (packed(header("model.json", magic=bytes(8))), "not that of a tar file"),
    "one file too large": (packed(member("model.json", bytes(40_000))), "member model.json: 40000 bytes are more than"),
    "header of an exabyte": (packed(header("model.json", size_field=b"77777777777\0")), "8589934591 bytes are more"),
    "all too large": (packed(*(member(f"code/a{i}.py", NOISE) for i in range(4))), "more than 65536 bytes"),
    "too many": (packed(*(member(f"code/a{i}.py") for i in range(30))), "more than 20 members"),
    "too many folders": (packed(*(header("code/", kind=b"5") for _ in range(30))), "more than 20 members"),
    "cut off": (gzip.compress(member("model.json", bytes(5000))[:3000]), "member model.json: cut off"),
    "no end mark": (packed(member("model.json", b"1"), end=b""), "no end mark"),
    "half an end mark": (packed(member("model.json", b"1"), end=bytes(512)), "half an end mark"),
    "cut-off gzip": (good()[:-40], "cut off"),
    "cut-off gzip checksum": (good()[:-4], "cut off"),
    "wrong gzip checksum": (good()[:-8] + bytes(8), "incorrect data check"),
    "data after the end mark": (packed(member("model.json"), after=b"x" * 512), "data after the end mark"),
    "data after the gzip stream": (packed(member("model.json"), trailer=b"PK"), "data after the end of its gzip"),
    "second gzip stream": (good() + good(), "data after the end of its gzip"),
    "bomb of zeros": (gzip.compress(bytes(10 << 20)), "more than .* unpacked|data after the end mark|a bomb"),
    "bomb as an end": (packed(member("model.json"), after=bytes(10 << 20)), "a bomb|bytes unpacked"),
    "not gzip": (b"model", "not a readable archive"),
    "empty": (b"", "cut off or empty"),
    "xz": (lzma.compress(b"x"), "not a readable archive"),
    "too large packed": (bytes(2 << 20), "2097152 bytes are more than the 1048576"),
}


@pytest.mark.parametrize("name", WALK)
def test_a_hostile_archive_is_refused_by_name(name: str, tmp_path: Path) -> None:
    body, message = WALK[name]
    path = tmp_path / "in" / "model.tar.gz"
    path.parent.mkdir()
    path.write_bytes(body)
    with pytest.raises(ArtifactError, match=message) as raised:
        archive.unpack(path, tmp_path / "out" / "folder", SMALL)
    assert str(raised.value).startswith("model.tar.gz: ")
    assert len(str(raised.value)) < 500
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "out"]
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["folder"]
    assert not any(each.is_symlink() for each in tmp_path.rglob("*"))


def of(content: dict[str, bytes]) -> bytes:
    return packed(*(member(name, body) for name, body in content.items()))


def arrays(body: bytes) -> bytes:
    return good(files(arrays=body))


# archives that are walked without complaint, with a manifest that is right about them
CONTENT: dict[str, tuple[bytes, str]] = {
    "pickled objects": (arrays(OBJECTS), r"arrays\.npz: array a: dtype '\|O' is not a plain number"),
    "texts": (arrays(hostile.npz(a=np.array(["x"]))), "dtype '<U1' is not a plain number"),
    "records": (arrays(hostile.npz(a=np.zeros(1, dtype=[("x", "f8")]))), "is not a plain number"),
    "dates": (arrays(hostile.npz(a=np.zeros(1, dtype="M8[s]"))), "is not a plain number"),
    "compressed arrays": (arrays(zipped({"a.npy": npy()}, zipfile.ZIP_DEFLATED)), "array a is compressed"),
    "a shape of terabytes": (arrays(zipped({"a.npy": npy(shape="(1099511627, 1000)")})), "takes .* bytes, there are"),
    "a shape below the bytes": (arrays(zipped({"a.npy": npy(shape="(1,)")})), "takes .* bytes, there are"),
    "a negative shape": (arrays(zipped({"a.npy": npy(shape="(-3,)")})), "a shape that no array has"),
    "a true shape": (arrays(zipped({"a.npy": npy(shape="(True,)")})), "a shape that no array has"),
    "many dimensions": (arrays(zipped({"a.npy": npy(shape="(" + "1," * 60 + ")")})), "a shape that no array has"),
    "a header that is code": (
        arrays(zipped({"a.npy": npy(descr="__import__('os').getpid()")})),
        "its header cannot be read",
    ),
    "a header of 60 KB": (arrays(zipped({"a.npy": npy(header_length=60_000)})), "a header of 60000 bytes"),
    "a header nested deeply": (arrays(zipped({"a.npy": npy(shape="(" * 1500 + ")" * 1500)})), "cannot be read"),
    "no npy": (arrays(zipped({"a.npy": b"\x80\x04." * 20})), "is not an .npy file"),
    "a name with a folder": (arrays(zipped({"../a.npy": npy()})), "is not the name of an array"),
    "a pickle in the npz": (arrays(zipped({"a.pkl": pickle.dumps(1)})), "is not the name of an array"),
    "arrays twice": (arrays(duplicated()), "occurs twice"),
    "arrays that overlap": (arrays(overlapping()), "its arrays overlap"),
    "no arrays": (arrays(zipped({})), "there is no array in it"),
    "too many arrays": (arrays(zipped({f"a{i}.npy": npy() for i in range(520)})), "520 arrays are more than 512"),
    "a directory that lies": (arrays(lying_end()), "60000 arrays are more than 512"),
    "a zip with a comment": (arrays(hostile.GOOD_ARRAYS + b"x"), "does not end with a zip's directory"),
    "bytes before the zip": (arrays(b"MZ" + hostile.GOOD_ARRAYS), "its directory is not where"),
    "arrays cut off": (arrays(hostile.GOOD_ARRAYS[:-30]), "does not end with a zip's directory"),
    "model no JSON": (good(files(model=b"{")), r"model\.json cannot be read"),
    "model not UTF-8": (good(files(model=b"\xff\xfe")), "is not UTF-8"),
    "model nested deeply": (good(files(model=b"[" * 200_000)), "nested too deeply"),
    "model with a key twice": (good(files(model=b'{"format": 1, "format": 1}')), "names a key twice"),
    "model of another format": (good(files(model=b'{"format": 3}')), "format 3 is unknown"),
    "model a list": (good(files(model=b"[]")), "format 'list' is unknown"),
    "code that is no text": (good(files(code=b"\x7fELF\0\xff")), r"code/inference\.py is not a text"),
    "code with a NUL": (good(files(code=b"x = 1\0")), r"code/inference\.py is not a text"),
    "no manifest": (of(files()), "no readable manifest.json"),
    "manifest no JSON": (packed(member("manifest.json", b"\xff")), "no readable manifest.json"),
    "a file beside the manifest": (
        of({**files(), "manifest.json": hostile.manifest(files()), "code/x.py": b""}),
        r"code/x\.py is not in the manifest",
    ),
    "a file of the manifest missing": (
        packed(member("manifest.json", hostile.manifest(files()))),
        "is missing though the manifest lists it",
    ),
    "a changed file": (
        of({**files(code=b"x = 2\n"), "manifest.json": hostile.manifest(files())}),
        r"code/inference\.py was changed after training",
    ),
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_hostile_content_is_refused_by_name(name: str, tmp_path: Path) -> None:
    body, message = CONTENT[name]
    path = tmp_path / "model.tar.gz"
    path.write_bytes(body)
    with pytest.raises(ArtifactError, match=message) as raised:
        opening.opened(path, tmp_path / "out")
    assert str(raised.value).startswith("model.tar.gz: ")
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "body",
    [
        good(),
        hostile.by_tarfile({**files(), "manifest.json": hostile.manifest(files())}, tarfile.PAX_FORMAT),
        hostile.by_tarfile({**files(), "manifest.json": hostile.manifest(files())}, tarfile.GNU_FORMAT),
        hostile.by_tarfile({**files(), "manifest.json": hostile.manifest(files())}, tarfile.USTAR_FORMAT),
        packed(
            header("./", kind=b"5"),
            header("./code/", kind=b"5"),
            *(member(f"./{n}", b) for n, b in {**files(), "manifest.json": hostile.manifest(files())}.items()),
            after=bytes(10240),
        ),
        packed(
            *(
                pax({"LIBARCHIVE.creationtime": "1", "SCHILY.xattr.user.x": "y"}) + member(n, b)
                for n, b in {**files(), "manifest.json": hostile.manifest(files())}.items()
            )
        ),
    ],
    ids=["ours", "PAX", "GNU", "ustar", "with folders and dots", "attributes of other writers"],
)
def test_an_honest_archive_opens_whoever_packed_it(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(body)
    checked = opening.opened(path, tmp_path / "out")
    assert checked.model["run_id"] == "r1"
    assert artifact.load(tmp_path / "out", exact=True)[1]["coef"].tolist() == [0, 0, 0]


def test_gnu_tar_itself_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for name, body in {**files(), "manifest.json": hostile.manifest(files())}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    subprocess.run(["tar", "czf", tmp_path / "model.tar.gz", "-C", folder, "."], check=True)
    assert opening.opened(tmp_path / "model.tar.gz", tmp_path / "out").model["run_id"] == "r1"


@pytest.mark.parametrize("place", ["model.json", "arrays.npz", "code/inference.py", "a.joblib"])
@pytest.mark.parametrize("wrap", [bytes, zlib.compress], ids=["plain", "zlib as joblib writes it"])
def test_a_malicious_pickle_is_never_loaded_under_any_name(place: str, wrap: Any, tmp_path: Path) -> None:
    """Scanners miss a compressed one. It does not matter: nothing here unpickles, so it is just a wrong format."""
    mark = tmp_path / "ran"
    body = wrap(pickle.dumps(Bomb(str(mark))))
    content = files() | {place: body}
    (tmp_path / "model.tar.gz").write_bytes(good(content))
    with pytest.raises(ArtifactError, match=r"cannot be read|not an \.npz|not a text|is not expected"):
        opening.opened(tmp_path / "model.tar.gz", tmp_path / "out")
    (tmp_path / "folder").mkdir()
    for name, each in {**content, "manifest.json": hostile.manifest(content)}.items():
        (tmp_path / "folder" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(each)
    if place in ("model.json", "arrays.npz"):
        with pytest.raises(ArtifactError):
            artifact.load(tmp_path / "folder")
    assert not mark.exists()
    pickle.loads(zlib.decompress(body) if wrap is zlib.compress else body)
    assert mark.exists(), "the bomb is no bomb: the test would prove nothing"


def test_a_bomb_costs_neither_memory_nor_disk(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    with gzip.open(path, "wb") as out:
        out.write(header("arrays.npz", 500 << 20))
        for _ in range(500):
            out.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="a bomb"):
            archive.unpack(path, tmp_path / "out")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    written = sum(each.stat().st_size for each in (tmp_path / "out").rglob("*") if each.is_file())
    assert written <= archive.LIMITS.free + archive.LIMITS.ratio * path.stat().st_size


names = st.one_of(
    st.sampled_from(
        ["model.json", "./model.json", "arrays.npz", "code/a.py", "code/A.py", "code", "code/", "../x", "/x"]
    ),
    st.text(max_size=120).map(lambda text: text.replace("\0", "")),
)
parts = st.one_of(
    st.builds(member, names, st.binary(max_size=1200)),
    st.builds(
        lambda name, size, kind, link: header(name, size, kind, link[:99]),
        names,
        st.integers(0, 1 << 32),
        st.sampled_from([bytes([i]) for i in b"01234567xgLKSDV\0"]),
        st.binary(max_size=99),
    ),
    st.builds(
        pax, st.dictionaries(st.sampled_from(["path", "size", "mtime", "linkpath"]), st.text("ab/.", max_size=9))
    ),
    st.binary(max_size=600),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(parts, max_size=6), st.booleans(), st.integers(0, 40))
def test_nothing_is_ever_written_outside_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], whole: bool, cut: int
) -> None:
    place = tmp_path_factory.mktemp("walk")
    body = packed(*content)
    (place / "model.tar.gz").write_bytes(body if whole else body[: -cut or None])
    tracemalloc.start()
    with contextlib.suppress(ArtifactError):
        archive.unpack(place / "model.tar.gz", place / "out" / "folder", SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert sorted(each.name for each in place.iterdir()) in (["model.tar.gz", "out"], ["model.tar.gz"])
    found = [each for each in (place / "out").rglob("*") if not each.is_dir()]
    assert all(each.is_file() and not each.is_symlink() for each in found)
    assert sum(each.stat().st_size for each in found) <= SMALL.total
    assert all(archive.safe_name(each.relative_to(place / "out" / "folder").as_posix()) for each in found)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2000), st.integers(0, 60))
def test_changed_bytes_of_a_good_archive_are_found_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, length: int
) -> None:
    place = tmp_path_factory.mktemp("changed")
    body = bytearray(gzip.decompress(good()))
    at %= len(body)
    body[at : at + length] = junk[:length]
    (place / "model.tar.gz").write_bytes(gzip.compress(bytes(body)))
    with contextlib.suppress(ArtifactError):
        assert opening.opened(place / "model.tar.gz", place / "out").model == json.loads(hostile.MODEL)


def test_it_opens_without_numpy_and_within_little_memory(tmp_path: Path) -> None:
    """A Lambda without numpy imports it; and a limit on the process's memory proves what tracemalloc cannot see."""
    (tmp_path / "model.tar.gz").write_bytes(good())
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from sluice.model import opening\n"
        "print(opening.opened(Path(sys.argv[1]), Path(sys.argv[2])).model['run_id'])"
    )
    core = str(Path(archive.__file__).parents[2])
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "model.tar.gz", tmp_path / "out"],
        env={"PYTHONPATH": core},
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert done.stdout == "r1\n", done.stderr

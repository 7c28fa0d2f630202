"""Writes CycloneDX bills of materials to build/sbom: of what is deployed (what `sam build` made), of each environment.

    python scripts/write_sbom.py [--build .aws-sam/build] [--to build/sbom] [NAME ...]

NAME: `deployed`, or an environment (dev, learn, …); all of them without one. Two runs write the same bytes: the serial
number is made from the content, and there is no time in it. For what is deployed every locked wheel is fetched by its
hash and compared with the built files, so that the hash in the document is of the very wheel that is in the layer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import uuid
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cli.artefacts import runtime  # noqa: E402
from proofs.locks import Lock, normalised, read  # noqa: E402
from scripts import pack_libraries  # noqa: E402
from scripts.licences import licences  # noqa: E402
from scripts.slim_libraries import is_trimmed, slim_file  # noqa: E402

Json = dict[str, Any]
LAYERS = {
    "CoreLayer": ROOT / "layers/core/requirements.txt",
    "DataLayer": ROOT / "layers/data/requirements.txt",
    # what deploy_code puts into S3 for the training jobs
    "JobsLayer": ROOT / "jobs/requirements.txt",
}
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


class SupplyError(Exception):
    """What was built is not what is locked; the message says where they differ."""


def deployed(build: Path, wheels: Path) -> Json:
    """The bill of the built application: functions and layers, and the distributions in the layers."""
    parts, components, edges = sorted(path for path in build.iterdir() if path.is_dir()), [], []
    for part in parts:
        kind = "layer" if part.name.endswith("Layer") else "function"
        reference = f"{kind}:{part.name}"
        inside = list(distributions(path=[str(part / "python"), str(part)]))
        components.append(
            {"type": "application", "bom-ref": reference, "name": part.name, "hashes": [_sha256(_tree(part))]}
        )
        if inside and part.name not in LAYERS:
            names = ", ".join(sorted(each.name for each in inside))
            raise SupplyError(f"{part.name} holds {names}, for which no lock is known: put them into a layer")
        fetched = _wheels(read(LAYERS[part.name], runtime()), wheels / part.name) if part.name in LAYERS else {}
        _same_names(part.name, inside, fetched)
        for each in sorted(inside, key=_name):
            _same_files(part / "python", fetched[_name(each)], _trimmed(part.name))
            found = _component(each)
            components.append({**found, "hashes": [_sha256(fetched[_name(each)].read_bytes())]})
        for each, wheel in _packed(part / "python" / "packed", wheels / "packed"):
            inside.append(each)
            components.append({**_component(each), "hashes": [_sha256(wheel.read_bytes())]})
        edges.append({"ref": reference, "dependsOn": sorted(_purl(each) for each in inside)})
        edges += _requirements(inside)
    return _document("sluice, as deployed", components, edges)


def environment(name: str, python: Path, lock: Lock) -> Json:
    """The bill of one virtual environment; each distribution with the hashes that its lock allows."""
    inside = sorted(distributions(path=[str(_packages(python))]), key=_name)
    components = []
    for each in inside:
        component = _component(each)
        allowed = lock.hashes.get(_name(each))
        if allowed:
            hashes = [{"alg": "SHA-256", "content": digest} for digest in sorted(allowed)]
            where = lock.path.relative_to(ROOT).as_posix()
            component["externalReferences"] = [{"type": "distribution", "url": where, "hashes": hashes}]
        components.append(component)
    return _document(f"sluice, environment {name}", components, _requirements(inside))


def _document(name: str, components: list[Json], edges: list[Json]) -> Json:
    body: Json = {
        "metadata": {"component": {"type": "application", "bom-ref": "sluice", "name": name}},
        "components": components,
        "dependencies": sorted(edges, key=lambda edge: edge["ref"]),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return {**head, **body}


def _component(distribution: Distribution) -> Json:
    return {
        "type": "library",
        "bom-ref": _purl(distribution),
        "name": distribution.name,
        "version": distribution.version,
        "purl": _purl(distribution),
        "licenses": licences(distribution),
    }


def _name(distribution: Distribution) -> str:
    return normalised(distribution.name)


def _purl(distribution: Distribution) -> str:
    return f"pkg:pypi/{_name(distribution)}@{distribution.version}"


def _requirements(inside: list[Distribution]) -> list[Json]:
    """Edges between installed distributions; markers are left out, so an edge may be of another platform's need."""
    known = {_name(each): _purl(each) for each in inside}
    edges = []
    for each in inside:
        needs = {normalised(_beginning(text)) for text in each.requires or () if "extra ==" not in text}
        edges.append({"ref": _purl(each), "dependsOn": sorted(known[name] for name in needs & known.keys())})
    return edges


def _beginning(requirement: str) -> str:
    for index, letter in enumerate(requirement):
        if not (letter.isalnum() or letter in "._-"):
            return requirement[:index]
    return requirement


def _wheels(lock: Lock, folder: Path) -> dict[str, Path]:
    """The locked wheels for Lambda, by distribution; fetched by pip once, which refuses what has another hash."""
    folder.mkdir(parents=True, exist_ok=True)
    found = dict(_kept(lock, folder))
    if found.keys() != lock.versions.keys():
        # pip judges the lock's markers by the Python that it runs in: it is given what holds for Lambda's
        pins = [
            " ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in lock.hashes[name])])
            for name, version in lock.versions.items()
        ]
        chosen = folder / "chosen.txt"
        chosen.write_text("\n".join(pins) + "\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary", ":all:", *_for_lambda(), "--dest", str(folder), "-r", str(chosen)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SupplyError(f"the locked wheels cannot be fetched:\n{done.stderr[-2_000:]}")
        found = dict(_kept(lock, folder))
    return found


def _for_lambda() -> list[str]:
    """The wheels that layers/Makefile takes."""
    version = runtime()
    abi = f"cp{version.replace('.', '')}"
    options = ["--implementation", "cp", "--python-version", version, "--abi", abi, "--abi", "abi3", "--abi", "none"]
    return [*options, *(part for each in _PLATFORMS for part in ("--platform", each))]


def _kept(lock: Lock, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob("*.whl")):
        name = normalised(path.name.split("-")[0])
        if hashlib.sha256(path.read_bytes()).hexdigest() in lock.hashes.get(name, ()):
            yield name, path


def _same_names(layer: str, inside: list[Distribution], fetched: dict[str, Path]) -> None:
    built, locked = {_name(each) for each in inside}, set(fetched)
    if built != locked:
        raise SupplyError(
            f"{layer}: built but not locked: {sorted(built - locked) or 'none'}; "
            f"locked but not built: {sorted(locked - built) or 'none'}. Build anew (make build)"
        )


def _trimmed(layer: str) -> list[str]:
    """What layers/Makefile removes from the distributions of a layer: patterns of parts that no function loads."""
    listed = LAYERS[layer].with_name("trimmed.txt")
    return listed.read_text().split() if listed.exists() else []


def _same_files(site: Path, wheel: Path, trimmed: list[str]) -> None:
    """Every file of the wheel is in the layer, byte for byte, but its commands, RECORD, which uv writes anew, and what
    the build leaves out: `trimmed`, the patterns in the layer's trimmed.txt, and the symbol tables of a trimmed layer.
    """
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            if entry.endswith(("/", ".dist-info/RECORD")) or ".data/scripts/" in entry:
                continue
            if is_trimmed(entry, trimmed):
                continue
            place, content = _placed(site, entry), archive.read(entry)
            if trimmed and ".so" in place.name:
                content = slim_file(place.relative_to(site).as_posix(), content, trimmed)
            if not place.is_file() or place.read_bytes() != content:
                raise SupplyError(f"{place.relative_to(site.parent.parent)} is not what {wheel.name} has: build anew")


def _packed(folder: Path, wheels: Path) -> Iterator[tuple[Distribution, Path]]:
    """The distributions that the build has packed into archives, with their wheels; the contents are compared."""
    archives = {path.name.removesuffix(".tar.gz"): path for path in folder.glob("*.tar.gz")}
    if not archives:
        return
    wheels.mkdir(parents=True, exist_ok=True)
    lock = read(pack_libraries.LOCK, pack_libraries.CONTAINER)
    found = dict(_kept(lock, wheels))
    if found.keys() != lock.versions.keys():
        try:
            pack_libraries.fetch(wheels, container=True)
        except subprocess.CalledProcessError:
            raise SupplyError("the locked wheels of jobs/packed cannot be fetched") from None
        found = dict(_kept(lock, wheels))
    if archives.keys() != found.keys():
        raise SupplyError(f"packed: {sorted(archives)}, locked: {sorted(found)}. Build anew (make build)")
    for name, wheel in sorted(found.items()):
        with tarfile.open(archives[name]) as tar:
            inside = {each.name: content.read() for each in tar if (content := tar.extractfile(each))}
        if inside != pack_libraries.contents(wheel):
            raise SupplyError(f"{archives[name].name} is not what {wheel.name} has: build anew")
        metadata = next(path for path in inside if path.endswith(".dist-info/METADATA"))
        yield PathDistribution(zipfile.Path(wheel, metadata.removesuffix("METADATA"))), wheel


def _placed(site: Path, entry: str) -> Path:
    top, _, rest = entry.partition("/")
    if top.endswith(".data") and rest.startswith(("purelib/", "platlib/")):
        return site / rest.partition("/")[2]
    return site / entry


def _tree(folder: Path) -> bytes:
    """A text that changes with any file's name or content; bytecode, which `make build` adds, is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files
    ]
    return "\n".join(lines).encode()


def _sha256(content: bytes) -> Json:
    return {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}


def _packages(python: Path) -> Path:
    return next((python.parent.parent / "lib").glob("python3.*/site-packages"))


def _environments() -> dict[str, Path]:
    """Those that are set up and have a lock: name → interpreter."""
    others = {path.parent.parent.name: path for path in sorted((ROOT / ".envs").glob("*/bin/python"))}
    every = {"dev": ROOT / ".venv/bin/python", **others}
    return {name: path for name, path in every.items() if (ROOT / "requirements" / f"{name}.txt").is_file()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes CycloneDX bills of materials to build/sbom.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="deployed, or an environment; default: all")
    parser.add_argument("--build", type=Path, default=ROOT / ".aws-sam" / "build")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "sbom")
    options = parser.parse_args()
    pythons = _environments()
    options.to.mkdir(parents=True, exist_ok=True)
    for name in options.names or ["deployed", *pythons]:
        if name != "deployed" and name not in pythons:
            print(f"{name!r} is no environment here; known: deployed, {', '.join(pythons)}", file=sys.stderr)
            return 1
        try:
            if name == "deployed":
                if not options.build.is_dir():
                    raise SupplyError(f"{options.build} does not exist: say `make build` first")
                made = deployed(options.build, ROOT / "build" / "wheels")
            else:
                made = environment(name, pythons[name], read(ROOT / "requirements" / f"{name}.txt"))
        except SupplyError as error:
            print(error, file=sys.stderr)
            return 1
        target = options.to / f"{name}.json"
        target.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{target}: {sum(each['type'] == 'library' for each in made['components'])} distributions")
    return 0


if __name__ == "__main__":
    sys.exit(main())

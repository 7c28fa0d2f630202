"""Every function's handler is there, what it imports is there, and the layers bring it; runtimes are supported ones.

The handlers are imported from the built artefact by tests/unit/template/test_built_functions.py.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proofs.project import ROOT, Finding, Project

CHECK = "handlers"
CALL = "bootstrap.call"
# "Lambda runtimes" in the Lambda developer guide: what is still to be had, and not about to be taken away (python3.11
# is deprecated on 2027-06-30).
SUPPORTED = {"python3.12", "python3.13", "python3.14"}
_CORE = ROOT / "layers" / "core"
_MAKEFILE = ROOT / "layers" / "Makefile"
# What a module needs → the layer that brings it.
_LAYERS = {
    "sluice": "CoreLayer",
    "aws_lambda_powertools": "CoreLayer",
    "numpy": "DataLayer",
    "pyarrow": "DataLayer",
    "sluice.bundle": "JobsLayer",
}


def findings(project: Project) -> list[Finding]:
    defaults = project.source.get("Globals", {}).get("Function", {})
    found = []
    for name, function in project.functions().items():
        if project.focus is not None and name not in project.focus:
            continue
        found += [Finding(CHECK, f"{name}.{place}", what) for place, what in _function(project, function)]
    for name, properties in project.resources("AWS::Serverless::LayerVersion").items():
        if defaults.get("Runtime") not in properties.get("CompatibleRuntimes", []):
            found.append(
                Finding(CHECK, f"{name}.CompatibleRuntimes", f"the functions run on {defaults.get('Runtime')}")
            )
        if not (ROOT / str(properties.get("ContentUri"))).is_dir():
            found.append(Finding(CHECK, f"{name}.ContentUri", "there is no such folder"))
    found += [Finding(CHECK, where, what) for where, what in _builds(project)]
    if defaults.get("Runtime") != f"python{_layer_python()}":
        what = f"the functions run on {defaults.get('Runtime')}, the layers are built for {_layer_python()}"
        found.append(Finding(CHECK, "layers/Makefile.LAYER_PYTHON", what))
    deployed = {
        str(each.get("CodeUri", "")).strip("/") for each in project.resources("AWS::Serverless::Function").values()
    }
    for folder in sorted({path.rpartition("/")[0] for path in project.code if path.endswith("/app.py")} - deployed):
        found.append(Finding(CHECK, folder, "no function of the template is made of it"))
    return found


def _builds(project: Project) -> Iterator[tuple[str, str]]:
    """SAM's own build of Python asks for the runtime's Python on the machine that builds."""
    for kind in ("Function", "LayerVersion"):
        for name in project.resources(f"AWS::Serverless::{kind}"):
            made = project.source["Resources"][name].get("Metadata", {})
            if (made.get("BuildMethod"), made.get("ContextPath")) != ("makefile", _MAKEFILE.parent.name):
                yield f"{name}.Metadata", f"is built without {_MAKEFILE.relative_to(ROOT)}"


@functools.cache
def _layer_python() -> str:
    found = re.search(r"^LAYER_PYTHON \?= (\S+)$", _MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "nothing"


def _function(project: Project, function: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if function.get("Runtime") not in SUPPORTED:
        yield "Runtime", f"{function.get('Runtime')} is none of {sorted(SUPPORTED)}"
    module, _, attribute = str(function.get("Handler", "")).rpartition(".")
    path = f"{str(function.get('CodeUri', '')).strip('/')}/{module.replace('.', '/')}.py"
    source = project.code.get(path)
    if source is None:
        yield "Handler", f"there is no {path}"
        return
    try:
        tree = parsed(source)
    except SyntaxError as error:
        yield path, f"no Python: {error}"
        return
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if attribute not in defined:
        yield "Handler", f"{path} defines no {attribute!r}"
    elif len(defined[attribute].args.args) != 2:
        yield "Handler", f"{path}: Lambda gives {attribute} an event and a context"
    layers = {each.get("Ref") if isinstance(each, dict) else each for each in function.get("Layers", [])}
    needed = set()
    for imported, names in imports(tree):
        if imported.partition(".")[0] == "sluice":
            for name in names:
                if not _exists(imported, name):
                    yield path, f"{imported} has no {name!r}"
        needed |= {layer for module, layer in _LAYERS.items() if module in reached(imported, tuple(names))}
    for layer in sorted(needed - layers):
        yield "Layers", f"{path} imports what {layer} brings"
    for unneeded in sorted(map(str, layers - needed)):
        yield "Layers", f"{path} needs nothing of {unneeded}"


@functools.cache
def parsed(source: str) -> ast.Module:
    """Raises SyntaxError."""
    return ast.parse(source)


def called_step(project: Project, code_uri: str) -> str | None:
    """The step whose keyword arguments are the event's: a handler's `bootstrap.call(step, **event)`."""
    return _spread(project.code.get(f"{code_uri.strip('/')}/app.py") or "")


@functools.cache
def _spread(source: str) -> str | None:
    try:
        tree = parsed(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == CALL:
            spread = [each.value for each in node.keywords if each.arg is None]
            if any(isinstance(each, ast.Name) and each.id == "event" for each in spread):
                return ast.unparse(node.args[0])
    return None


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Module and names of every import; no names for `import x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)


def source_file(module: str) -> Path | None:
    path = _CORE / module.replace(".", "/")
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((each for each in candidates if each.exists()), None)


@functools.cache
def _exists(module: str, name: str) -> bool:
    """Whether `from module import name` works, by the source."""
    if source_file(f"{module}.{name}"):
        return True
    file = source_file(module)
    if file is None:
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    found = {target.id for target in targets if isinstance(target, ast.Name)}
    found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return name in found | {alias for _, names in imports(tree) for alias in names}


@functools.cache
def reached(module: str, names: tuple[str, ...]) -> frozenset[str]:
    """What an import brings in: modules of ours that have a layer of their own, and the others' top packages.

    The composition root is left out: it imports each adapter when that is asked for.
    """
    seen: set[str] = set()
    left = [module, *(f"{module}.{name}" for name in names if source_file(f"{module}.{name}"))]
    while left:
        each = left.pop()
        if each in seen:
            continue
        seen.add(each)
        file = source_file(each) if each.startswith("sluice") else None
        if file is None or each == "sluice.bootstrap":
            continue
        for imported, inner in imports(ast.parse(file.read_text(encoding="utf-8"))):
            left += [imported, *(f"{imported}.{name}" for name in inner if source_file(f"{imported}.{name}"))]
    return frozenset(seen | {each.partition(".")[0] for each in seen})

"""Puts the job code of this deployment into the bucket, under keys that say what it is."""

from __future__ import annotations

from sluice import bundle
from sluice.model.search_spaces import LIBRARIES
from sluice.ports import ObjectStore


def deploy_code(*, objects: ObjectStore) -> dict[str, str]:
    """Attributes of the custom resource: `SourceUri` (sourcedir.tar.gz), `LearnUri` (the unpacked prefix, with its
    slash, for processing inputs), `LearnArchiveUri`, `GlueScriptUri`, and `GlueModulesUri`: the archive of
    the modules that the script imports, for Glue's `--extra-py-files`.

    The libraries of families that the container lacks are beside it, an archive each: `<root>/libraries/<name>.tar.gz`;
    the code has their hashes.

    Older code stays: an execution keeps the version that it started with. Raises NotFoundError.
    """
    learn = bundle.learn_files()
    glue = bundle.glue_files()
    libraries = sorted(set(LIBRARIES.values()))
    hashes = {f"libraries/{name}": bundle.library_hash(name).encode() for name in libraries}
    beside = {f"glue/{path}": content for path, content in glue.items()}
    root = f"code/{bundle.content_hash({**learn, **beside, **hashes})}"
    source = f"{root}/sourcedir.tar.gz"
    script, modules = f"{root}/glue/{bundle.GLUE_SCRIPT}", f"{root}/glue/modules.zip"
    # it is written last, so that its presence means that all is there
    if not objects.exists(source):
        archives = {f"{name}.tar.gz": bundle.library_archive(name) for name in libraries}
        for name, content in archives.items():
            objects.write(f"{root}/libraries/{name}", content, "application/gzip")
        learn["libraries.json"] = bundle.library_list(archives)
        packed = bundle.archive(learn)
        for path, content in learn.items():
            objects.write(f"{root}/learn/{path}", content, "text/x-python")
        objects.write(script, glue.pop(bundle.GLUE_SCRIPT), "text/x-python")
        objects.write(modules, bundle.zipped(glue), "application/zip")
        objects.write(f"{root}/learn.tar.gz", packed, "application/gzip")
        objects.write(source, packed, "application/gzip")
    return {
        "SourceUri": objects.uri(source),
        "LearnUri": objects.uri(f"{root}/learn/"),
        "LearnArchiveUri": objects.uri(f"{root}/learn.tar.gz"),
        "GlueScriptUri": objects.uri(script),
        "GlueModulesUri": objects.uri(modules),
    }

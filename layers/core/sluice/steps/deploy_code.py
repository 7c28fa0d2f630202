"""Puts the job code of this deployment into the bucket, under keys that say what it is."""

from __future__ import annotations

from sluice import bundle
from sluice.ports import ObjectStore


def deploy_code(*, objects: ObjectStore) -> dict[str, str]:
    """Attributes of the custom resource: `SourceUri` (sourcedir.tar.gz), `LearnUri` (the unpacked prefix, with its
    slash, for processing inputs), `LearnArchiveUri`, `GlueScriptUri`.

    Older code stays: an execution keeps the version that it started with. Raises NotFoundError.
    """
    learn = bundle.learn_files()
    script = bundle.glue_script()
    root = f"code/{bundle.content_hash({**learn, 'glue/clean_dataset.py': script})}"
    source = f"{root}/sourcedir.tar.gz"
    # it is written last, so that its presence means that all is there
    if not objects.exists(source):
        packed = bundle.archive(learn)
        for path, content in learn.items():
            objects.write(f"{root}/learn/{path}", content, "text/x-python")
        objects.write(f"{root}/glue/clean_dataset.py", script, "text/x-python")
        objects.write(f"{root}/learn.tar.gz", packed, "application/gzip")
        objects.write(source, packed, "application/gzip")
    return {
        "SourceUri": objects.uri(source),
        "LearnUri": objects.uri(f"{root}/learn/"),
        "LearnArchiveUri": objects.uri(f"{root}/learn.tar.gz"),
        "GlueScriptUri": objects.uri(f"{root}/glue/clean_dataset.py"),
    }

"""Files that programs leave beside data: markers of Spark and EMR, checksums, files of desktops, unfinished uploads.

They are ignored by name, in raw/, labels/ and batch/ alike. Only known names count: `_customers.csv` is a file of data.
"""

from __future__ import annotations

import fnmatch

FOLDERS = {
    "an unfinished job of Spark or Hive": ("_temporary", ".spark-staging*", ".hive-staging*", "_spark_metadata"),
    "a table's log": ("_delta_log", ".hoodie"),
    "a folder of a desktop or an editor": (
        *("__macosx", ".ipynb_checkpoints", ".git", ".appledouble", ".trash*", ".spotlight-v100", ".fseventsd"),
        *("@eadir", "$recycle.bin", "system volume information"),
    ),
}
NAMES = {
    "a marker of Spark or Hadoop": (
        *("_success", "_failure", "_failed", "_metadata", "_common_metadata", "_committed_*", "_started_*"),
        *("_committed", "_started"),
    ),
    "a checksum": ("*.crc", "*.md5", "*.sha1", "*.sha256"),
    "a folder marker of EMR": ("*_$folder$",),
    "a file of a desktop": (
        *(".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".localized", "icon\r", ".directory", "._*"),
        *(".gitkeep", ".keep", ".gitignore"),
    ),
    "the lock or copy of an open program": ("~$*", ".~lock.*", ".#*", "*~", "*.swp", "*.swx", "*.lock"),
    "an unfinished upload": (
        *("*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download", "*.inprogress"),
        *(".fuse_hidden*", ".nfs*", ".goutputstream*"),
    ),
}


def marker(key: str, size: int | None = None) -> str | None:
    """What the object at `<area>/<project>/<name>` is, if it is not a data file; else None.

    >>> marker("raw/shop/out.parquet/_SUCCESS"), marker("raw/shop/_temporary/0/part-0.csv")
    ('a marker of Spark or Hadoop', 'an unfinished job of Spark or Hive')
    >>> marker("raw/shop/part-0.csv"), marker("raw/shop/2026/", 0)
    (None, 'a folder marker of the S3 console')
    """
    if key.endswith("/") and not size:
        return "a folder marker of the S3 console"
    *folders, name = key.lower().split("/")[2:] or [""]
    for what, patterns in FOLDERS.items():
        if any(_matches(folder, patterns) for folder in folders):
            return what
    return next((what for what, patterns in NAMES.items() if _matches(name, patterns)), None)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

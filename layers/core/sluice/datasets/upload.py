"""One version of an object in raw/ or labels/, and the dataset that its rows would be."""

from __future__ import annotations

from dataclasses import dataclass

from sluice import names


@dataclass(frozen=True)
class Upload:
    bucket: str
    key: str
    version: str
    """`null` in a bucket without versions, as S3 names it in its lists."""
    project: str = ""
    """Empty while the key is not parsed, and for a key that names none."""

    @property
    def dataset(self) -> str:
        return names.dataset_id(self.bucket, self.key, self.version)

    @property
    def version_to_read(self) -> str | None:
        return self.version if self.version != "null" else None

    @property
    def has_labels(self) -> bool:
        return self.key.startswith("labels/")

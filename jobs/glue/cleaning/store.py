"""Files through Hadoop, whatever file system their addresses name."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from cleaning.errors import CleaningError


class Store:
    """Reads, writes and moves files through Hadoop's FileSystem of each path: s3:// on Glue, file:// in a test."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm = spark._jvm
        self._configuration = spark._jsc.hadoopConfiguration()

    def _open(self, path: str) -> tuple[Any, Any]:
        java_path = self._jvm.org.apache.hadoop.fs.Path(path)
        return java_path.getFileSystem(self._configuration), java_path

    def exists(self, path: str) -> bool:
        file_system, java_path = self._open(path)
        return bool(file_system.exists(java_path))

    def read(self, path: str) -> bytes:
        file_system, java_path = self._open(path)
        if not file_system.exists(java_path):
            raise CleaningError(f"{path} does not exist")
        stream = file_system.open(java_path)
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def write(self, path: str, body: bytes) -> None:
        file_system, java_path = self._open(path)
        stream = file_system.create(java_path, True)
        stream.write(bytearray(body))
        stream.close()

    def remove(self, path: str) -> None:
        file_system, java_path = self._open(path)
        file_system.delete(java_path, True)

    def move_only_file(self, folder: str, destination: str) -> None:
        """Moves the one data file of `folder` (as Spark wrote it) to `destination`."""
        file_system, java_folder = self._open(folder)
        found = [s.getPath() for s in file_system.listStatus(java_folder) if s.getPath().getName().startswith("part-")]
        if len(found) != 1:
            raise CleaningError(f"{folder} holds {len(found)} part files instead of one")
        _, target = self._open(destination)
        file_system.mkdirs(target.getParent())
        file_system.delete(target, False)
        if not file_system.rename(found[0], target):
            raise CleaningError(f"cannot move {found[0]} to {destination}")

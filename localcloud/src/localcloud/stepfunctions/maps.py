"""Map states in distributed mode: a Map Run, whose items are executions of their own with the machine's role.

As on AWS, an item sees no variable of the machine around it, its execution has a history and a status of its own, and
the run fails, and what still runs of it is stopped, once more items have failed than are tolerated (none, unless the
state says otherwise). `definitions` refuses what is not here: ItemReader, ItemBatcher, ResultWriter, Express executions
and JSONPath.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions as sfn

from localcloud import service_calls
from localcloud.stepfunctions import executions

logger = logging.getLogger("localcloud.stepfunctions")

THREADS = 64
"""Executions at once where the state does not limit them; AWS starts up to 10,000."""
_COUNTS = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten")


def install() -> None:
    sfn._run_distributed_map = run


def run(
    state: dict[str, Any],
    raw_input: Any,
    effective: Any,
    processor: dict[str, Any],
    execution: dict[str, Any],
    context: dict[str, Any],
) -> tuple[Any, Any]:
    """Runs the state once; (output, name of the next state). Raises States.ExceedToleratedFailureThreshold."""
    del effective  # JSONPath's
    parent = executions.current.get()
    if parent is None or sfn._state_query_language(state, context) != "JSONata":
        raise sfn._ExecutionError("States.Runtime", "the local cloud runs a distributed Map in JSONata only")
    items = sfn._jsonata_state_field(state, "Items", "array", raw_input, context) if "Items" in state else raw_input
    map_run = MapRun(state, processor, execution, context, parent, items)
    results = map_run.finish(map_run.given(state, raw_input, context, items))
    output = sfn._apply_jsonata_output(state, raw_input, context, result=results, default=results)
    sfn._apply_state_assign(state, raw_input, context, result=results)
    return output, sfn._next_or_end(state)


class MapRun:
    """One run of a distributed Map: its record, as DescribeMapRun gives it, and its executions."""

    def __init__(
        self,
        state: dict[str, Any],
        processor: dict[str, Any],
        execution: dict[str, Any],
        context: dict[str, Any],
        parent: executions.Running,
        items: list[Any],
    ) -> None:
        machine = execution["stateMachineArn"]
        label = state.get("Label") or str(uuid.uuid4())
        self._machine, self._parent = f"{machine}/{label}", parent
        self._processor, self._execution, self._context = processor, execution, context
        self._lock, self._over = threading.Lock(), threading.Event()
        self._most = int(self._number(state, "MaxConcurrency", context))
        self._tolerated = self._number(state, "ToleratedFailureCount", context, None)
        self._percentage = self._number(state, "ToleratedFailurePercentage", context, None)
        counts = dict.fromkeys(_COUNTS, 0) | {"total": len(items), "pending": len(items)}
        self.record: dict[str, Any] = {
            "mapRunArn": self._machine.replace(":stateMachine:", ":mapRun:") + f":{uuid.uuid4()}",
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": self._most,
            "toleratedFailurePercentage": self._percentage or 0.0,
            "toleratedFailureCount": int(self._tolerated or 0),
            "itemCounts": dict(counts),
            "executionCounts": dict(counts),
            "redriveCount": 0,
            "_stateMachineArn": self._machine,
        }
        self._check_role(machine, execution["executionArn"])
        sfn._map_runs[self.record["mapRunArn"]] = self.record
        sfn._add_event(execution, "MapStateStarted", {"mapStateStartedEventDetails": {"length": len(items)}})
        started = {"mapRunStartedEventDetails": {"mapRunArn": self.record["mapRunArn"]}}
        sfn._add_event(execution, "MapRunStarted", started)

    def given(self, state: dict[str, Any], raw_input: Any, context: dict[str, Any], items: list[Any]) -> Iterator[Any]:
        """The input of each item's execution."""
        for index, item in enumerate(items):
            if "ItemSelector" not in state:
                yield item
                continue
            own = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            yield sfn._apply_jsonata_template(state["ItemSelector"], raw_input, own)

    def finish(self, inputs: Iterator[Any]) -> list[Any]:
        """Runs the executions; the outputs of those that succeeded, in the order of the items."""
        every = list(inputs)
        outputs: list[Any] = [None] * len(every)
        succeeded = [False] * len(every)

        def run_one(index: int, given: Any) -> None:
            succeeded[index], outputs[index] = self._run(given)

        with ThreadPoolExecutor(min(self._most or THREADS, len(every)) or 1) as pool:
            run_in = [contextvars.copy_context().run for _ in every]
            futures = [pool.submit(run_in[index], run_one, index, given) for index, given in enumerate(every)]
            futures_wait(futures)
        for future in futures:
            future.result()
        self._parent.check()
        self.record["stopDate"] = now_iso()
        if self._over.is_set():
            self.record["status"] = "FAILED"
            error, cause = (
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )
            sfn._add_event(
                self._execution, "MapRunFailed", {"mapRunFailedEventDetails": {"error": error, "cause": cause}}
            )
            raise sfn._ExecutionError(error, cause)
        self.record["status"] = "SUCCEEDED"
        sfn._add_event(self._execution, "MapRunSucceeded")
        return [output for output, good in zip(outputs, succeeded, strict=True) if good]

    def _run(self, given: Any) -> tuple[bool, Any]:
        if self._over.is_set() or self._parent.ended.is_set():
            self._count("pending", "aborted")
            return False, None
        child, running = self._started(given)
        token = executions.current.set(running)
        try:
            output = executions.walk_apart(self._processor, child, self._context, running)
            child |= {"status": "SUCCEEDED", "output": executions.limited(output, "The execution")}
            sfn._add_event(child, "ExecutionSucceeded", {"executionSucceededEventDetails": {"output": child["output"]}})
            ended = "succeeded"
        except sfn._ExecutionError as error:
            output = None
            ended = "aborted" if error.error == executions.ENDED else "failed"
            executions.fail(child, error.error, error.cause, "ABORTED" if ended == "aborted" else "FAILED")
        except Exception as error:  # the boundary of the thread: an execution always ends with a status
            logger.exception("execution %s", child["executionArn"])
            output, ended = None, "failed"
            executions.fail(child, "States.Runtime", f"{type(error).__name__}: {error}")
        finally:
            child["stopDate"] = child.get("stopDate") or now_iso()
            executions.forget(running)
            self._parent.children.remove(running)
            executions.current.reset(token)
        self._count("running", ended)
        return ended == "succeeded", output

    def _started(self, given: Any) -> tuple[dict[str, Any], executions.Running]:
        name = str(uuid.uuid4())
        arn = self._machine.replace(":stateMachine:", ":execution:") + f":{name}"
        child: dict[str, Any] = {
            "executionArn": arn,
            "stateMachineArn": self._machine,
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": executions.limited(given, "The item"),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self.record["mapRunArn"],
            "events": [],
        }
        sfn._executions[arn] = child
        details = {"input": child["input"], "roleArn": self._parent.role_arn}
        sfn._add_event(child, "ExecutionStarted", {"executionStartedEventDetails": details})
        running = executions.remember(executions.Running(child, self._parent.role_arn))
        self._parent.children.append(running)
        self._count("pending", "running")
        return child, running

    def _count(self, before: str, after: str) -> None:
        with self._lock:
            for counts in (self.record["itemCounts"], self.record["executionCounts"]):
                counts[before] -= 1
                counts[after] += 1
            failed, total = counts["failed"] + counts["timedOut"], counts["total"]
            if after == "failed" and self._is_too_many(failed, total) and not self._over.is_set():
                self._over.set()
                for child in list(self._parent.children):
                    child.end()

    def _is_too_many(self, failed: int, total: int) -> bool:
        if self._tolerated is None and self._percentage is None:
            return failed > 0
        over_count = self._tolerated is not None and failed > self._tolerated
        return over_count or (self._percentage is not None and 100 * failed > self._percentage * total)

    @staticmethod
    def _number(state: dict[str, Any], field: str, context: dict[str, Any], otherwise: Any = 0) -> Any:
        return sfn._jsonata_state_field(state, field, "number", {}, context) if field in state else otherwise

    def _check_role(self, machine: str, execution: str) -> None:
        why = service_calls.role_denial(
            "map run", self._parent.role_arn, "StepFunctions", machine=machine, execution=execution
        )
        if why:
            raise sfn._ExecutionError("States.Permissions", why)

"""Step Functions: every service integration is a real call under the state machine's role.

ministack walks the states and evaluates JSONata; execution lifetime (`executions`), distributed maps (`maps`), tasks
(`tasks`), task tokens (`tokens`), service calls (`calls`), run-a-job integrations (`jobs`), definitions (`definitions`)
and execution logs (`logs`) are replaced here.
"""

from __future__ import annotations

from localcloud.settings import Settings


def install(settings: Settings) -> None:
    """Replaces ministack's functions by ours in its module, where it looks them up at each call."""
    from localcloud.stepfunctions import definitions, executions, logs, maps, tasks, tokens

    definitions.install()
    executions.install()
    maps.install()
    tasks.install()
    tokens.install()
    logs.install()


def shutdown() -> None:
    """Ends the waits of running executions, so that their threads do not hold the process."""
    from localcloud.stepfunctions import executions

    executions.end_all()

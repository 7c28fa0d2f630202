"""A view as what a person decides by: a line for each stage's result, and one for what goes on now. Pure.

Each thing is said once, and a line that was said never changes. States, jobs and sentences of every step are in the
tree (`cli.watching.tree`) and in the lines of `--verbose`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cli.commands.runs import explanation
from cli.text import number, plural, seconds_in_words
from cli.watching.search_log import search_words
from cli.watching.states import State
from cli.watching.tree import Line
from cli.watching.view import View, every, how_to_decide
from sluice.ports import Json
from sluice.records import gate_figures
from sluice.records.words import in_words

_SHOWN_LEAKS = 3
_SAME = 80
"""Characters: what begins with this many of another reason's is the same reason, which may be shortened there."""
_WARNED = frozenset({"Started From Another Run?", "No Way Back", "Rollback Not Verified"})
"""States that are entered only where something went another way than usual."""
_GOING_ON = {
    "Prepare Data": "preparing the data",
    "Build Model": "training a baseline and searching for the best model",
    "Evaluate Candidate": "scoring the held-out rows",
    "Judge Candidate": "deciding by the contract's gates",
    "Register Model": "registering the new model",
    "Release Model": "releasing the new model",
    "Finish Run": "recording how the run ended",
    "Record Failure": "recording why a stage failed",
    "Bake": "watching the new model",
    "Judge Canary": "watching the new model",
    "Choose Weights": "watching the new model",
}
_BESIDE_PROGRESS = {_GOING_ON["Build Model"]: "searching"}
"""Shorter words where the progress must fit on the same line."""


@dataclass(frozen=True)
class Digest:
    """`settled`: what will not change any more, in order. `now`: what goes on, and for how many seconds; `progress`:
    how far it is. Both are "" where nothing goes on, or nothing is known."""

    settled: tuple[Line, ...]
    now: str = ""
    seconds: float = 0.0
    progress: str = ""


def digest(view: View) -> Digest:
    told = _Told(view)
    settled = tuple(told.lines())
    running = next((each for each in reversed(list(every(view.states))) if each.status == "running"), None)
    # a stage whose steps have all ended is about to enter the next one, or to end
    if view.over or view.waits or running is None or running.children:
        return Digest(settled)
    top = next(state for state in reversed(view.states) if state.status == "running")
    named = next((each for each in (running, top) if each.name in _GOING_ON), None)
    words = _GOING_ON[named.name] if named else running.words
    if any(each.words.startswith("Rolling back") for each in every([top])):
        words = "rolling back to the earlier model"
    return Digest(settled, words, (named or running).seconds(view.at), _progress(view))


def heading(view: View) -> Line:
    return Line(f"{view.run_id} of {view.project} ({view.record.get('trigger')})", "bold")


def results(view: View, height: int | None = None) -> list[Line]:
    """All lines; with a `height`, the heading and the newest ones."""
    found = digest(view)
    lines = [heading(view), *found.settled]
    if found.now:
        doing = f"{_BESIDE_PROGRESS.get(found.now, found.now)}: {found.progress}" if found.progress else found.now
        lines.append(Line(f"  ● {doing} ({seconds_in_words(found.seconds)})", "cyan"))
    elif not view.over and not view.waits and not view.states:
        lines.append(Line("  its execution has not begun yet", "dim"))
    return lines if height is None else lines[:1] + lines[1:][-(height - 1) :]


@dataclass
class _Told:
    """What was said about failures: the reason of a job is that of its state, of its stage and of the run."""

    view: View
    _reasons: list[str] = field(default_factory=list)
    _leaks: list[str] = field(default_factory=list)
    _evaluated: Json = field(default_factory=dict)
    _verdicts: list[Json] = field(default_factory=list)

    def lines(self) -> Iterator[Line]:
        for state in self.view.states:
            yield from self._of(state)
        if self.view.over or self.view.stopped:
            yield from self._suspected()
        if self.view.waits:
            yield from (Line(f"  {line}", "yellow") for line in how_to_decide(self.view.run_id))
        if self.view.over:
            yield from (Line(f"  {line}", "yellow") for line in self.view.record.get("without_leaks") or [])
            if self.view.record["outcome"] == "promoted" and (gate := proposed_gate(self._evaluated, self._verdicts)):
                yield Line(f"  optional: add {gate} to gates in project.yaml")
            yield self._end()

    def _of(self, state: State) -> Iterator[Line]:
        """The parts of a state come first: what failed in one of them is the reason why it failed."""
        for child in state.children:
            yield from self._of(child)
        yield from self._result(state)
        if state.name in _WARNED:
            yield Line(f"  ! {state.words}", "yellow")
        if missing := state.evidence.facts.get("not_shown"):
            yield Line(f"  ! {state.name} is not shown: {str(missing).splitlines()[0]}", "yellow")
        if state.status == "failed" and not self._known(state.failure):
            self._reasons.append(_core(state.failure))
            yield Line(f"  ✗ {state.name}: {state.failure}", "red")

    def _known(self, reason: str) -> bool:
        return any(each in reason for each in self._reasons)

    def _result(self, state: State) -> Iterator[Line]:
        facts = state.evidence.facts
        if state.name == "Clean Dataset" and facts.get("rows"):
            yield _line("data", state.evidence.lines[0])
        elif state.name == "Tune Candidates" and state.ended and (facts.get("jobs") or {}).get("planned") != 1:
            yield from (_line("training", text) for text in state.evidence.lines[:1])
        elif state.name == "Evaluate Candidate" and facts.get("models"):
            self._leaks = list(facts.get("suspected_leaks") or [])
            self._evaluated = facts
            yield from _evaluated(facts)
        elif state.name == "Judge Candidate" and facts.get("decision"):
            yield from self._judged(state)
        elif state.name == "Replay Requests" and state.ended and facts:
            yield _line("replay", _joined(state.evidence.lines), good=facts.get("decision") != "abort")
        elif state.name in ("Bake", "Await Swap"):
            yield from (Line(f"  {text}") for text in state.evidence.lines)
        elif state.name == "Judge Canary":
            yield from _steps(state)
        elif state.name == "Choose Weights" and facts.get("decision") in ("promote", "abort"):
            yield _line("release", _joined(state.evidence.lines), good=facts["decision"] == "promote")
        elif state.name.startswith("Verify ") and state.ended and facts.get("decision") not in (None, "verified"):
            yield _line("check", _joined(state.evidence.lines), good=False)
        elif state.machine == "ReleaseModel" and state.name == "Model Promoted":
            yield _line("release", "the new model serves all requests")

    def _judged(self, state: State) -> Iterator[Line]:
        verdicts = self._verdicts = state.evidence.facts.get("verdicts") or []
        passed = [_figure(each) for each in verdicts if each["outcome"] == "pass"]
        if passed:
            yield _line("gates", f"passed: {'; '.join(passed)}")
        for each in verdicts:
            if each["outcome"] == "pass":
                continue
            why = str(each.get("reason") or gate_figures.sentence(each))
            self._reasons.append(_core(why))
            named = why if each["metric"] in why else f"{gate_figures.gate_name(each)}: {why}"
            yield _line("gate", f"{_WORDS.get(each['outcome'], each['outcome'])}: {named}", good=False)
            if each["metric"] == "suspected_leaks":
                self._leaks = []
        if not verdicts:
            yield _line("gates", _joined(state.evidence.lines), good=False)
        yield from self._suspected()

    def _suspected(self) -> Iterator[Line]:
        """Leaks that no gate speaks of."""
        yield from (Line(f"  ! suspected leak: {each}", "yellow") for each in self._leaks[:_SHOWN_LEAKS])
        if len(self._leaks) > _SHOWN_LEAKS:
            yield Line(f"  ! {len(self._leaks) - _SHOWN_LEAKS} more suspected leaks: `sluice why`", "yellow")
        self._leaks = []

    def _end(self) -> Line:
        """The outcome, its reason unless it stands above, and the next command."""
        view, how = self.view, str(self.view.record["outcome"])
        why = explanation(view.record)
        if self._known(why):
            why = ""
        words = f"{in_words(how)} after {view.took}"
        words += f": {why.rstrip('.')}." if why else "."
        now = "Now: "
        if how == "promoted":
            now += f"`sluice ask {view.project}` prints a request for it; "
        elif view.record.get("without_leaks"):
            now += "the lines above; "
        return Line(f"{words} {now}`sluice why {view.run_id}` has every decision", "bold")


def proposed_gate(evaluated: Json, verdicts: Sequence[Json]) -> str:
    """What holds later models to what the first one is worth; "" if a gate does so, or after an earlier model.

    `evaluated`: the facts of `findings.evaluation`.
    """
    is_held = any(each["rule"] in ("min", "max") and each["metric"] != "suspected_leaks" for each in verdicts)
    return "" if not evaluated or is_held or "champion" in evaluated["models"] else limit(evaluated)


def limit(evaluated: Json) -> str:
    """The gate at the worse end of the new model's interval, in two digits; "" without an interval.

    >>> limit({"metric": "rmse", "lower_is_better": True, "models": {"candidate": {"low": 60.3, "high": 65.69}}})
    '{metric: rmse, max: 66}'
    """
    lower, metric = evaluated.get("lower_is_better"), evaluated["metric"]
    end = (evaluated["models"].get("candidate") or {}).get("high" if lower else "low")
    if not end:
        return ""
    digits = 1 - math.floor(math.log10(abs(end)))
    rounded = (math.ceil if lower else math.floor)(end * 10.0**digits) / 10.0**digits
    return f"{{metric: {metric}, {'max' if lower else 'min'}: {rounded:g}}}"


_WORDS = {"fail": "failed", "inconclusive": "not certain, so not passed"}


def _joined(lines: Iterable[str]) -> str:
    """Lines of a record, of which some begin with a dash, on one.

    >>> _joined(["verification: failed", "- no answer"])
    'verification: failed; no answer'
    """
    return "; ".join(line.strip().removeprefix("- ") for line in lines)


def _line(stage: str, text: str, *, good: bool = True) -> Line:
    return Line(f"  {'✓' if good else '✗'} {stage:<8}  {text}", "" if good else "red")


def _evaluated(facts: Json) -> Iterator[Line]:
    """The new model beside the baseline and the one that serves; why the search ended."""
    if ended := facts.get("few_trials") or facts.get("search_end"):
        yield _line("search", str(ended).removeprefix("the search "))
    models, metric = facts["models"], facts["metric"]
    new = models.get("candidate")
    family = f"{facts['family']}: " if facts.get("family") else ""
    told = [f"{metric} {_interval(new)}" if new else f"{metric} not measured"]
    told += [f"{who} {_interval(models[who])}" for who in ("champion", "baseline") if who in models]
    yield _line("model", f"{family}{', '.join(told)} ({_rows(facts['rows'])} held out)")


def _rows(rows: int) -> str:
    """
    >>> _rows(1), _rows(1408)
    ('1 row', '1,408 rows')
    """
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _interval(model: Json) -> str:
    ends = f" [{number(model['low'])}, {number(model['high'])}]" if model.get("low") is not None else ""
    return f"{number(model['value'])}{ends}"


def _figure(verdict: Json) -> str:
    """A passed gate, with the figure that was compared and its limit.

    >>> _figure({"metric": "suspected_leaks", "rule": "max", "statistic": 0.0, "threshold": 0.0})
    'suspected_leaks: 0 (at most 0)'
    >>> gain = {"value": 0.12, "low": 0.1, "high": 0.14, "compared": "low end"}
    >>> _figure({"metric": "auc", "rule": "above_baseline_by", "statistic": 0.1, "threshold": 0.05, "measured": gain})
    'auc better than the baseline, surely by 0.1 (at least 0.05)'
    """
    if verdict.get("statistic") is None:
        return str(verdict.get("reason") or gate_figures.gate_name(verdict))
    found = (verdict.get("measured") or {}).get("compared")
    if verdict["rule"] == "above_baseline_by":
        gain = f"{', surely' if found == 'low end' else ''} by {number(float(verdict['statistic']))}"
        needed = f" ({gate_figures.limit(verdict)})" if verdict["threshold"] else ""
        return f"{gate_figures.gate_name(verdict)}{gain}{needed}"
    figure = gate_figures.compared(verdict) if found and found != "value" else number(float(verdict["statistic"]))
    return f"{gate_figures.gate_name(verdict)}: {figure} ({gate_figures.limit(verdict)})"


def _steps(state: State) -> Iterator[Line]:
    """Each share of the traffic whose measurements have ended."""
    for step in state.evidence.facts.get("steps") or []:
        if step["decision"] == "continue":
            continue
        counts = ", ".join(
            f"{who} {step[key]['failures']} of {plural(step[key]['requests'], 'request')} failed"
            for who, key in (("new model", "canary"), ("champion", "champion"))
        )
        # why a model was taken back is the reason of the run's end
        why = "" if step["decision"] == "abort" else "; ".join(step.get("reasons") or [])
        text = f"at {step['percent']} %: {counts}: {step['decision']}{f' ({why})' if why else ''}"
        yield _line("release", text, good=step["decision"] != "abort")


def _progress(view: View) -> str:
    """How far the current state is: trials or jobs that have ended, seconds of a bake."""
    for state in reversed(list(every(view.states))):
        facts = state.evidence.facts
        if state.name == "Tune Candidates" and not state.ended:
            if search := facts.get("search"):
                return search_words(search)
            return state.evidence.lines[0] if (facts.get("jobs") or {}).get("planned") != 1 else ""
        if state.name == "Judge Canary" and facts.get("steps"):
            newest = facts["steps"][-1]
            if newest["decision"] == "continue":
                return "; ".join(newest.get("reasons") or [])
        if state.name == "Choose Weights" and facts:
            return state.evidence.lines[0]
    return ""


def _core(reason: str) -> str:
    """The beginning of a reason without the error's name before it: whatever repeats it has this.

    >>> _core("States.TaskFailed: the file is damaged")
    'the file is damaged'
    """
    head, _, rest = reason.partition(": ")
    return (rest if rest and " " not in head else reason)[:_SAME]

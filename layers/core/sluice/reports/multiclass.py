"""Plots of a problem with several classes."""

from __future__ import annotations

from sluice import figures
from sluice.escaping import short
from sluice.page import Safe, element, row, table
from sluice.reports import binary
from sluice.reports.facts import Facts, card, number


def plots(facts: Facts) -> list[Safe]:
    drawn = facts.plots
    found: list[Safe] = []
    if drawn.confusion:
        note = None
        if drawn.confusion.others:
            note = element("p", f"The {drawn.confusion.others} rarest classes are counted together.")
        matrix = figures.matrix("confusion matrix", drawn.confusion.classes, drawn.confusion.counts)
        found.append(card("Confusion matrix", matrix, note, wide=len(drawn.confusion.classes) > 4))
    which = "Of each class against the rest; the most frequent classes."
    if any(drawn.roc.values()):
        found.append(
            binary.curves(
                "ROC curves", drawn.roc, "false positive rate", "true positive rate", diagonal=True, note=which
            )
        )
    if any(drawn.precision_recall.values()):
        found.append(binary.curves("Precision and recall", drawn.precision_recall, "recall", "precision", note=which))
    if drawn.calibration:
        ece = facts.value("candidate", "ece")
        note_text = f"ece {number(ece)}." if ece is not None else ""
        found.append(
            binary.calibration(
                drawn.calibration, "mean probability of the chosen class", "share that is right", note_text
            )
        )
    if drawn.scores:
        found.append(binary.scores(facts, "How sure the model is", "probability of the chosen class"))
    if drawn.classes:
        found.append(_classes(facts))
    return found


def _classes(facts: Facts) -> Safe:
    rows = [
        row(
            short(each.name, 60),
            (f"{each.rows:,}", "n"),
            *((f"{value:.3f}", "n") for value in (each.precision, each.recall, each.f1)),
            (number(each.roc_auc), "n"),
        )
        for each in facts.plots.classes
    ]
    header: list[tuple[str, str | None]] = [("Class", None)]
    header += [(name, "n") for name in ("Rows", "Precision", "Recall", "F1", "ROC AUC")]
    return card("Classes, the most frequent first", table(header, rows, slim=True), wide=True)

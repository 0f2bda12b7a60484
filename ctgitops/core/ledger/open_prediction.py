"""Open predictions in the ledger: not yet compared with the schema, or compared and not matched. Pure.

A run records its prediction before it applies the plan, and the result of the comparison afterwards. If the run is
killed in between, the next run makes the comparison. These entries belong to no migration and have no number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...lazy import dataclass
from ..problem import Concern, Problem
from ..schema.prediction import Prediction, PredictionMismatch
from .drift_acceptance import change_data, changes_from, changes_text
from .ledger import Entry, Ledger, Mark

NAME = "prediction"
"""The name of the entries that record predictions."""


@dataclass(frozen=True)
class OpenPrediction:
    """A recorded prediction. The schema was not yet compared with the prediction, or does not match it."""

    made: Entry
    broken: Entry | None = None
    """The entry that records a mismatch. None if the schema was not compared yet."""

    @property
    def prediction(self) -> Prediction:
        """The predicted schema."""
        return Prediction(self.made.checksum or "", changes_from(json.dumps(self._text["changes"])))

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the migrations in the plan."""
        return frozenset(self._text["migrations"])

    @property
    def _text(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = json.loads(self.made.sql or '{"migrations": [], "changes": []}')
        return found

    def text(self, environment: str) -> str:
        """The state of the prediction in one sentence: the schema was not compared yet, or it does not match."""
        plan, at = (self.made.plan or "")[:12], self.made.started_at
        run = f"plan {plan}{f' of {at:%Y-%m-%d %H:%M}' if at else ''}"
        if self.broken is None:
            why = "the run ended before the comparison"
            return f"the schema of {environment} was not compared with the prediction of {run}: {why}"
        return f"the schema of {environment} differs from the prediction of {run}: {self.broken.error}"


def made(fingerprint: str, numbers: tuple[int, ...], prediction: Prediction) -> Entry:
    """The entry that a run writes before it applies the plan with this fingerprint and these migrations."""
    changes = [change_data(change) for change in prediction.changes]
    text = json.dumps({"migrations": numbers, "changes": changes}, ensure_ascii=False)
    return Entry(Mark.STARTED, NAME, checksum=prediction.fingerprint, sql=text, plan=fingerprint)


def ended(fingerprint: str, mismatch: PredictionMismatch | None) -> Entry:
    """The entry that a run writes after the comparison. `fingerprint` identifies the plan."""
    if mismatch is None:
        return Entry(Mark.REPAIRED, NAME, error="the schema equals the prediction", plan=fingerprint)
    many = len(mismatch.differs)
    what = f"{many} difference{'' if many == 1 else 's'}" if many else "the rest of the schema was changed"
    return Entry(Mark.FAILED, NAME, sql=changes_text(mismatch.differs), error=what, plan=fingerprint)


def open_predictions(ledger: Ledger) -> tuple[OpenPrediction, ...]:
    """Open predictions, oldest first. Leaves out the predictions of plans that did not complete or were rolled back."""
    return tuple(each for each in _standing(ledger.entries) if each.numbers <= ledger.applied.keys())


def prediction_problems(environment: str, ledger: Ledger) -> Iterator[Problem]:
    """A warning for each open prediction. The warning does not block the plan, which may correct the mismatch."""
    for each in open_predictions(ledger):
        what, hint = each.text(environment), prediction_advice(each, environment)
        yield Problem("not-as-predicted", what, hint=hint, blocks=False, concern=Concern.LEDGER)


def prediction_advice(promise: OpenPrediction, environment: str) -> str:
    """The advice for an open prediction."""
    if promise.broken is None:
        return f"`ctgitops apply --env {environment}` compares the two, even if nothing is pending"
    return (
        f"see `ctgitops drift --env {environment}`, correct the schema, and record the correction: "
        f'`ctgitops repair --env {environment} --as-it-is --reason "…"`'
    )


def _standing(entries: Iterable[Entry]) -> tuple[OpenPrediction, ...]:
    """The open predictions. A new prediction closes each earlier prediction that has no mismatch."""
    found: dict[str | None, OpenPrediction] = {}
    for entry in entries:
        if entry.number is not None and _takes_away(entry):
            found = {plan: each for plan, each in found.items() if entry.number not in each.numbers}
        if entry.number is not None or entry.name != NAME:
            continue
        match entry.mark:
            case Mark.STARTED:
                found = {plan: each for plan, each in found.items() if each.broken}
                found[entry.plan] = OpenPrediction(entry)
            case Mark.FAILED if entry.plan in found:
                found[entry.plan] = replace(found[entry.plan], broken=entry)
            case Mark.REPAIRED if entry.plan:
                found.pop(entry.plan, None)
            case Mark.REPAIRED:
                found.clear()
            case _:
                pass
    return tuple(found.values())


def _takes_away(entry: Entry) -> bool:
    return entry.mark is Mark.ROLLED_BACK or (entry.mark is Mark.REPAIRED and not entry.marks_applied)

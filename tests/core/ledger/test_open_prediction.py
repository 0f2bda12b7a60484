"""Recorded predictions that are still open: not yet compared with the schema, and not accepted by a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.open_prediction import NAME, ended, made, open_predictions
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.prediction import Prediction, PredictionMismatch
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.view.status import status_of
from tests.fakes import NOW, STAGING, chained, entry, migration, seed_entry, workspace

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
TABLE = SchemaObject("table", "public.t", attributes={})
PREDICTION = Prediction("f" * 64, (Added(TABLE),))
AHEAD = replace(made("a" * 64, (2,), PREDICTION), started_at=NOW)
BROKEN = ended("a" * 64, PredictionMismatch((Added(TABLE),)))
KEPT = ended("a" * 64, None)
OTHER, OTHER_KEPT = made("b" * 64, (1,), PREDICTION), ended("b" * 64, None)
SAID = Entry(Mark.REPAIRED, NAME, error="003 puts it right")
UNDONE = entry(TWO, Mark.ROLLED_BACK)
HAS = (entry(ONE), AHEAD, entry(TWO))


def standing(*entries: Entry) -> list[str]:
    return ["broken" if each.broken else "unseen" for each in open_predictions(chained(*entries))]


@pytest.mark.parametrize(
    ("entries", "stands"),
    [
        ((), []),
        ((entry(ONE), AHEAD), []),
        (HAS, ["unseen"]),
        ((*HAS, KEPT), []),
        ((*HAS, BROKEN), ["broken"]),
        ((*HAS, BROKEN, OTHER), ["broken", "unseen"]),
        ((*HAS, BROKEN, OTHER, OTHER_KEPT), ["broken"]),
        ((*HAS, BROKEN, KEPT), []),
        ((*HAS, BROKEN, SAID), []),
        ((*HAS, BROKEN, UNDONE), []),
        ((*HAS, BROKEN, UNDONE, entry(TWO)), []),
        ((*HAS, BROKEN, replace(entry(TWO, Mark.REPAIRED), checksum=None), entry(TWO)), []),
        ((entry(ONE), AHEAD, entry(TWO, Mark.FAILED), OTHER, entry(TWO), OTHER_KEPT), []),
        ((*HAS, BROKEN, SAID, AHEAD), ["unseen"]),
    ],
    ids=[
        "nothing was predicted",
        "the plan did not come to its end",
        "its run was killed before it looked",
        "kept",
        "broken",
        "a later run is at work",
        "a later run's own came, which was made of a schema that is wrong already",
        "by now it is as predicted",
        "a person said that it may be so",
        "it was undone",
        "and applied again, of which nobody predicted anything",
        "it was undone by hand, and applied again",
        "the next run tried again, with a prediction of its own",
        "the same plan again",
    ],
)
def test_what_stands(entries: tuple[Entry, ...], stands: list[str]) -> None:
    assert standing(*entries) == stands


def test_what_was_predicted_can_be_read_back() -> None:
    (promise,) = open_predictions(chained(*HAS))
    assert (promise.prediction, promise.numbers) == (PREDICTION, frozenset({2}))


def test_a_seed_file_of_that_name_is_none_of_them() -> None:
    ledger = chained(*HAS, seed_entry(NAME, "sha256:0"))
    assert [each.broken for each in open_predictions(ledger)] == [None]
    assert NAME not in chained(*HAS, KEPT).seeded


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (
            (),
            "the schema of staging was not compared with the prediction of plan aaaaaaaaaaaa of 2026-11-24 09:30: "
            "the run ended",
        ),
        (
            (BROKEN,),
            "the schema of staging differs from the prediction of plan aaaaaaaaaaaa of 2026-11-24 09:30: 1 difference",
        ),
    ],
)
def test_status_tells_and_does_not_call_it_a_migration(last: tuple[Entry, ...], said: str) -> None:
    status = status_of(workspace(ONE, TWO), STAGING, chained(*HAS, *last))
    (problem,) = status.problems
    assert problem.what.startswith(said)
    assert (problem.code, problem.blocks, status.exit_status) == ("not-as-predicted", False, 0)
    assert [row.name for row in status.rows] == ["001_one", "002_two"]


def test_a_prediction_that_came_is_not_the_last_run() -> None:
    def last(ledger: Ledger) -> str:
        newest = status_of(workspace(ONE, TWO), STAGING, ledger).last
        return f"{newest.name} {newest.mark}" if newest else "none"

    assert last(chained(*HAS, KEPT)) == "002_two applied"
    assert last(chained(*HAS, BROKEN)) == "prediction failed"

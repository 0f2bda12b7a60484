"""When the trial of a rollback proves it, and what is said where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.trial.trial import RollbackTrial, Trial, proof_problems
from ctgitops.errors import ApplyError, Place
from tests.fakes import STAGING, migration, workspace

STEP = make_plan(workspace(migration("001_one")), STAGING, Ledger()).steps[0]
LEFT = tuple(Added(SchemaObject("table", f"public.t{n}")) for n in range(5))
RESTORES = RollbackTrial(STEP)
FAILED = ApplyError("no such table", place=Place("migrations/001_one.down.sql", 1))


@pytest.mark.parametrize(
    ("trial", "code", "words"),
    [
        (replace(RESTORES, left=LEFT[:1]), "rollback-leaves", "it leaves table public.t0"),
        (replace(RESTORES, left=LEFT[:3]), "rollback-leaves", "table public.t0, table public.t1, table public.t2"),
        (replace(RESTORES, left=LEFT), "rollback-leaves", "table public.t2 and 2 more"),
        (
            replace(RESTORES, second=LEFT[:1]),
            "rollback-leaves",
            "again after its rollback: table public.t0",
        ),
        (replace(RESTORES, failed=FAILED), "rollback-fails", "the rollback of 001_one fails: no such table"),
    ],
)
def test_each_difference_and_failure_is_a_warning_and_no_proof(trial: RollbackTrial, code: str, words: str) -> None:
    assert not trial.proved
    (problem,) = proof_problems(Trial("17.6", tried=("001_one",), ways=(trial,)), "staging")
    assert (problem.code, problem.blocks) == (code, False)
    assert words in problem.what
    assert problem.place
    assert problem.place.path == "migrations/001_one.down.sql"


def test_only_a_completed_trial_without_a_difference_proves_a_rollback() -> None:
    assert RESTORES.proved
    assert not replace(RESTORES, untried="no time").proved
    assert proof_problems(Trial("17.6", tried=("001_one",), ways=(RESTORES,)), "staging") == ()
    both = replace(RESTORES, left=LEFT[:1], second=LEFT[:1])
    assert len(proof_problems(Trial("17.6", tried=("001_one",), ways=(both,)), "staging")) == 2

"""Runs statements under a tracer, as the sandbox does."""

from __future__ import annotations

from contextlib import ExitStack

from ctgitops.core.impact.impact import Held, RelationWork, StepImpact
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.postgres.connection.connect import Connection
from ctgitops.postgres.trace.tracer import Tracer
from ctgitops.sql.locks import LockMode
from ctgitops.sql.script import Script

SHORT = {
    LockMode.ACCESS_SHARE: "AS",
    LockMode.ROW_SHARE: "RS",
    LockMode.ROW_EXCLUSIVE: "RE",
    LockMode.SHARE_UPDATE_EXCLUSIVE: "SUE",
    LockMode.SHARE: "S",
    LockMode.SHARE_ROW_EXCLUSIVE: "SRE",
    LockMode.EXCLUSIVE: "E",
    LockMode.ACCESS_EXCLUSIVE: "AE",
}


def step_of(sql: str, number: int = 1) -> Step:
    return Step(Direction.APPLY, number, f"{number:03}_one", None, "", Script(sql, f"migrations/{number:03}_one.sql"))


def traced(tracer: Tracer, connection: Connection, sql: str, *, number: int = 1, keep: bool = False) -> StepImpact:
    """What the tracer says of `sql`; a transaction leaves no trace unless it is to be kept."""
    step = step_of(sql, number)
    tracer.impacts.pop(number, None)
    with ExitStack() as end:
        if step.transactional:
            connection.execute("begin")
            end.callback(connection.execute, "commit" if keep else "rollback")
        with tracer.step(connection, step):
            for index, statement in enumerate(step.script.statements):
                with tracer.statement(connection, step, index):
                    connection.execute(step.script.text_of(statement).encode())
    return tracer.impacts[number]


def locks(held: tuple[Held, ...]) -> str:
    """`t:AE p:SRE`, without the schema `public`, by name; a lock of which nobody notices anything is left out."""
    told = sorted((h.relation.removeprefix("public."), SHORT[h.mode]) for h in held if h.mode > LockMode.ACCESS_SHARE)
    return " ".join(f"{relation}:{mode}" for relation, mode in told)


def works(worked: tuple[RelationWork, ...]) -> str:
    """`REWRITE t, INDEX t`, by name."""
    return ", ".join(sorted({f"{w.work.name} {w.relation.removeprefix('public.')}" for w in worked}))

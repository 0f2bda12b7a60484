"""A session that blocks a migration because it holds or awaits a conflicting lock."""

from __future__ import annotations

import re

from ...lazy import dataclass, regex

_LITERALS = regex(
    r"/\*.*?(?:\*/|$)|--[^\n]*|\$(\w*)\$.*?(?:\$\1\$|$)|'(?:[^'\\]|''|\\.)*(?:'|$)|(?<![\w$\"])\d+(?:\.\d+)?", re.DOTALL
)
LONGEST_SHAPE = 120
MOST_SHOWN = 5


@dataclass(frozen=True)
class Blocker:
    """A session that holds or awaits a lock that conflicts with a lock that the migration needs."""

    pid: int | None
    """The session's process ID. None for a prepared transaction, which has no session."""
    application: str
    user: str
    seconds: float | None
    """Seconds since the session's transaction began. None if this role may not see the time."""
    state: str
    query: str
    relation: str
    mode: str
    granted: bool
    transaction: str = ""
    """The session's virtual transaction ID, which is unique while the server runs."""

    @property
    def text(self) -> str:
        """Text such as `backend 123, psql, user ana, holds AccessShareLock on public.t, …`."""
        if self.pid is None:
            who = "a prepared transaction (see pg_prepared_xacts)"
        else:
            who = f"backend {self.pid}, {self.application or 'no application name'}, user {self.user or 'unknown'}"
        kind = kind_of(self)
        has = "holds" if self.granted else "waits for"
        since = f", transaction open for {self.seconds:.0f} s" if self.seconds is not None else ""
        idle = ", idle in transaction" if self.state.startswith("idle in transaction") else ""
        doing = f": {shape}" if (shape := shape_of(self.query)) else ""
        return f"{who}{kind}, {has} {self.mode} on {self.relation}{since}{idle}{doing}"


def is_backup(application: str) -> bool:
    """Whether this is the application name of a backup program. The backups of ctgitops use `ctgitops backup`."""
    return application in {"pg_dump", "pg_basebackup", "ctgitops backup"}


def kind_of(who: Blocker) -> str:
    """The kind of session as text: a backup, ctgitops or autovacuum. Empty for every other session."""
    if who.application == "pg_dump":
        return " (this is pg_dump: a backup)"
    if is_backup(who.application):
        return " (this is a backup)"
    if who.application.startswith("ctgitops/"):
        return " (this is ctgitops)"
    if "to prevent wraparound" in who.query:
        return " (this is autovacuum to prevent wraparound)"
    return " (this is autovacuum)" if who.query.startswith("autovacuum:") else ""


def shape_of(query: str) -> str:
    """A query on one line, without literals. Literals may be personal data."""
    shape = " ".join(_LITERALS.sub(lambda found: " " if found[0][:2] in {"/*", "--"} else "?", query).split())
    return shape if len(shape) <= LONGEST_SHAPE else shape[: LONGEST_SHAPE - 1] + "…"


def blockers_text(those: tuple[Blocker, ...]) -> str:
    """One line per blocker. A long list is cut after the first few blockers."""
    lines = [who.text for who in those[:MOST_SHOWN]]
    if len(those) > MOST_SHOWN:
        lines.append(f"and {len(those) - MOST_SHOWN} more")
    return "\n".join(lines)

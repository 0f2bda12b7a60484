"""An override, with which a person starts a run outside its window, in a freeze or before its bake time ends. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...lazy import dataclass
from ..ledger.ledger import Entry, Ledger, Mark

if TYPE_CHECKING:
    from ..plan.plan import Plan

NAME = "override"
"""The name of the ledger entries that record overrides. These entries belong to no migration and have no number."""
OVERRIDABLE = ("window", "freeze", "bake")
"""The gates that a person can override. All other gates protect against a wrong plan, so they cannot be overridden."""


@dataclass(frozen=True)
class Override:
    """The gates that a person overrides for one run, and the person's reason."""

    gates: frozenset[str]
    reason: str

    @classmethod
    def parse(cls, gates: Iterable[str], reason: str) -> Override | None:
        """The override in a user's input. None if the input names no gate. Raises UsageError."""
        named = tuple(dict.fromkeys(gates))
        for gate in named:
            if gate not in OVERRIDABLE:
                hint = f"only these gates can be overridden: {', '.join(OVERRIDABLE)}"
                raise UsageError(f"the gate `{gate}` cannot be overridden", state="nothing was changed", hint=hint)
        words = " ".join(reason.split())
        if named and not words:
            what = f"an override of {', '.join(named)} needs a reason"
            hint = "give a reason; the ledger and all receivers of notifications get it"
            raise UsageError(what, state="nothing was changed", hint=hint)
        return cls(frozenset(named), words) if named else None


@dataclass(frozen=True)
class OverriddenWait:
    """A reason to wait that a run ignored."""

    gate: str
    what: str


@dataclass(frozen=True)
class UsedOverride:
    """An override that let a run start. Without the override, the run would have waited."""

    waits: tuple[OverriddenWait, ...]
    reason: str
    actor: str = ""
    at: datetime | None = None
    run_url: str = ""

    @property
    def gates(self) -> tuple[str, ...]:
        """The overridden gates, without duplicates."""
        return tuple(dict.fromkeys(wait.gate for wait in self.waits))

    @property
    def text(self) -> str:
        """`window, freeze overridden by anna: orders fail`."""
        by = f" by {self.actor}" if self.actor else ""
        return f"{', '.join(self.gates)} overridden{by}: {self.reason}"

    def entry(self, plan: Plan) -> Entry:
        """The ledger entry that the run writes before its backup and its first step."""
        waits = [{"gate": wait.gate, "what": wait.what} for wait in self.waits]
        return Entry(
            Mark.STARTED, NAME, sql=json.dumps(waits, ensure_ascii=False), error=self.reason, plan=plan.fingerprint
        )


def last_override(ledger: Ledger) -> UsedOverride | None:
    """The newest override in the ledger. None if the ledger has no override."""
    return next((used for entry in reversed(ledger.entries) if (used := override_in(entry))), None)


def override_in(entry: Entry) -> UsedOverride | None:
    """The override that an entry records. None if the entry records something else."""
    if not is_override(entry):
        return None
    waits = tuple(OverriddenWait(each["gate"], each["what"]) for each in json.loads(entry.sql or "[]"))
    return UsedOverride(waits, entry.error or "", entry.actor or "", entry.started_at, entry.run_url or "")


def is_override(entry: Entry) -> bool:
    """Whether the entry records an override."""
    return entry.number is None and entry.name == NAME and entry.mark is Mark.STARTED

"""The queue of applies: the environments in which something is pending, their order, and until when they wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..gate.gate import Predecessor, Reason, process_reasons
from ..gate.wait import PlanWait, wait_of
from ..plan.plan import Direction, Plan, Step

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..gate.request import Request
    from ..ledger.ledger import Ledger
    from ..migration.migration import Migration


@dataclass(frozen=True)
class QueuedApply:
    """An environment in which something is pending."""

    environment: Environment
    reasons: tuple[Reason, ...] = ()
    """Why an apply would wait now, according to the environment's process. Other gates check the plan itself."""
    position: int = 1
    """The position in the order of `after`, from 1."""

    @property
    def wait(self) -> PlanWait | None:
        """The wait. None if an apply could begin now, or if the wait does not end by itself."""
        return wait_of(self.environment, self.reasons)

    @property
    def until(self) -> datetime | None:
        """When the wait can end. None without a wait, or if its end is unknown."""
        return self.wait.until if self.wait else None

    @property
    def text(self) -> str:
        """`waits until …: window, bake`, or the reason to wait. Empty if an apply could begin now."""
        if not self.reasons:
            return ""
        gates = ", ".join(dict.fromkeys(reason.gate for reason in self.reasons))
        until = f"until {self.wait.moment}" if self.wait and self.wait.until else f"because {self.reasons[0].what}"
        return f"waits {until} ({gates})"


def queued(request: Request, pending: Iterable[Migration], ledger: Ledger, predecessor: Predecessor) -> QueuedApply:
    """The place of an environment in the queue. Parses no SQL."""
    steps = tuple(Step(Direction.APPLY, m.number, m.name, m.version, m.checksum, m.up) for m in pending)
    target = request.environment.target
    plan = Plan(request.environment.name, Direction.APPLY, ledger.version, None, target, steps)
    return QueuedApply(request.environment, process_reasons(plan, request, predecessor))


def in_order(waiting: Mapping[str, QueuedApply], names: Iterable[str]) -> dict[str, QueuedApply]:
    """The queue with positions. `names` are the environments in the order of `after`."""
    ordered = [waiting[name] for name in names if name in waiting]
    return {each.environment.name: replace(each, position=n) for n, each in enumerate(ordered, start=1)}

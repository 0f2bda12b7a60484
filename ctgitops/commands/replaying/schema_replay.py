"""Rebuilds the schema after each migration of a ledger, in a throw-away database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from ...core.plan.replay import like, step_of
from ...core.schema.compare import compare
from ...errors import CtgitopsError
from ...lazy import dataclass

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.schema.snapshot import Snapshot
    from ...core.view.schema_tree import SchemaNode, SchemaTree
    from ...ports.shadow import Replay, Shadows

MOST_REPLAYS = 12
"""The maximum number of sequences that are replayed. Each sequence runs all its migrations in an empty database."""
TOLD_EVERY = 25
"""The number of migrations between two progress messages."""


@dataclass
class SchemaReplay:
    """Replays the migrations on paths of a schema tree. Stores the schema changes in the nodes."""

    tree: SchemaTree
    shadows: Shadows
    tell: Callable[[str], None]
    _notes: dict[str, None] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """The known differences between the throw-away servers and the real ones."""
        return tuple(self._notes)

    def refuse(self, leaf: int, why: str) -> None:
        """Stores `why` as the reason in the unknown nodes on the path to `leaf`."""
        for node in self.tree.path(leaf):
            if not node.known:
                self.tree.unknown_from(node.id, why)
                return

    def run(self, leaf: int, live: Snapshot, environment: Environment) -> None:
        """Replays the path to `leaf`. If a migration fails, its node and all later nodes stay unknown. Never raises."""
        path = self.tree.path(leaf)
        known = next((at for at, node in enumerate(path) if not node.known), len(path))
        if known == len(path) or path[known].why_unknown:
            return
        try:
            with self.shadows.like(like(live), environment) as shadow:
                try:
                    self._follow(path, known, shadow)
                finally:
                    self._notes.update(dict.fromkeys(shadow.unmatched))
        except CtgitopsError as error:
            self.refuse(leaf, error.what)

    def _follow(self, path: tuple[SchemaNode, ...], known: int, shadow: Replay) -> None:
        shadow.apply(tuple(step_of(node.entry) for node in path[:known] if node.entry))
        before = shadow.snapshot()
        for at, node in enumerate(path[known:], known):
            if at % TOLD_EVERY == 0:
                self.tell(f"rebuilding the schema: migration {at + 1} of {len(path)}")
            if node.entry:
                shadow.apply((step_of(node.entry),))
            after = shadow.snapshot()
            node.changes, before = compare(before, after), after

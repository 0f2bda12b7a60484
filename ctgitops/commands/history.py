"""The command `history`. Reads the runs in each ledger, and rebuilds the schema after each migration."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from ..core.gate.gate import Unreadable
from ..core.ledger.deprecation_list import listed_deprecations
from ..core.view.run_history import History, Lane, lane_of
from ..core.view.schema_tree import SchemaTree
from ..errors import CtgitopsError
from ..lazy import dataclass
from ..lint.file_selection import lint_files
from .drift import drift
from .replaying.schema_replay import MOST_REPLAYS, SchemaReplay

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..core.workspace.finding import Finding
    from ..core.workspace.workspace import Workspace
    from ..ports.database import Databases
    from ..ports.shadow import Shadows

NOT_ASKED = "the schemas were not rebuilt, because of `--no-shadow`"


@dataclass(frozen=True)
class Depth:
    """What a history contains in addition to the runs."""

    drift: bool = True
    schemas: bool = True


def history(
    requests: tuple[Request, ...], depth: Depth, *, databases: Databases, shadows: Shadows, tell: Callable[[str], None]
) -> History:
    """Reads all environments in parallel. The lane of an unreachable environment contains the error. Read-only."""

    def ledger(request: Request) -> Ledger | Unreadable:
        return _ledger(request.environment, databases)

    with ThreadPoolExecutor(max_workers=8) as pool:
        ledgers = tuple(pool.map(ledger, requests))
    tree = SchemaTree()
    named = zip(requests, ledgers, strict=True)
    migrations = requests[0].workspace.migrations
    made = (lane_of(request.environment.name, found, tree) for request, found in named)
    lanes = tuple(replace(lane, deprecations=listed_deprecations(migrations, lane.ledger)) for lane in made)
    servers: tuple[str, ...] = ()
    if depth.schemas:
        servers = _rebuild(requests, lanes, tree, databases, shadows, tell)
    if depth.drift:
        lanes = tuple(map(lambda r, lane: _with_drift(r, lane, databases, shadows, tell), requests, lanes))
    found = _findings(requests[0].workspace, requests[0].now.date())
    return History(lanes, tree, found, "" if depth.schemas else NOT_ASKED, servers)


def _ledger(environment: Environment, databases: Databases) -> Ledger | Unreadable:
    try:
        return databases.of(environment).ledger()
    except CtgitopsError as error:
        return Unreadable(error.what, error.exit_status, error.hint)


def _with_drift(
    request: Request, lane: Lane, databases: Databases, shadows: Shadows, tell: Callable[[str], None]
) -> Lane:
    if lane.unreadable or not lane.ledger.entries:
        return lane
    tell(f"{lane.environment}: comparing the live schema with the ledger")
    (found,) = drift((request,), databases=databases, shadows=shadows)
    return replace(lane, drift=found)


def _rebuild(  # noqa: PLR0913, PLR0917 - ports
    requests: tuple[Request, ...],
    lanes: tuple[Lane, ...],
    tree: SchemaTree,
    databases: Databases,
    shadows: Shadows,
    tell: Callable[[str], None],
) -> tuple[str, ...]:
    """Rebuilds the schemas of all nodes. Returns how the throw-away servers differ from the real ones."""
    replay = SchemaReplay(tree, shadows, tell)
    leaves = tree.leaves
    for leaf in leaves[:MOST_REPLAYS]:
        request = _owner(leaf, requests, lanes)
        if request is None:
            continue
        try:
            live = databases.of(request.environment).snapshot()
        except CtgitopsError as error:
            replay.refuse(leaf, f"the schema of {request.environment.name} cannot be read: {error.what}")
            continue
        replay.run(leaf, live, request.environment)
    for leaf in leaves[MOST_REPLAYS:]:
        replay.refuse(
            leaf,
            f"the ledgers contain {len(leaves)} different sequences of migrations, "
            f"and only the newest {MOST_REPLAYS} are rebuilt",
        )
    return replay.notes


def _owner(leaf: int, requests: tuple[Request, ...], lanes: tuple[Lane, ...]) -> Request | None:
    for request, lane in zip(requests, lanes, strict=True):
        if leaf in lane.nodes.values():
            return request
    return next((r for r, lane in zip(requests, lanes, strict=True) if lane.nodes), None)


def _findings(workspace: Workspace, today: date) -> dict[str, tuple[Finding, ...]]:
    """Maps the checksum of each file in the checkout to the file's lint findings."""
    found: dict[str, list[Finding]] = {migration.checksum: [] for migration in workspace.migrations}
    by_path = {migration.path: migration.checksum for migration in workspace.migrations}
    for finding in lint_files(workspace, today):
        if checksum := by_path.get(finding.place.path):
            found[checksum].append(finding)
    return {checksum: tuple(each) for checksum, each in found.items()}

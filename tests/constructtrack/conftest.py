"""Fixtures that apply ConstructTrack's migrations with ctgitops itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.run.outcome import Status
from ctgitops.wiring.wiring import Wiring
from tests.servers import SharedServer, copied_database

ROOT = Path(__file__).parents[2]
_MANIFEST = 'environment: trial\ndatabase: {url: "${TRIAL_DATABASE_URL}"}\ntimeouts: {lock: 2s}\n'

ApplyHistory = Callable[..., None]


@pytest.fixture
def apply_history(tmp_path: Path) -> ApplyHistory:
    """Returns `apply_history(url, upto=…, replace={6: PATH})`."""

    def run(url: str, *, upto: int | None = None, replace: dict[int, Path] | None = None) -> None:
        _apply(tmp_path / "checkout", url, upto, replace or {})

    return run


@pytest.fixture(scope="session")
def whole_history(tmp_path_factory: pytest.TempPathFactory, server: SharedServer) -> str:
    """The name of a database with all migrations, of which `constructtrack_url` is a copy: no apply for each test."""
    _apply(tmp_path_factory.mktemp("history") / "checkout", server.create_database("whole_history").url, None, {})
    return "whole_history"


@pytest.fixture
def constructtrack_url(server: SharedServer, whole_history: str) -> str:
    """A database of its own, with all migrations."""
    return copied_database(server, whole_history)


def _apply(checkout: Path, url: str, upto: int | None, replace: dict[int, Path]) -> None:
    shutil.copytree(ROOT / "migrations", checkout / "migrations", dirs_exist_ok=True)
    (checkout / "environments").mkdir(exist_ok=True)
    (checkout / "environments" / "trial.yaml").write_text(_MANIFEST)
    for number, other in replace.items():
        (original,) = (p for p in (checkout / "migrations").glob(f"{number:03}_*.sql") if p.name.count(".") == 1)
        shutil.copy(other, original)
        original.with_suffix(".down.sql").unlink(missing_ok=True)
    wiring = Wiring(checkout, {"TRIAL_DATABASE_URL": url})
    request = wiring.request("trial", target=None if upto is None else f"{upto:03}")
    outcome = apply(request, databases=wiring.databases, backups=wiring.backups, tell=lambda _progress: None)
    assert outcome.status in {Status.APPLIED, Status.UP_TO_DATE}, outcome.plan.problems

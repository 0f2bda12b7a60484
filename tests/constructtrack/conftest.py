"""Applies ConstructTrack's own migrations with the tool itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.outcome import Status
from ctgitops.wiring import Wiring

ROOT = Path(__file__).parents[2]
_MANIFEST = 'environment: trial\ndatabase: {url: "${TRIAL_DATABASE_URL}"}\ntimeouts: {lock: 2s}\n'

ApplyHistory = Callable[..., None]


@pytest.fixture
def apply_history(tmp_path: Path) -> ApplyHistory:
    """Returns `apply_history(url, upto=…, replace={6: PATH})`."""

    def run(url: str, *, upto: int | None = None, replace: dict[int, Path] | None = None) -> None:
        checkout = tmp_path / "checkout"
        shutil.copytree(ROOT / "migrations", checkout / "migrations", dirs_exist_ok=True)
        (checkout / "environments").mkdir(exist_ok=True)
        (checkout / "environments" / "trial.yaml").write_text(_MANIFEST)
        for number, other in (replace or {}).items():
            (original,) = (p for p in (checkout / "migrations").glob(f"{number:03}_*.sql") if p.name.count(".") == 1)
            shutil.copy(other, original)
            original.with_suffix(".down.sql").unlink(missing_ok=True)
        wiring = Wiring(checkout, {"TRIAL_DATABASE_URL": url})
        request = wiring.request("trial", target=None if upto is None else f"{upto:03}")
        outcome = apply(request, databases=wiring, backups=wiring.backups, tell=lambda _progress: None)
        assert outcome.status in {Status.APPLIED, Status.UP_TO_DATE}, outcome.plan.problems

    return run

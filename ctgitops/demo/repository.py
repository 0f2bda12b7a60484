"""Creates the demo's repository from ConstructTrack's migrations. The demo's pull request adds two migrations."""

from __future__ import annotations

import shutil
from pathlib import Path

HELD_BACK = ("300_inspection_forms", "700_work_order_indexes_concurrently")
"""The migrations of the demo's pull request. The seed file FORMS adds data for them to staging."""

FORMS = "003_work.sql"

_STAGING = """\
environment: staging
database: {url: "${STAGING_DATABASE_URL}"}
apply: {on: push}
seeds: [seeds/staging]
"""
_PRODUCTION = """\
environment: production
database: {url: "${PRODUCTION_DATABASE_URL}"}
after: staging
apply: {on: release, tags: "v*"}
backup: {to: ../backups, critical_tables: [public.projects, public.cable_routes]}
seeds: [seeds/production, seeds/customers]
"""


def origin() -> Path:
    """The folder with ConstructTrack's migrations, in the installed package or in a checkout of ctgitops."""
    packaged = Path(__file__).parent / "repository"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


def main_branch(root: Path) -> None:
    """Writes the main branch before the pull request. Production gets its customer data from staging's seed files."""
    source = origin()
    shutil.copytree(source / "migrations", root / "migrations")
    for name in ("staging", "production"):
        shutil.copytree(source / "seeds" / name, root / "seeds" / name)
    (root / "seeds" / "staging" / FORMS).unlink()
    customers = shutil.copytree(root / "seeds" / "staging", root / "seeds" / "customers")
    for switches in customers.glob("*feature_flags.sql"):
        switches.unlink()
    for path in _held_back(root / "migrations"):
        path.unlink()
    (root / "environments").mkdir()
    (root / "environments" / "staging.yaml").write_text(_STAGING, encoding="utf-8")
    (root / "environments" / "production.yaml").write_text(_PRODUCTION, encoding="utf-8")


def pull_request(root: Path) -> list[str]:
    """Adds the pull request's files to the checkout. Returns their names."""
    source = origin()
    added = [shutil.copy(path, root / "migrations" / path.name) for path in _held_back(source / "migrations")]
    shutil.copy(source / "seeds" / "staging" / FORMS, root / "seeds" / "staging" / FORMS)
    return sorted(Path(path).name for path in added)


def _held_back(folder: Path) -> list[Path]:
    return [path for name in HELD_BACK for path in sorted(folder.glob(f"{name}.*"))]

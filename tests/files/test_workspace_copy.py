from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.core.environment.layout import Layout
from ctgitops.files.workspace_copy import blob_of, environments_in, is_migration_file, overlaid
from tests.files.checkout import Checkout


@pytest.mark.parametrize("path", ["migrations/001_x.sql", "migrations/001_x.down.sql", "seeds/staging/1.sql"])
def test_sql_of_a_workspace(path: str) -> None:
    assert is_migration_file(path, Layout())


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x.sql",
        "migrations",
        "migrations/policy.yaml",
        "migrations/sub/001_x.sql",
        "migrations/.x.sql",
        "seeds/../migrations/001_x.sql",
        "migrations/../x.sql",
        "/migrations/001_x.sql",
        "migrations//001_x.sql",
        "./migrations/001_x.sql",
        "migrations/001\n.sql",
        "migrations\\001_x.sql",
        "migrations/a\\b.sql",
        "environments/x.sql",
        "seeds/a/b/c/d/e.sql",
        "seeds/.git/x.sql",
        ".github/x.sql",
    ],
)
def test_anything_else_is_not_written(path: str, repo: Checkout) -> None:
    assert not is_migration_file(path, Layout())
    with overlaid(repo.root, {path: b"x"}) as root:
        assert [p for p in root.parent.rglob("*") if p.is_file() and p.read_bytes() == b"x"] == []


def test_a_workspace_with_other_files_is_gone_afterwards(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", "a")
    repo.write("migrations/002_b.sql", "b")
    with overlaid(
        repo.root, {"migrations/002_b.sql": None, "migrations/003_c.sql": b"c", "seeds/x/1.sql": b"s"}
    ) as root:
        assert sorted(p.name for p in root.rglob("*.sql")) == ["001_a.sql", "003_c.sql", "1.sql"]
    assert not root.exists()
    assert not (repo.root / "migrations" / "003_c.sql").exists()


def test_a_link_is_replaced_and_never_followed(repo: Checkout, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("mine")
    repo.write("migrations/001_a.sql", "a")
    (repo.root / "migrations" / "002_b.sql").symlink_to(other)
    with overlaid(repo.root, {"migrations/002_b.sql": b"theirs"}) as root:
        assert (root / "migrations" / "002_b.sql").read_text() == "theirs"
    assert other.read_text() == "mine"


def test_manifests_by_the_names_of_their_files() -> None:
    text = b"environment: staging\ndatabase: {url: '${URL}'}\nseeds: [seeds/none]\n"
    (found,) = environments_in({"staging.yaml": text, "broken.yaml": b"[", "../x.yaml": text, ".y.yaml": text})
    assert (found.name, found.url_secret) == ("staging", "URL")


def test_the_sha_of_a_blob_is_gits() -> None:
    assert blob_of(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_of(b"test content\n") == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"

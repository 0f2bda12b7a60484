"""`init` writes a manifest for each environment of the repository on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ctgitops.cli.main import ctgitops
from tests.github import scripted


@pytest.fixture
def github() -> Iterator[scripted.Scripted]:
    with scripted.running() as running:
        names = ("Preview", "github-pages", "production", "qa")
        running.canned["/environments"] = {"environments": [{"name": name} for name in names]}
        yield running


def init(root: Path, github: scripted.Scripted, login: str = "ours") -> str:
    environ = {"GITHUB_TOKEN": login, "GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": github.url, "GH_TOKEN": ""}
    done = CliRunner(env=environ).invoke(ctgitops, ["init", "--root", str(root)])
    assert done.exit_code == 0, done.output
    return done.output


def manifests(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "environments").iterdir())


def test_each_environment_on_github_gets_a_manifest(tmp_path: Path, github: scripted.Scripted) -> None:
    assert "read the environments on GitHub" in init(tmp_path, github)
    assert manifests(tmp_path) == ["Preview.yaml", "production.yaml", "qa.yaml"]
    assert "after: qa" in (tmp_path / "environments/production.yaml").read_text()
    assert "nothing to do" in init(tmp_path, github).splitlines()[-1]


def test_without_a_token_github_is_not_asked(tmp_path: Path, github: scripted.Scripted) -> None:
    init(tmp_path, github, login="")
    assert manifests(tmp_path) == ["development.yaml", "production.yaml", "staging.yaml"]
    assert github.log == []


def test_a_token_that_may_not_read_them_is_said(tmp_path: Path, github: scripted.Scripted) -> None:
    del github.canned["/environments"]
    assert "the environments on GitHub were not read: the token may not read" in init(tmp_path, github)
    assert manifests(tmp_path) == ["development.yaml", "production.yaml", "staging.yaml"]

"""GitHub, a registry and PyPI on this disk, and what must be true of them after a release."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path

from tests.release.runner import ROOT, Run, Step, StoppedError

IMAGE = "ghcr.io/constructtrack/ctgitops"
COUNTER = count(1)
BUILD = """#!/usr/bin/env bash
# What .ci/dist does, without Python: two files that depend on the source alone
set -euo pipefail
version=$(sed -n 's/^__version__ = "\\(.*\\)"$/\\1/p' ctgitops/__init__.py)
if [[ $1 == build ]]; then
  mkdir -p "$2"
  for end in -py3-none-any.whl .tar.gz; do git rev-parse HEAD >"$2/ctgitops-$version$end"; done
else
  [[ $(cat "$2"/*.whl) == "$(git rev-parse HEAD)" ]] && echo tried >>"$WORLD/tried-dist"
fi
"""
TRY_IMAGE = """#!/usr/bin/env bash
# What .ci/try-image does, in a registry of files
set -euo pipefail
digest=${1#*@}
sed -i 's/"tried": false/"tried": true/' "$WORLD/manifests/$digest"
mkdir -p "$2" && touch "$2/${digest#sha256:}"
"""


@dataclass
class World:
    """A place to release to."""

    folder: Path
    faulty_upload: int | None = None
    """The upload to PyPI fails after so many files."""

    @property
    def bare(self) -> Path:
        """The repository on GitHub."""
        return self.folder / "server/constructtrack/ctgitops"

    @property
    def work(self) -> Path:
        """A maintainer's checkout."""
        return self.folder / "work"

    def copy(self, folder: Path) -> World:
        """This world, as it is now, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("run-*"))
        other = replace(self, folder=folder)
        other.git("remote", "set-url", "origin", str(other.bare))
        return other

    def make(self) -> None:
        """Makes the servers and an empty repository."""
        for name in ("manifests", "names", "releases", "pypi", "bin", "server/constructtrack"):
            (self.folder / name).mkdir(parents=True)
        for program in ("docker", "gh", "pip"):
            shutil.copy(Path(__file__).with_name("programs.py"), self.folder / "bin" / program)
            (self.folder / "bin" / program).chmod(0o755)
        self.publish_package()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=self.folder)
        self.git("config", "core.logAllRefUpdates", "always", cwd=self.bare)
        self.git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=self.bare)
        self.git("clone", "--quiet", str(self.bare), str(self.work), cwd=self.folder)
        (self.work / ".ci").mkdir()
        (self.work / "ctgitops").mkdir()
        shutil.copy(ROOT / ".ci/release.py", self.work / ".ci/release.py")
        shutil.copy(ROOT / "action.yml", self.work / "action.yml")
        for name, text in (("dist", BUILD), ("try-image", TRY_IMAGE)):
            (self.work / ".ci" / name).write_text(text)
            (self.work / ".ci" / name).chmod(0o755)

    def publish_package(self) -> None:
        """The one-time step of an owner."""
        (self.folder / "public").touch()

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=cwd or self.work, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, version: str, changes: str = "- A table has a name.") -> str:
        """A commit on main; returns its hash."""
        (self.work / "ctgitops/__init__.py").write_text(f'__version__ = "{version}"\n')
        (self.work / "CHANGELOG.md").write_text(
            f"# Changelog\n\n## [Unreleased]\n\n## [{version}] - today\n\n{changes}\n"
        )
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{version} {next(COUNTER)}")
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def run(self, version: str, fault: str = "") -> Run:
        """A run that was started on main as it is now."""
        environ = {"WORLD": str(self.folder), "FAULT": fault, "PATH": f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin"}
        environ |= {"GITHUB_SERVER_URL": f"file://{self.folder}/server", "GITHUB_REPOSITORY": "constructtrack/ctgitops"}
        folder = self.folder / f"run-{next(COUNTER)}"
        sha = self.git("rev-parse", "main", cwd=self.bare)
        actions = {
            "actions/checkout": self.checkout,
            "actions/setup-python": lambda _, __: {},
            "actions/upload-artifact": lambda step, given: self.keep(folder, step, given),
            "actions/download-artifact": lambda step, given: self.fetch(folder, step, given),
            "actions/attest-build-provenance": self.attest,
            "docker/login-action": lambda _, __: {},
            "docker/setup-buildx-action": lambda _, __: {},
            "docker/build-push-action": self.push_image,
            "pypa/gh-action-pypi-publish": self.upload,
        }
        return Run(folder, version, sha, environ, actions)

    def checkout(self, step: Step, given: dict[str, str]) -> dict[str, str]:
        self.git("clone", "--quiet", "--no-checkout", str(self.bare), ".", cwd=step.folder)
        self.git("checkout", "--quiet", given.get("ref") or str(step.value("github.sha")), cwd=step.folder)
        return {}

    def keep(self, run: Path, step: Step, given: dict[str, str]) -> dict[str, str]:
        artifact = run / "artifacts" / given["name"]
        if given["overwrite"] == "True":
            shutil.rmtree(artifact, ignore_errors=True)
        shutil.copytree(step.folder / given["path"], artifact)
        return {}

    def fetch(self, run: Path, step: Step, given: dict[str, str]) -> dict[str, str]:
        found = list((run / "artifacts").glob(given.get("pattern") or given["name"]))
        assert found, f"there is no artifact {given}"
        for folder in found:
            shutil.copytree(folder, step.folder / given["path"], dirs_exist_ok=True)
        return {}

    def attest(self, _: Step, given: dict[str, str]) -> dict[str, str]:
        assert (self.folder / "manifests" / given["subject-digest"]).exists()
        return {}

    def push_image(self, _: Step, given: dict[str, str]) -> dict[str, str]:
        """Every build gives another digest, so a second one would be noticed."""
        assert "push-by-digest=true" in given["outputs"]
        digest = f"sha256:{next(COUNTER):064x}"
        revision = re.search(r"image\.revision=(\w+)", given["labels"])
        image = {
            "digest": digest,
            "revision": revision and revision[1],
            "platforms": [given["platforms"]],
            "tried": False,
        }
        (self.folder / "manifests" / digest).write_text(json.dumps(image))
        return {"digest": digest}

    def upload(self, step: Step, given: dict[str, str]) -> dict[str, str]:
        for number, file in enumerate(sorted((step.folder / given["packages-dir"]).iterdir())):
            if number == self.faulty_upload:
                self.faulty_upload = None
                raise StoppedError("HTTP 503 from PyPI")
            there = self.folder / "pypi" / file.name
            if there.exists():
                assert given["skip-existing"] == "True", f"{file.name} exists already"
            else:
                shutil.copy(file, there)
        return {}

    def tags(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/tags", cwd=self.bare)
        return dict(line.split(" ") for line in lines.splitlines())

    def check_released(self, version: str, source: str) -> None:
        """Everything is there once, from one commit, and no movable tag ever went back."""
        tag = self.tags()[f"v{version}"]
        assert self.git("rev-parse", f"{tag}^", cwd=self.bare) == source
        digest = (self.folder / "names" / f"{IMAGE}:{version}".replace("/", "!")).read_text()
        index = json.loads((self.folder / "manifests" / digest).read_text())
        assert (index["revision"], index["platforms"]) == (source, ["linux/amd64", "linux/arm64"])
        action = self.git("show", f"{tag}:action.yml", cwd=self.bare).splitlines()
        assert f"  image: docker://{IMAGE}@{digest} # v{version}" in action
        assert self.git("diff", "--name-only", source, tag, cwd=self.bare) == "action.yml"
        files = sorted((self.folder / "pypi").glob(f"ctgitops-{version}*"))
        assert [(file.name, file.read_text().strip()) for file in files] == [
            (f"ctgitops-{version}-py3-none-any.whl", source),
            (f"ctgitops-{version}.tar.gz", source),
        ]
        assert "- A table has a name." in (self.folder / "releases" / f"v{version}").read_text()
        self.check_history()

    def check_history(self) -> None:
        """A version's tag was made once; `v0` and `v0.2` only moved to newer versions."""
        for name in self.tags():
            log = (self.bare / "logs/refs/tags" / name).read_text().splitlines()
            moves = [self.version_at(line.split(" ")[1]) for line in log]
            assert all(before < after for before, after in pairwise(moves)), f"{name}: {moves}"
            assert name.count(".") < 2 or len(moves) == 1, f"{name} was changed"

    def version_at(self, commit: str) -> tuple[int, ...]:
        text = self.git("show", f"{commit}:ctgitops/__init__.py", cwd=self.bare)
        return tuple(int(part) for part in text.split('"')[1].split("."))

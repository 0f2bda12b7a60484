"""The steps of a release: `python3 .ci/release.py STEP [ARGUMENTS]`, called by .github/workflows/release.yml.

Each step reads what exists on GitHub, in the registry and on PyPI, does only what is missing, and fails if something
else is there. A failed release is continued by a new run. "Cannot read" is an error, never "does not exist".
Reads VERSION, IMAGE, GITHUB_SERVER_URL, GITHUB_REPOSITORY and GH_TOKEN. Uses the standard library only, because it
runs with a token that can write.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MAJOR = 0
"""The only major that is released. 1 comes when backups, operations and adoption are done; every page names `@v0`."""
PLATFORMS = ("amd64", "arm64")
BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}
FROM_SOURCE = "  image: Dockerfile\n"
ABSENT = re.compile(r"(: |release )not found\s*$|manifest unknown|HTTP 404", re.MULTILINE)
"""What the registry and `gh` say about something that does not exist; any other failure is not an answer."""
PUBLIC = """the image cannot be pulled without a login, so no workflow could use the release.
Once, by an owner of the organization: Packages > ctgitops > Package settings > Change visibility > Public
(if that is locked: the organization's Settings > Packages > Public). Then start the workflow again."""
Version = tuple[int, int, int]


class ReleaseError(Exception):
    """The release cannot continue. The message says what is where, and what to do."""


def run(*command: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a command, without the last newline. Raises ReleaseError with the end of its error output."""
    done = attempt(*command, stdin=stdin, env=env)
    if done.returncode:
        raise ReleaseError(f"`{' '.join(command[:3])}` failed: {done.stderr.strip()[-500:]}")
    return done.stdout.rstrip("\n")


def attempt(
    *command: str, stdin: str | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command, whatever its exit status is."""
    environ = os.environ | (env or {})
    return subprocess.run(command, input=stdin, env=environ, check=False, capture_output=True, text=True)


def git(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Runs git. The token is in the environment, where `ps` does not show it."""
    login = {}
    if token := os.environ.get("GH_TOKEN"):
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        login = {"GIT_CONFIG_KEY_0": "http.extraheader", "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}"}
        login["GIT_CONFIG_COUNT"] = "1"
    return run("git", *arguments, stdin=stdin, env=login | (env or {}))


def remote() -> str:
    """URL of the repository."""
    return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"


def output(**values: str) -> None:
    """Sets outputs of the workflow's step."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def say(text: str) -> None:
    """One line in the log."""
    sys.stdout.write(f"{text}\n")


def parsed(version: str) -> Version:
    """A version such as 0.2.3. Raises ReleaseError."""
    match = re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version)
    if not match:
        raise ReleaseError(f"{version!r} is not a version such as 0.2.3")
    return (int(match[1]), int(match[2]), int(match[3]))


def version_at(commit: str) -> str:
    """The package's version in a commit. Raises ReleaseError."""
    found = re.search(r'^__version__ = "(.+)"$', git("show", f"{commit}:ctgitops/__init__.py"), re.MULTILINE)
    if not found:
        raise ReleaseError(f'ctgitops/__init__.py of {commit} has no line `__version__ = "…"`')
    return found[1]


def notes(version: str, commit: str) -> str:
    """The changelog's section of a version. Raises ReleaseError if there is none, or it has headings alone."""
    sections = re.split(r"^## ", git("show", f"{commit}:CHANGELOG.md"), flags=re.MULTILINE)
    found = [section.partition("\n")[2].strip() for section in sections if section.startswith(f"[{version}]")]
    if len(found) != 1 or not re.search(r"^[^#\s]", found[0], re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md of {commit[:12]} has no text under one heading `## [{version}]`")
    return found[0]


def remote_tags() -> dict[str, str]:
    """All tags on GitHub with their commits."""
    lines = git("ls-remote", "--refs", remote(), "refs/tags/*").splitlines()
    return {name.removeprefix("refs/tags/"): sha for sha, name in (line.split("\t") for line in lines)}


def versions(tags: dict[str, str]) -> list[Version]:
    """The versions among tags, without the movable tags."""
    return [parsed(tag[1:]) for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]


def image(reference: str) -> dict[str, str] | None:
    """Digest and source commit of an image in the registry; None if it does not exist. Raises ReleaseError."""
    done = attempt("docker", "buildx", "imagetools", "inspect", reference, "--format", "{{json .}}")
    if done.returncode:
        if ABSENT.search(done.stderr):
            return None
        raise ReleaseError(f"cannot read {reference} from the registry: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout)
    configs = [found["image"]] if "config" in found["image"] else list(found["image"].values())
    revisions = {each["config"]["Labels"]["org.opencontainers.image.revision"] for each in configs if "config" in each}
    if len(revisions) != 1:
        raise ReleaseError(f"{reference} was built from {sorted(revisions)}, not from one commit")
    return {"digest": found["manifest"]["digest"], "revision": revisions.pop()}


def tagged(tag: str, commit: str) -> dict[str, str]:
    """Source commit and image digest of a version's tag. Raises ReleaseError."""
    git("fetch", "--quiet", "--no-tags", remote(), f"refs/tags/{tag}")
    names = re.search(
        rf"^  image: docker://{re.escape(os.environ['IMAGE'])}@(\S+)", git("show", f"{commit}:action.yml"), re.M
    )
    if not names:
        raise ReleaseError(
            f"the tag {tag} exists, but its action.yml does not name an image of {os.environ['IMAGE']}: "
            "it was not made by this workflow. Delete it, then start the workflow again"
        )
    return {"digest": names[1], "revision": git("rev-parse", f"{commit}^")}


def look(version: str) -> None:
    """Which commit is released, and which image exists. Checks all that can be wrong before anything is built."""
    if parsed(version)[0] != MAJOR:
        raise ReleaseError(f"{version}: only {MAJOR}.x is released; see MAJOR in .ci/release.py")
    tags = remote_tags()
    exists = (
        tagged(f"v{version}", tags[f"v{version}"])
        if f"v{version}" in tags
        else image(f"{os.environ['IMAGE']}:{version}")
    )
    newer = [each for each in versions(tags) if each[:2] == parsed(version)[:2] and each > parsed(version)]
    if newer and f"v{version}" not in tags:
        raise ReleaseError(f"{'.'.join(map(str, max(newer)))} is released already, which is newer than {version}")
    source = exists["revision"] if exists else git("rev-parse", "HEAD")
    if attempt("git", "merge-base", "--is-ancestor", source, "HEAD").returncode:
        raise ReleaseError(f"{version} was built from {source}, which is not a commit of this branch")
    if version_at(source) != version:
        raise ReleaseError(f"ctgitops/__init__.py of {source[:12]} has version {version_at(source)}, not {version}")
    notes(version, source)
    say(f"{version} from {source[:12]}; " + (f"continues with {exists['digest']}" if exists else "nothing exists yet"))
    output(source=source, digest=exists["digest"] if exists else "")


def name(version: str, source: str, digests: str) -> None:
    """Gives the images of all platforms one name, after each was tried on its own platform."""
    reference = f"{os.environ['IMAGE']}:{version}"
    found = image(reference)
    if found is None:
        parts = sorted(f"{os.environ['IMAGE']}@sha256:{file.name}" for file in Path(digests).iterdir())
        if len(parts) != len(PLATFORMS):
            raise ReleaseError(f"{len(parts)} images were tried, not those of {' and '.join(PLATFORMS)}")
        run("docker", "buildx", "imagetools", "create", "--tag", reference, *parts)
        found = image(reference)
    if found is None or found["revision"] != source:
        raise ReleaseError(f"{reference} is {found}, but this release is made from {source}")
    say(f"{reference} is {found['digest']}")
    output(digest=found["digest"])


def public(digest: str) -> None:
    """Pulls the image without a login, as every user's runner does."""
    with tempfile.TemporaryDirectory() as empty:
        done = attempt("docker", "--config", empty, "pull", "--quiet", f"{os.environ['IMAGE']}@{digest}")
    if done.returncode:
        raise ReleaseError(f"{PUBLIC}\n{done.stderr.strip()[-500:]}")


def tag(version: str, source: str, digest: str) -> None:
    """Pushes the version's tag: a commit on `source` whose action.yml names the image by its digest.

    The commit is on no branch: main keeps `image: Dockerfile`, so that `uses: ./` builds the checkout. Its dates are
    those of `source`, so every run makes the same commit.
    """
    commit = release_commit(version, source, digest)
    existing = remote_tags().get(f"v{version}")
    if existing is None:
        git("push", "--quiet", remote(), f"{commit}:refs/tags/v{version}")
    elif existing != commit:
        raise ReleaseError(
            f"the tag v{version} is {existing}, not the commit {commit} of this release. A version is "
            "never changed: release the next one"
        )
    say(f"v{version} is {commit}")


def release_commit(version: str, source: str, digest: str) -> str:
    """Makes the commit of a version; the same arguments give the same hash."""
    action = git("show", f"{source}:action.yml") + "\n"
    if action.count(FROM_SOURCE) != 1:
        raise ReleaseError(f"action.yml of {source[:12]} does not have one line {FROM_SOURCE.strip()!r}")
    named = f"  image: docker://{os.environ['IMAGE']}@{digest} # v{version}\n"
    date = git("show", "--no-patch", "--format=%ct +0000", source)
    who = {
        f"GIT_{part}_{key}": value for part in ("AUTHOR", "COMMITTER") for key, value in (BOT | {"DATE": date}).items()
    }
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        git("read-tree", source, env=index)
        blob = git("hash-object", "-w", "--stdin", stdin=action.replace(FROM_SOURCE, named))
        git("update-index", "--cacheinfo", f"100644,{blob},action.yml", env=index)
        tree = git("write-tree", env=index)
    return git("commit-tree", tree, "-p", source, "-m", f"v{version}", env=who)


def uploaded(version: str, folder: str) -> None:
    """Checks that PyPI has exactly the files that were tried: pip downloads them by their hashes."""
    for suffix, kind in ((".whl", "--only-binary"), (".tar.gz", "--no-binary")):
        (file,) = (each for each in Path(folder).iterdir() if each.name.endswith(suffix))
        with tempfile.TemporaryDirectory() as into:
            wanted = Path(into) / "wanted.txt"
            wanted.write_text(f"ctgitops=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
            run("pip", "download", "--quiet", "--no-deps", "--no-cache-dir", kind, "ctgitops", "--dest", into,
                "--require-hashes", "--requirement", str(wanted))  # fmt: skip
        say(f"PyPI has {file.name} as it was tried")


def release(version: str, source: str) -> None:
    """Publishes the release on GitHub, with the changelog's section as its notes."""
    shown = attempt("gh", "release", "view", f"v{version}", "--json", "isDraft")
    if shown.returncode == 0:
        if json.loads(shown.stdout)["isDraft"]:
            raise ReleaseError(f"the release v{version} is a draft: delete it, then start the workflow again")
        say(f"the release v{version} exists")
        return
    if not ABSENT.search(shown.stderr):
        raise ReleaseError(f"cannot read the release v{version}: {shown.stderr.strip()[-500:]}")
    latest = str(parsed(version) == max(versions(remote_tags()))).lower()
    run("gh", "release", "create", f"v{version}", "--verify-tag", "--title", f"v{version}", f"--latest={latest}",
        "--notes-file", "-", stdin=notes(version, source))  # fmt: skip
    say(f"published v{version}")


def move(version: str) -> None:
    """Moves `v0.2` and `v0` to the version, unless they are at a newer one. They never move back."""
    tags = remote_tags()
    major, minor, _ = parsed(version)
    for movable in (f"v{major}.{minor}", f"v{major}"):
        at = tags.get(movable, "")
        if at:
            git("fetch", "--quiet", "--no-tags", remote(), f"refs/tags/{movable}")
        if at and parsed(version_at(at)) >= parsed(version):
            say(f"{movable} stays at {version_at(at)}")
            continue
        # The lease: if someone else has moved the tag since it was read, this push fails
        lease = f"--force-with-lease=refs/tags/{movable}:{at}"
        git("push", "--quiet", lease, remote(), f"{tags[f'v{version}']}:refs/tags/{movable}")
        say(f"{movable} is {version}")


def restore(ref: str, before: str, after: str) -> None:
    """Undoes the push of a tag by hand, and fails. The workflow's own pushes do not start a workflow."""
    values = [line.split("\t")[0] for line in git("ls-remote", remote(), ref, f"{ref}^{{}}").splitlines()]
    if after not in values:  # the second value is the commit of an annotated tag
        raise ReleaseError(f"{ref} was pushed by hand, and has changed since: it is left to the run of that push")
    if back := "" if set(before) == {"0"} else before:
        git("fetch", "--quiet", "--no-tags", "--depth=1", remote(), back)
    git("push", "--quiet", f"--force-with-lease={ref}:{values[0]}", remote(), f"{back}:{ref}")
    state = f"at {back} again" if back else "deleted again"
    raise ReleaseError(f"{ref} was pushed by hand, and is {state}. The workflow Release makes tags: docs/release.md")


STEPS = {step.__name__: step for step in (look, name, public, tag, uploaded, release, move, restore)}


def main(arguments: list[str]) -> int:
    """Runs a step. Exit status 1: the release cannot continue."""
    try:
        STEPS[arguments[0]](*arguments[1:])
    except ReleaseError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

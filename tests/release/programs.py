#!/usr/bin/env python3
"""`docker`, `gh` and `pip` on a runner's PATH: a registry, GitHub's releases and PyPI as files below $WORLD.

FAULT=PROGRAM:WORD makes the command that has WORD do its work and then fail with a 502; with FAULT=PROGRAM!WORD it
fails before that.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

WORLD = Path(os.environ["WORLD"])
BAD_GATEWAY = "HTTP 502: Bad Gateway"


def fail(text: str) -> None:
    sys.exit(f"ERROR: {text}")


def docker(words: list[str]) -> None:
    if "pull" in words:
        anonymous = words[0] == "--config" and not list(Path(words[1]).iterdir())
        if not anonymous or not (WORLD / "public").exists() or not manifest(words[-1]):
            fail("denied")
    elif "inspect" in words:
        found = manifest(words[3])
        if not found:
            fail(f"{words[3]}: not found")
        labels = {"config": {"Labels": {"org.opencontainers.image.revision": found["revision"]}}}
        image = dict.fromkeys(found["platforms"], labels) if len(found["platforms"]) > 1 else labels
        sys.stdout.write(json.dumps({"manifest": {"digest": found["digest"]}, "image": image}))
    elif "create" in words:
        create(words[4], words[5:])
    else:
        fail(f"this runner has no docker {words}")


def manifest(reference: str) -> dict[str, Any]:
    name, _, digest = reference.partition("@")
    if not digest:
        file = WORLD / "names" / name.replace("/", "!")
        digest = file.read_text() if file.exists() else "none"
    file = WORLD / "manifests" / digest
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def create(name: str, parts: list[str]) -> None:
    found = [manifest(part) for part in parts]
    assert all(each["tried"] for each in found), "an image got a name before it was tried"
    digest = "sha256:" + hashlib.sha256("".join(parts).encode()).hexdigest()
    platforms = [platform for each in found for platform in each["platforms"]]
    index = {"digest": digest, "revision": found[0]["revision"], "platforms": platforms}
    (WORLD / "manifests" / digest).write_text(json.dumps(index))
    file = WORLD / "names" / name.replace("/", "!")
    assert not file.exists(), f"{name} was moved"
    file.write_text(digest)


def gh(words: list[str]) -> None:
    if "RELEASES" in os.environ:
        gh_at(os.environ["RELEASES"], words)
        return
    file = WORLD / "releases" / words[2]
    if words[:2] == ["release", "view"]:
        if not file.exists():
            fail("release not found")
        sys.stdout.write('{"isDraft":false}')
    elif words[:2] == ["release", "create"]:
        if file.exists():
            fail(f"HTTP 422: Validation Failed: Release.tag_name already exists: {words[2]}")
        file.write_text("\n".join([*words[3:], sys.stdin.read()]))
    else:
        fail(f"unknown command {words}")


def gh_at(url: str, words: list[str]) -> None:
    """The same against the API of a GitHub: URL of the repository's releases."""
    tag = words[2]
    body = (
        {"tag_name": tag, "name": tag, "body": sys.stdin.read(), "make_latest": "true"} if "create" in words else None
    )
    data = json.dumps(body).encode() if body else None
    request = Request(f"{url}/tags/{tag}" if body is None else url, data)  # noqa: S310 - of a GitHub for tests
    request.add_header("Authorization", f"Bearer {os.environ['RELEASES_TOKEN']}")
    request.add_header("Content-Type", "application/json")
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310
            sys.stdout.write(json.dumps({"isDraft": json.load(answer)["draft"]}))
    except HTTPError as error:
        fail("release not found" if error.code == 404 else f"HTTP {error.code}: {error.read().decode()}")


def pip(words: list[str]) -> None:
    wanted = Path(words[-1]).read_text()
    suffix = ".whl" if "--only-binary" in words else ".tar.gz"
    version, digest = re.match(r"ctgitops==(\S+) --hash=sha256:(\w+)", wanted).groups()  # type: ignore[union-attr]
    for file in (WORLD / "pypi").glob(f"ctgitops-{version}*{suffix}"):
        if hashlib.sha256(file.read_bytes()).hexdigest() == digest:
            shutil.copy(file, words[words.index("--dest") + 1])
            return
        fail("THESE PACKAGES DO NOT MATCH THE HASHES")
    fail(f"No matching distribution found for ctgitops=={version}")


def main(program: str, words: list[str]) -> None:
    name, when, word = re.match(r"(\w*)([:!]?)(.*)", os.environ.get("FAULT", "")).groups()  # type: ignore[union-attr]
    hit = name == program and word in words
    if hit and when == "!":
        fail(BAD_GATEWAY)
    {"docker": docker, "gh": gh, "pip": pip}[program](words)
    if hit:
        fail(BAD_GATEWAY)


if __name__ == "__main__":
    main(Path(sys.argv[0]).name, sys.argv[1:])

"""Rules for the code's layout: small files, plain names, every module in its place."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from ctgitops.cli.main import VERBS, attribute_of, ctgitops
from docs.parts import docstring_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ctgitops"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300
ROOMS = ("core", "postgres")
MOST_IN_A_ROOM = 14
ONCE = """accepted added asked batched borrowed called exported failed gone in_the_way inside kept lasting left listed
live loosely manner merged mine planted printed refused reviewed saved sealed secretly settled shown together
undisturbed unfinished unlooked"""
"""Names of modules that once hid a concept: participles, adverbs and adjectives. A module is a noun."""
VAGUE = ("utils", "util", "helpers", "helper", "common", "base", "manager", "service", "handler", "misc")
MACHINE = re.compile(
    "|".join(map(re.escape, ("/wo" + "rk/", "/tm" + "p/v/", "/ro" + "ot/", "/Use" + "rs/", "/ho" + "me/")))
)
"""Paths of somebody's machine."""
REGISTRIES = re.compile("|".join(("index" + "-url", "files.python" + "hosted.org", "find" + "-links")))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    """What git knows and what it would add; without git, this is for a checkout to find out."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_files_are_small() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_every_module_says_what_it_is_in_a_sentence() -> None:
    for path in MODULES:
        first = docstring_of(path).split("\n\n", maxsplit=1)[0].rstrip()
        assert first.endswith((".", ":")), f"{name_of(path)}: {first!r}"


def test_nothing_has_a_name_that_says_nothing() -> None:
    assert [name_of(path) for path in MODULES if {path.stem, path.parent.name} & set(VAGUE)] == []

    endings = tuple(word.capitalize() for word in VAGUE)
    for path in MODULES:
        names = re.findall(r"^ *class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert [name for name in names if name.endswith(endings)] == [], name_of(path)


def test_a_room_can_be_looked_over() -> None:
    folders = [path for room in ROOMS for path in (PACKAGE / room).rglob("*") if any(path.glob("*.py"))]
    assert len(folders) > 20
    sizes = {name_of(path): len({each.stem for each in path.glob("*.py")} - {"__init__"}) for path in folders}
    assert {name: size for name, size in sizes.items() if size > MOST_IN_A_ROOM} == {}


def test_a_module_of_a_room_is_a_noun() -> None:
    stems = [path.stem for room in ROOMS for path in (PACKAGE / room).rglob("*.py")]
    assert [stem for stem in stems if stem in ONCE.split()] == []
    assert [path.stem for path in (PACKAGE / "core").rglob("*.py") if path.stem.endswith("ed")] == []


def test_no_two_public_classes_of_a_package_share_a_name() -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for path in MODULES:
        package = path.relative_to(PACKAGE).parts[0]
        for name in re.findall(r"^class ([^\W_]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            places.setdefault((package, name), []).append(name_of(path))
    assert {name: where for (_, name), where in places.items() if len(where) > 1} == {}


def test_every_module_of_verbs_is_reached_by_a_verb() -> None:
    commands = {path.stem for path in (PACKAGE / "commands").glob("*.py")} - {"__init__"}
    reached = set()
    for module in set(VERBS.values()):
        reached |= {
            (node.module or "").rsplit(".", maxsplit=1)[-1]
            for node in ast.walk(ast.parse((PACKAGE / "cli" / f"{module}.py").read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("commands")
        }
    assert commands <= set(map(attribute_of, VERBS)), "a module of commands/ is named after its verb"
    assert reached == commands


def test_every_verb_is_the_function_of_its_module() -> None:
    for verb, module in VERBS.items():
        assert getattr(import_module(f"ctgitops.cli.{module}"), attribute_of(verb)).name == verb
    assert list(ctgitops.commands) == [], "verbs are found by VERBS alone, so that start-up imports none"


def test_no_file_names_a_path_of_a_machine_or_a_registry() -> None:
    for path in tracked():
        text = path.read_bytes().decode(errors="ignore")
        for pattern in (MACHINE, REGISTRIES):
            match = pattern.search(text)
            assert not match, f"{name_of(path)}: {match[0]}"


def test_the_licence_is_what_the_package_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert project["license"] == "Apache-2.0"
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_changelog_knows_the_version() -> None:
    from ctgitops import __version__

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{__version__}]" in changelog
    assert "\n## [Unreleased]" in changelog

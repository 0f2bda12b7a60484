"""Writes the pages, and parts of pages, that are generated from the code; `--check` only reports which are out of date.

Facts come from where the tool takes them: the options of the commands, the JSON Schemas, the error classes, the
ledger's SQL, action.yml. Descriptions that the code lacks are in words.py, and a missing one is an error.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable

from .found import columns_part, cut_part, errors_page, templates_part
from .glossary import nouns_part, rooms_part
from .pages import action_inputs, action_outputs, cli_page, schema_page
from .parts import COMMAND, ROOT, GapError
from .rules_page import rules_page

BEGIN, END = "<!-- generated: {} -->", "<!-- end of generated -->"


PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": cli_page,
    "docs/manifest.md": lambda: schema_page(
        "manifest",
        "Manifests",
        "environments/NAME.yaml",
        "Strict YAML: no anchors, no aliases, no key twice. An unknown key is an error that names the nearest known "
        "one. A key that is *not carried out yet* is refused too, so that no manifest promises what nobody does.",
    ),
    "docs/policy.md": lambda: schema_page(
        "policy",
        "The policy",
        "migrations/policy.yaml",
        "Every key may be left out, and so may the file. [Rules](rules.md) are what `lint` names.",
    ),
    "docs/errors.md": errors_page,
    "docs/rules.md": rules_page,
}
PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("docs/ledger.md", "columns"): lambda: columns_part("ledger"),
    ("docs/ledger.md", "progress"): lambda: columns_part("progress"),
    ("docs/ledger.md", "lease"): lambda: columns_part("lease"),
    ("docs/ledger.md", "home"): lambda: columns_part("home"),
    ("docs/concepts.md", "nouns"): nouns_part,
    ("docs/concepts.md", "rooms"): rooms_part,
    ("docs/comment.md", "cut"): cut_part,
    ("docs/comment.md", "templates"): templates_part,
    ("docs/action.md", "inputs"): action_inputs,
    ("docs/action.md", "outputs"): action_outputs,
}


def generated() -> dict[str, str]:
    """The text that each page with something generated should have."""
    wanted = {path: page() for path, page in PAGES.items()}
    for (path, name), part in PARTS.items():
        text = wanted.get(path) or (ROOT / path).read_text(encoding="utf-8")
        begin = BEGIN.format(name)
        if text.count(begin) != 1 or END not in text.split(begin)[1]:
            raise GapError(f"{path} lacks the lines `{begin}` and `{END}`")
        before, rest = text.split(begin)
        wanted[path] = f"{before}{begin}\n\n{part()}\n{END}{rest.split(END, 1)[1]}"
    return wanted


def difference(path: str, wanted: str) -> str:
    """What would change in a page, as a diff; empty where it is current."""
    file = ROOT / path
    now = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = difflib.unified_diff(now.splitlines(), wanted.splitlines(), path, f"{path}, generated", lineterm="", n=1)
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes the pages, or tells what is not current."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is not current")
    only_check = parser.parse_args(arguments).check
    try:
        pages = generated()
    except GapError as gap:
        sys.stderr.write(f"error: {gap}\n")
        return 1
    stale = {path: diff for path, text in pages.items() if (diff := difference(path, text))}
    for path, diff in stale.items():
        if only_check:
            sys.stderr.write(diff + "\n")
        else:
            (ROOT / path).write_text(pages[path], encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    if stale and only_check:
        sys.stderr.write(f"error: {', '.join(stale)} not current; run `make docs` ({COMMAND})\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

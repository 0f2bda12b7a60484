"""Writes the generated parts of the pages; `--check` only reports which are out of date.

A page is written by hand, except between its lines `<!-- generated: NAME -->` and `<!-- end of generated -->`.
The man page and the completions below docs/share/, and the workflows of this repository, are generated as a whole.
Generated text comes from the code: command options, JSON Schemas, lint rules, the ledger's SQL, action.yml, the
templates of workflows.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from functools import partial

from . import coming, parts, shell, workflows

COMMAND = "python -m docs.generate"
BEGIN, END = "<!-- generated: {} -->", "<!-- end of generated -->"

PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("docs/cli.md", "help"): parts.program_help,
    ("docs/cli.md", "verbs"): parts.verbs_help,
    ("docs/manifest.md", "keys"): lambda: parts.schema_keys("manifest"),
    ("docs/policy.md", "keys"): lambda: parts.schema_keys("policy"),
    ("docs/layouts.md", "layouts"): parts.layouts,
    ("docs/layouts.md", "coming"): coming.table,
    ("docs/index.md", "coming"): coming.table,
    ("docs/rules.md", "rules"): parts.rules,
    ("docs/ledger.md", "columns"): lambda: parts.columns("ledger"),
    ("docs/ledger.md", "progress"): lambda: parts.columns("progress"),
    ("docs/ledger.md", "lease"): lambda: parts.columns("lease"),
    ("docs/ledger.md", "home"): lambda: parts.columns("home"),
    ("docs/ledger.md", "performance"): lambda: parts.columns("performance"),
    ("docs/ledger.md", "traffic"): lambda: parts.columns("traffic"),
    ("docs/concepts.md", "nouns"): parts.nouns,
    ("docs/concepts.md", "rooms"): parts.rooms,
    ("docs/action.md", "inputs"): lambda: parts.action("inputs"),
    ("docs/action.md", "outputs"): lambda: parts.action("outputs"),
    ("docs/roles.md", "apply"): lambda: parts.role_sql("apply"),
    ("docs/roles.md", "plan"): lambda: parts.role_sql("plan"),
    ("docs/roles.md", "backup"): lambda: parts.role_sql("backup"),
    ("docs/roles.md", "providers"): parts.providers,
    ("docs/doctor.md", "checks"): parts.checks,
}

FILES: dict[str, Callable[[], str]] = {f"docs/{shell.MAN}": shell.man_page} | {
    f"docs/{path}": partial(shell.completion, name) for name, path in shell.COMPLETIONS.items()
}
FILES |= coming.pages()
FILES |= workflows.files()
"""Files that are generated as a whole."""


def generated() -> dict[str, str]:
    """The current text of each file that is generated, or has a generated part. Raises GapError."""
    pages = {path: part() for path, part in FILES.items()}
    for (path, name), part in PARTS.items():
        text = pages.get(path) or (parts.ROOT / path).read_text(encoding="utf-8")
        begin = BEGIN.format(name)
        if text.count(begin) != 1 or END not in text.split(begin)[1]:
            raise parts.GapError(f"{path} lacks the lines `{begin}` and `{END}`")
        before, rest = text.split(begin)
        pages[path] = f"{before}{begin}\n\n{part()}\n{END}{rest.split(END, 1)[1]}"
    return pages


def difference(path: str, wanted: str) -> str:
    """The diff from the page on disk to the current text; empty if the page is up to date."""
    file = parts.ROOT / path
    now = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = difflib.unified_diff(now.splitlines(), wanted.splitlines(), path, f"{path}, generated", lineterm="", n=1)
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes the pages, or reports which are out of date. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    only_check = parser.parse_args(arguments).check
    try:
        pages = generated()
    except parts.GapError as gap:
        sys.stderr.write(f"error: {gap}\n")
        return 1
    stale = {path: diff for path, text in pages.items() if (diff := difference(path, text))}
    for path, diff in stale.items():
        if only_check:
            sys.stderr.write(diff + "\n")
        else:
            (parts.ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (parts.ROOT / path).write_text(pages[path], encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    if stale and only_check:
        sys.stderr.write(f"error: {', '.join(stale)} out of date; run `make docs` ({COMMAND})\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

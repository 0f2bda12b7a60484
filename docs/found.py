"""Generates the pages on errors, problems and the ledger from the source; words.py adds what the source lacks."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass, field

from ctgitops import errors
from ctgitops.report.comment import CUT

from .parts import NOTE, PACKAGE, ROOT, as_table, refuse_gap
from .words import CUT_PARTS, GATES, LEDGER_COLUMNS, PROBLEMS, TEMPLATES


@dataclass
class Found:
    """Where a problem's code occurs, and what follows from it there."""

    files: set[str] = field(default_factory=set)
    blocks: set[str] = field(default_factory=set)
    exits: set[str] = field(default_factory=set)


def problem_codes() -> dict[str, Found]:
    """Every code that some line of the package gives to a Problem."""
    found: dict[str, Found] = defaultdict(Found)
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and (code := _code(call, "Problem", "_problem")):
                at = found[code]
                at.files.add(str(path.relative_to(ROOT)))
                keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
                at.blocks.add({"True": "yes", "False": "no"}.get(keywords.get("blocks", "True"), "where SQL is in it"))
                about_ledger = "LEDGER" in keywords.get("concern", "") or getattr(call.func, "id", "") == "_problem"
                at.exits.add("4" if about_ledger else "3")
    return dict(found)


def gate_codes() -> set[str]:
    """Every gate that gives a Reason to wait."""
    gates = [PACKAGE / "core" / "gate" / name for name in ("gate.py", "health.py", "data_loss.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in gates]
    return {
        code
        for tree in trees
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and (code := _code(call, "Reason"))
    }


def _code(call: ast.Call, *names: str) -> str:
    if getattr(call.func, "id", "") not in names or not call.args:
        return ""
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def errors_page() -> str:
    """The tree of errors, the codes of problems, and the gates."""
    classes = sorted(errors.CtgitopsError.__subclasses__(), key=lambda each: each.exit_status)
    statuses = [
        ("0", "", "Done, or nothing to do. A plan that would have to wait is still a sound plan."),
        (
            "1",
            "",
            "A failed check: findings at or above the failing severity, drift, for `status` a last run that failed; or "
            "an unexpected error.",
        ),
        *((str(each.exit_status), f"`error[{each.code}]`", (each.__doc__ or "").strip()) for each in classes),
        (
            "130",
            "`error[interrupted]`",
            "Ctrl-C, SIGTERM or SIGHUP, where no lock was waited for, no backup taken and nothing applied.",
        ),
    ]
    found = problem_codes()
    refuse_gap("problem", set(found), set(PROBLEMS))
    refuse_gap("gate", gate_codes(), set(GATES))
    problems = [
        (f"`{code}`", " or ".join(sorted(at.exits)), " or ".join(sorted(at.blocks)), *PROBLEMS[code])
        for code, at in sorted(found.items())
    ]
    return "\n".join(
        [
            "# Errors, problems and reasons to wait\n",
            NOTE + "\n",
            "An *error* ends a run. A *problem* is bad news in a plan or a check, told with all others at once. A "
            "*reason to wait* holds back a sound plan. Each says what happened, where, and what to do next.\n",
            "## Exit statuses\n",
            as_table(("status", "printed as", "meaning"), statuses),
            "The status of `plan` and `status` for several environments is the highest of them.\n",
            "## Problems\n",
            "Printed as `error[CODE]` where it blocks, as `warning[CODE]` where it does not. The status is that of a "
            "run that it blocks; `check` always ends with 3.\n",
            as_table(("code", "status", "blocks", "meaning", "what to do"), problems),
            "## Reasons to wait\n",
            "Printed as `waits[GATE]`. `apply` and `rollback` then change nothing and end with 5; `plan` shows them "
            "and ends with 0.\n",
            as_table(
                ("gate", "meaning", "what lets it go on"), [(f"`{gate}`", *words) for gate, words in GATES.items()]
            ),
        ]
    )


def ledger_columns(table: str) -> dict[str, tuple[str, bool]]:
    """Each column of one of the ledger's tables: its type, and whether it always has a value."""
    body = re.search(rf"create table ctgitops\.{table} \((.*?)\n\);", _ledger_sql(), re.DOTALL)
    parts = (body[1] if body else "").split("constraint", maxsplit=1)[0].split(",")
    matches = [re.fullmatch(r"\s*(\w+)\s+(\w+)(.*?)\s*", part) for part in parts]
    return {m[1]: (m[2], "not null" in m[3]) for m in matches if m}


def column_comments(table: str) -> dict[str, str]:
    """What the SQL itself says of the table's columns; a later format has the last word."""
    pattern = rf"comment on column ctgitops\.{table}\.(\w+) is\s+'((?:[^']|'')*)';"
    return {name: text.replace("''", "'") for name, text in re.findall(pattern, _ledger_sql())}


def _ledger_sql() -> str:
    files = sorted((PACKAGE / "postgres" / "sql").glob("ledger_*.sql"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def columns_part(table: str) -> str:
    """The columns of one of the ledger's tables, as a table."""
    columns, comments = ledger_columns(table), column_comments(table)
    lacking = LEDGER_COLUMNS if table == "ledger" else {}
    refuse_gap("column", set(columns) - set(comments), set(lacking))
    rows = [
        (f"`{name}`", kind, "always" if always else "", comments.get(name) or lacking[name])
        for name, (kind, always) in columns.items()
    ]
    return as_table(("column", "type", "has a value", "meaning"), rows)


def cut_part() -> str:
    """What is dropped from a comment that is too long, in order."""
    refuse_gap("part of a comment", set(CUT), set(CUT_PARTS))
    return "".join(f"{n}. {CUT_PARTS[kind]}\n" for n, kind in enumerate(CUT, start=1))


def templates_part() -> str:
    """Every template, and what it holds."""
    names = sorted(path.name for path in (PACKAGE / "report" / "templates").glob("*.j2"))
    refuse_gap("template", set(names), set(TEMPLATES))
    rows = [(f"[`{name}`](../ctgitops/report/templates/{name})", TEMPLATES[name]) for name in names]
    return as_table(("template", "holds"), rows)

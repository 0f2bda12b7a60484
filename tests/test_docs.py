"""The documentation matches the code, and its links work."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import click
import pytest

from ctgitops import errors
from ctgitops.cli.main import VERBS, ctgitops
from ctgitops.core.environment.layout import LayoutName
from ctgitops.core.ledger.ledger import Entry, Mark
from ctgitops.github.event import _READERS
from ctgitops.lint.registry import all_rules
from ctgitops.report.comment import CUT
from docs import generate, parts
from tests.pages.blocks import FENCE, PAGES, blocks

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!`)\[(?:[^\]]|`\])+\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.*)$", prose(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help_and_stands_in_the_readme_and_in_the_pages(verb: str) -> None:
    command = ctgitops.get_command(click.Context(ctgitops), verb)
    assert command is not None

    assert command.help, f"{verb} says nothing of itself"
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{verb} {option.name} has no help"

    assert re.search(rf"^\| `{verb}\b", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"\n## {verb}\n" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_readme_names_no_verb_that_does_not_exist() -> None:
    table = prose(ROOT / "README.md").split("## Verbs")[1].split("\n\n")[1]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == set(VERBS)


def options_of(verb: str) -> set[str]:
    command = ctgitops.get_command(click.Context(ctgitops), verb)
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    return {name for each in commands if each for option in each.params for name in option.opts} | {"--help"}


def test_commands_in_the_pages_name_options_that_exist() -> None:
    for page in PAGES:
        for verb, rest in re.findall(r"\bctgitops ([a-z]+)((?: [^`\n]*)?)", page.read_text(encoding="utf-8")):
            named = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest.split("#")[0])) if verb in VERBS else set()
            assert named <= options_of(verb), f"{page.name}: ctgitops {verb}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_every_page_is_reached_from_the_index_or_the_readme() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (page.parent / target).resolve() for page in (index, ROOT / "README.md") for target in LINK.findall(prose(page))
    }
    assert [page.name for page in (ROOT / "docs").rglob("*.md") if page not in linked and page != index] == []


def test_the_tour_has_ten_files_that_exist() -> None:
    tour = (ROOT / "README.md").read_text(encoding="utf-8").split("## The tour")[1]
    steps = re.findall(r"^(\d+)\. \[`([^`]+)`\]\(([^)]+)\)", tour, re.MULTILINE)

    assert [int(number) for number, _, _ in steps] == list(range(1, 11))
    assert [shown for _, shown, target in steps if shown != target or not (ROOT / target).is_file()] == []


def first_words(call: ast.Call, *names: str) -> str:
    """The text that a call of one of these functions has as its first argument."""
    if getattr(call.func, "id", "") not in names or not call.args:
        return ""
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


@cache
def calls() -> list[ast.Call]:
    texts = (path.read_text("utf-8") for path in (ROOT / "ctgitops").rglob("*.py"))
    trees = (ast.parse(text) for text in texts if re.search(r"\b(_?[Pp]roblem|Reason)\(", text))
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def problem_codes() -> dict[str, tuple[str, str]]:
    """Each problem's code with its exit status and whether it blocks, as the code that makes it says."""
    statuses, blocks = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for call in calls():
        if code := first_words(call, "Problem", "_problem"):
            keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
            about_ledger = "LEDGER" in keywords.get("concern", "") or getattr(call.func, "id", "") == "_problem"
            address = "ADDRESS" in keywords.get("concern", "")
            statuses[code].add("2" if address else "4" if about_ledger else "3")
            blocks[code].add({"True": "yes", "False": "no"}.get(keywords.get("blocks", "True"), "sometimes"))
    return {
        code: (" or ".join(sorted(statuses[code])), blocks[code].pop() if len(blocks[code]) == 1 else "sometimes")
        for code in statuses
    }


def section(page: str, heading: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]


def test_every_code_of_a_problem_is_explained_with_its_status_and_whether_it_blocks() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \| .+ \| .+ \|$", section("docs/errors.md", "Problems"), re.M
    )

    assert sorted(rows) == rows == sorted(set(rows))
    assert {code: (status, blocks) for code, status, blocks in rows} == problem_codes()


def test_the_readme_counts_what_there_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\[(\d+) rules\]", readme) == [str(len(all_rules()))]
    assert re.findall(r"\[(\d+) other tools\]", readme) == [str(len(LayoutName) - 1)]


def test_every_gate_is_explained() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .+ \| .+ \|$", section("docs/errors.md", "Reasons to wait"), re.MULTILINE)

    assert sorted(rows) == sorted({code for call in calls() if (code := first_words(call, "Reason"))})


def test_every_exit_status_is_explained() -> None:
    rows = re.findall(r"^\| (\d+) \| `error\[(\w+)\]`", section("docs/errors.md", "Exit statuses"), re.MULTILINE)

    assert dict(rows) == {"130": "interrupted"} | {
        str(each.exit_status): each.code for each in errors.CtgitopsError.__subclasses__()
    }


def test_what_a_long_comment_leaves_out_is_listed_in_order() -> None:
    listed = re.findall(r"^(\d+)\. \*\*(\w+)\*\*", section("docs/comment.md", "When it is too long"), re.MULTILINE)

    assert listed == [(str(number), kind) for number, kind in enumerate(CUT, start=1)]


def test_every_template_is_listed() -> None:
    listed = re.findall(r"^\| \[`([\w.]+\.j2)`\]", (ROOT / "docs/comment.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(listed) == sorted(path.name for path in (ROOT / "ctgitops/report/templates").glob("*.j2"))


def test_every_problem_names_its_code_where_it_is_made() -> None:
    """Else nobody could collect the codes; variables would hide them."""
    package = ROOT / "ctgitops"
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    made = re.findall(r"(?<![\w.])Problem\(\s*([^,\s]+)", text)
    assert sorted(first for first in made if not first.startswith('"')) == ["code", "self.rule"], (
        "only _problem in core/plan/history.py may, and a finding, whose rule has a page of its own"
    )


def test_every_column_of_the_ledger_is_explained_once() -> None:
    columns, comments = parts.table_columns("ledger"), parts.column_comments("ledger")

    assert len(columns) == 22
    assert set(columns) == set(comments) | set(parts.COLUMNS)
    assert not set(comments) & set(parts.COLUMNS)


def test_columns_of_the_ledger_are_those_of_an_entry() -> None:
    assert set(parts.table_columns("ledger")) == set(Entry.__dataclass_fields__)


def test_generated_pages_are_current() -> None:
    stale = [diff for path, text in generate.generated().items() if (diff := generate.difference(path, text))]
    assert not stale, "\n".join([*stale, f"run `make docs` ({generate.COMMAND})"])


def test_generated_pages_do_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = parts.verbs_help()
    monkeypatch.setenv("COLUMNS", "200")
    assert narrow == parts.verbs_help()


def test_the_check_fails_with_a_diff_and_the_command_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, text in generate.generated().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    policy = tmp_path / "docs" / "policy.md"
    policy.write_text(policy.read_text(encoding="utf-8").replace("| `numbering`", "| `counting`", 1), encoding="utf-8")
    (tmp_path / "action.yml").write_text((ROOT / "action.yml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(parts, "ROOT", tmp_path)

    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "-| `counting`" in said
    assert "run `make docs`" in said


def test_the_script_runs_as_the_makefile_calls_it() -> None:
    command = [sys.executable, "-m", "docs.generate", "--help"]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0
    assert f"{generate.COMMAND} --check" in (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)/", "")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_pages_that_everybody_reads_stay_short(page: Path) -> None:
    lines = len(page.read_text(encoding="utf-8").splitlines())
    assert lines <= {"README.md": 220, "CONTRIBUTING.md": 120}[page.name]


def test_the_glossary_has_every_noun_of_core_and_every_mark_of_the_ledger() -> None:
    glossary = (ROOT / "docs/concepts.md").read_text(encoding="utf-8")
    nouns = {path.stem.replace("_", " ") for path in (ROOT / "ctgitops/core").rglob("*.py") if path.stem != "__init__"}
    assert len(nouns) > 60
    assert [noun for noun in sorted(nouns) if f"| **{noun}** |" not in glossary] == []
    (marks,) = re.findall(r"its mark says what happened: ([^|]+) \|", glossary)
    assert set(marks.split(", ")) == set(Mark)


def test_the_page_of_the_action_names_every_event_that_is_read() -> None:
    table = prose(ROOT / "docs" / "action.md").split("## What an event does")[1].split("\n\n")[2]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) >= set(_READERS)


def test_the_workflow_in_the_pages_is_sound(tmp_path: Path) -> None:
    workflows = [text for block in blocks("yaml") if "runs-on:" in (text := block.text)]
    assert workflows
    for number, text in enumerate(workflows):
        assert len(text.splitlines()) <= 82  # events, plan, apply, way back, override and resume, in one file
        file = tmp_path / ".github" / "workflows" / f"{number}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        tools = Path(sys.executable).parent
        schema = [str(tools / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(file)]
        for command in (schema, [str(tools / "actionlint"), "-shellcheck=", str(file)]):
            done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

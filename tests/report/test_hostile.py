"""Untrusted text from a file, a database or a pull request is shown as text, never as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.environment import BackupPolicy, Environment
from ctgitops.core.fix import Lines, Rename
from ctgitops.core.gate.gate import Reason
from ctgitops.core.gate.request import Origin
from ctgitops.core.migration.header import Rollback
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan, Step
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.run.progress import SeedFinished
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.trial.trial import IdempotenceCheck, OrderCheck, RollbackTrial, Trial
from ctgitops.core.view.preview import NotPlanned, PlanResult, Preview
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.errors import ApplyError, LedgerError, Place
from ctgitops.notify.lines import line_of
from ctgitops.report.escape import code, fence, plain, prose
from ctgitops.report.json import check_json, error_json
from ctgitops.report.markdown import outcome_markdown, plans_markdown
from ctgitops.report.text import check_text
from ctgitops.report.text_error import error_text
from ctgitops.sql.script import Script
from tests.fakes import receipt

EVIL = [
    "a|b.sql",
    "`x`|@octocat",
    "</code><img src=x onerror=1>",
    "</summary></details><script>alert(1)</script>",
    "*b* _i_ ~~s~~ [l](http://e) ![i](http://e) #12 https://e.x www.e.x WWW.e.x",
    "```\n@team/x\n```",
    "~~~~\n# h\n~~~~",
    "--> <!-- ",
    "\\|\\`",
    "a\n\n# b\n\n- c\n\n    d",
    "me@corp.com mailto:me@corp.com xmpp:a@b.c http://x.y/z ftp://x.y",
    ":tada: GH-1 gh-12 org/repo#3 deadbeefdeadbeefdeadbeefdeadbeefdeadbeef 1234567",
    "> [!CAUTION]\n> x",
    "<details open>",
    "&lt;b&gt; &#64;octocat &commat;octocat",
    "$x$ $$y$$ ```math\nz\n```",
    "1. one\n2. two\n| a |\n|---|\n",
    "\u202egnp.exe \u200b@\u200bo \x1b[31m \x00",
    "[x]: http://e\n[^1]: y\n- [ ] z",
    "<a@b.c> <http://e>",
]

hostile = st.lists(
    st.sampled_from(EVIL) | st.text(max_size=12) | st.text("`@#<>|*_~:&[]()!$\\/.-+= \n0a", max_size=16)
).map(lambda parts: "x" + "".join(parts))

OWN = {"h3", "table", "thead", "tbody", "tr", "th", "td", "p", "b", "br", "sub", "details", "summary", "blockquote"}
OWN |= {"ul", "li", "pre", "code", "a"}
LIVE = re.compile(r"(?<!\w)@\w|#\d|\bgh-\d|:[\w+-]+:|\b[0-9a-f]{7,40}\b|\w://|www\.\w|\w@\w", re.IGNORECASE)
HOME = "https://github.com/constructtrack/database"
URL = f"{HOME}/actions/runs/1"
SHA = "4be1c07d9a514be1c07d9a514be1c07d9a514be1"
LINE = re.compile(rf"{HOME}/blob/[0-9a-f]{{40}}/[A-Za-z0-9/._%-]+(#L\d+)?")


LONG = "x\n" * 9
"""More lines than a page leaves open, whatever stands before them."""


def at_github(text: str) -> Origin:
    """A run on a commit whose files people can look at."""
    return Origin(text, SHA, 1, URL, HOME)


class Reader(HTMLParser):
    """Tags, links, and the text that GitHub's filters would look at."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.attributes: set[str] = set()
        self.comments: list[str] = []
        self.live = ""
        self.all = ""
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.live += "\n"
        self.attributes |= {name for name, _ in attrs} - {"align", "lang", "class"}
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        self._quiet += tag in {"code", "pre", "a"}

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")
        self.live += "\n"
        self._quiet -= tag in {"code", "pre", "a"}

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.all += data
        self.live += "\n" if self._quiet else data


def read(markdown: str) -> Reader:
    """What a page is after GitHub's Markdown parser."""
    reader = Reader()
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    reader.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, options))
    reader.close()
    return reader


def results(text: str) -> tuple[PlanResult, ...]:
    """Two environments with this text wherever text can be."""
    place = Place(text, 3, 4)
    step = Step(
        Direction.APPLY,
        1,
        text,
        None,
        "sha256:x",
        Script(f"SELECT 1; -- {text}", text),
        Script(text, text),
        breaking=True,
        rollback=Rollback.MANUAL,
        procedure=text,
        estimated=text,
        impact=text,
        description=text,
    )
    problems = (
        Problem("a", text, place, text, f"{text}\n{LONG}", fix=Lines(text, 1, 2, (text, f"-- {text}"))),
        Problem("b", text, place, text, f"--- {text}\n{LONG}", blocks=False, fix=Rename(text, text)),
        Problem("c", text),
    )
    environment = Environment(text, "URL", tags=text, after=text, backup=BackupPolicy(text, (text,)))
    plan = Plan(text, Direction.APPLY, None, None, Selector(), (step,), (), problems)
    sound = replace(plan, problems=problems[1:2], steps=(replace(step, number=2, rollback=Rollback.NOT_AVAILABLE),))
    preview = Preview(environment, sound, (Reason(text, text, text),))
    error = LedgerError(text, place=place, state=text, hint=text)
    changes = (Added(SchemaObject("table", text, text, {"definition": text, "owner": text})),)
    parts = (
        changes[0].object,
        SchemaObject("column", f"{text}.{text}", text, {"type": text}),
        SchemaObject("constraint", text, text, {"definition": f"FOREIGN KEY ({text}) REFERENCES {text}({text})"}),
    )
    failed = ApplyError(text, place=place, detail=text)
    ways = (RollbackTrial(step, changes, changes, failed), RollbackTrial(step, untried=text))
    again = (IdempotenceCheck(step, changes, failed), IdempotenceCheck(step, untried=text))
    tried = Preview(
        environment,
        plan,
        proof=Trial(
            text,
            (text,),
            (text,),
            changes,
            ways,
            again,
            OrderCheck(changes),
            failed,
            text,
            text,
            after=Snapshot.of(parts),
        ),
    )
    return (tried, preview, NotPlanned(environment, error))


def harmless(page: str) -> Reader:
    """Asserts that a page has no markup but ours."""
    reader = read(page)
    assert {tag.removeprefix("/") for tag in reader.tags} <= OWN
    assert reader.attributes <= {"href"}
    assert all(link in (URL, f"{HOME}/actions") or LINE.fullmatch(link or "") for link in reader.links), reader.links
    assert reader.comments == []
    assert not LIVE.search(reader.live), LIVE.search(reader.live)
    return reader


def skeleton(reader: Reader) -> list[str]:
    """Its tags without inline code, which our own words in backticks make."""
    return [tag for tag in reader.tags if tag.removeprefix("/") != "code"]


@pytest.fixture(autouse=True, scope="module")
def _nothing_folded() -> Iterator[None]:
    """A text with many lines makes schema changes long, and long ones are folded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ctgitops.report.comment.SHORT", 10**6)
        yield


@given(hostile)
def test_no_text_changes_the_plan_comment(text: str) -> None:
    page = plans_markdown(results(text), at_github(text))
    reader = harmless(page)
    if "Left out to fit into a comment" not in page:  # a long text leaves parts out
        assert skeleton(reader) == skeleton(read(plans_markdown(results("x"), at_github("x"))))
    elsewhere = Origin(text, text, 1, URL, text, text)
    assert not any("blob" in str(link) for link in harmless(plans_markdown(results(text), elsewhere)).links)


@pytest.mark.parametrize("trick", EVIL)
def test_each_known_trick_is_text(trick: str) -> None:
    reader = harmless(plans_markdown(results(f"x{trick}"), Origin("x", "x", 1, URL)))
    assert skeleton(reader) == skeleton(read(plans_markdown(results("x"), Origin("x", "x", 1, URL))))
    for escaped in (plain(f"x{trick}"), code(f"x{trick}")):
        shown = read(f"{escaped}").all.strip().replace("\u200b", "")
        assert shown == " ".join(re.sub(r"[\u200b\u202e\x00\x1b]", "\N{REPLACEMENT CHARACTER}", f"x{trick}").split())


@given(hostile)
def test_no_text_changes_the_record_of_a_run(text: str) -> None:
    def outcome(text: str) -> Outcome:
        (preview, *_) = results(text)
        assert isinstance(preview, Preview)
        proof = replace(receipt(), location=text, id=text, proof=text)
        return Outcome(preview.plan, Status.BLOCKED, (Done(text, 1),), (Reason(text, text, text),), proof)

    reader = harmless(outcome_markdown(outcome(text), Origin(text, text, 1, text)))
    assert skeleton(reader) == skeleton(read(outcome_markdown(outcome("x"), Origin("x", "x", 1, "x"))))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://e.x/)[a](b", "https://e.x/<b>", "https://e.x/?a=b c", ""]
)
def test_only_a_plain_address_becomes_a_link(url: str) -> None:
    assert "[run]" not in plans_markdown(results("x"), Origin("x", "x", 1, url))


@given(hostile)
def test_text_reads_as_it_was_written(text: str) -> None:
    wanted = " ".join(re.sub(r"[\u200b-\u200f\ufffd]", "", text).split())
    if re.search(r"[^\x20-\x7e\n]", text) or len(text) > 400:
        return
    for escaped in (plain(text), code(text)):
        assert read(f"a {escaped} b").all.strip().replace("\u200b", "") == f"a {wanted} b"


def test_words_in_backticks_become_code_in_our_own_sentences() -> None:
    assert read(str(prose("run `ctgitops plan --env a|b`, then @look"))).tags == ["p", "code", "/code", "/p"]


@given(
    st.lists(st.sampled_from(["`", "``", "```", "````", "~~~", "\n", " ", "a", "</details>", "@x", "\r"]), max_size=30)
)
def test_no_body_ends_its_fence(parts: list[str]) -> None:
    body = "".join(parts)
    html = cmarkgfm.github_flavored_markdown_to_html(f"{fence(body, 'sql')}\n\nafter", Options.CMARK_OPT_UNSAFE)
    assert html.count("<pre") == html.count("</pre>") == 1
    assert html.endswith("</code></pre>\n<p>after</p>\n")
    assert "<details" not in html


@pytest.mark.parametrize(
    "order", ["::add-mask::e", "  ::error file=a,line=1::b", "x ##[add-matcher]y", "\t::stop-commands::z"]
)
def test_no_text_is_an_order_to_the_runner_that_prints_it(order: str) -> None:
    """GitHub's runner obeys a line of a log that begins with `::`, spaces or not, and `##[` anywhere."""
    problem = Problem("syntax-error", f"near {order}", Place(f"migrations/{order}.sql"), order, f"a\n{order}\n{order}")
    failed = ApplyError(order, statement=f"a\n{order}", detail=f"DETAIL: a\n{order}", state=order, hint=order)
    work = Workspace(())
    pages = (check_text(work, (problem,)), check_json(work, (problem,)), error_text(failed), error_json(failed))
    for line in "\n".join(pages).split("\n"):
        assert not line.strip().startswith("::")
        assert "##[" not in line
    assert json.loads(check_json(work, (problem,)))["problems"][0]["hint"] == order
    assert "##[" not in line_of(SeedFinished(order, 3))

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from importlib import resources

from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.view.drift import Drift
from ctgitops.core.view.preview import NotPlanned
from ctgitops.core.view.run_history import History, lane_of
from ctgitops.core.view.schema_tree import SchemaTree
from ctgitops.core.workspace.finding import Finding, Severity
from ctgitops.errors import LedgerError, Place
from ctgitops.report import history_json, history_texts
from ctgitops.report.history_html import FOLDER
from ctgitops.report.history_json import history_data
from ctgitops.report.history_json import history_json as as_json
from ctgitops.report.history_text import MOST_RUNS, history_markdown, history_text
from tests.fakes import STAGING, chained, entry, migration, workspace
from tests.report.history_cases import NOW, ORIGIN, history_of, page_of
from tests.report.test_json import valid

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>\u202egnp\u2028`##[error]"
ONE = migration("001_one", "1.0.0")


def of(ledger: Ledger, **fields: object) -> History:
    tree = SchemaTree()
    lane = replace(lane_of("staging", ledger, tree), **fields)  # type: ignore[arg-type]
    return History((lane,), tree)


def data_in(page: str) -> object:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_json_is_of_the_published_shape() -> None:
    found = valid("history", as_json(history_of(30, 12), ORIGIN, NOW, "0.2.0"))
    assert [each["environment"] for each in found["environments"]] == [
        "development",
        "staging",
        "production",
        "archive",
    ]
    assert found["environments"][3]["unreadable"]["what"].startswith("cannot reach")
    assert {run["result"] for run in found["environments"][0]["runs"]} == {"applied", "failed"}
    assert found["schemas"][0]["parent"] is None
    assert all(each["parent"] < each["id"] for each in found["schemas"][1:])


def test_drift_that_could_not_be_checked_is_unknown() -> None:
    wrong = NotPlanned(STAGING, LedgerError("the migrations do not run", place=Place("migrations/001_one.sql", 2)))
    found = valid("history", as_json(of(chained(entry(ONE)), drift=wrong), ORIGIN, NOW, "0"))
    assert found["environments"][0]["drift"]["state"] == "unknown"
    assert "drift UNKNOWN (the migrations do not run)" in history_text(of(chained(entry(ONE)), drift=wrong))
    assert "drift not checked" in history_text(of(chained(entry(ONE))))


def test_the_text_has_each_run_its_error_and_what_is_wrong() -> None:
    failed = entry(migration("002_two", "1.1.0"), Mark.FAILED, error="lock timeout\x1b[2J")
    text = history_text(of(chained(entry(ONE), failed), drift=Drift(STAGING, (), 1)))
    assert text.startswith("staging: schema version 1.0.0, 1 migration, 2 runs, no drift\n")
    assert "FAILED" in text
    assert "002_two: failed: lock timeout" in text
    assert "\x1b" not in text


def test_an_override_is_neither_a_migration_nor_an_error() -> None:
    plan = make_plan(workspace(), STAGING, Ledger())
    used = UsedOverride((OverriddenWait("freeze", "a freeze is in force: sale"),), "orders fail", "anna")
    override = replace(used.entry(plan), actor="anna")
    history = of(chained(override, replace(entry(ONE, Mark.APPLIED), plan=plan.fingerprint, actor="anna")))
    assert [run.names for lane in history.lanes for run in lane.runs] == [("001_one",)]
    text = history_text(history)
    assert "OVERRIDE: freeze overridden by anna: orders fail" in text
    assert "started: orders fail" not in text
    document = valid("history", as_json(history, ORIGIN, NOW, "1.0.0"))
    first, second = document["environments"][0]["runs"][0]["entries"]
    assert (first["error"], first["text"], second["override"]) == (None, None, None)
    assert first["override"]["waits"] == ["a freeze is in force: sale"]


def test_old_runs_are_counted_where_they_are_not_shown() -> None:
    many = chained(*(entry(ONE, Mark.FAILED, error="no") for _ in range(MOST_RUNS + 7)))
    assert "7 older runs not shown" in history_text(of(many))
    assert "7 older runs not shown" in history_markdown(of(many))


def test_names_in_markdown_are_text() -> None:
    page = history_markdown(of(chained(replace(entry(ONE), name="x | <b>@team</b>", actor="[a](http://b)"))))
    assert "<b>" not in page
    assert "@team" not in page
    assert "](http" not in page


def test_passwords_are_redacted_and_texts_and_attributes_are_bounded() -> None:
    secret = "create role app password 'hunter2secret';"
    body = SchemaObject("function", "public.f()", "", {"definition": "x" * 9000})
    history = of(chained(replace(entry(ONE), sql=secret + "-" * 50_000, rollback_sql=secret)))
    history.tree.nodes[1].changes = (Added(body),)
    found = history_data(history, ORIGIN, NOW, "0")
    assert "hunter2secret" not in json.dumps(found)
    (text,) = found["texts"]
    assert len(text["sql"]) == history_texts.LONGEST_SQL
    assert text["left_out"] > 0
    definition = found["schemas"][1]["changes"][0]["added"]["attributes"]["definition"]
    assert len(definition) < history_json.LONGEST_VALUE + 100
    assert "9,000 characters" in definition


def test_the_oldest_texts_are_left_out_first() -> None:
    long = [replace(entry(migration(f"{n:03}_m", f"1.{n}.0")), sql="-" * 40_000) for n in range(1, 231)]
    texts = history_data(of(chained(*long)), ORIGIN, NOW, "0")["texts"]
    kept = [each["sql"] is not None for each in texts]
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (False, True)
    assert texts[0]["left_out"] == 40_000


def test_locks_and_findings_are_known_or_said_to_be_unknown() -> None:
    alter = migration(
        "002_two", "1.1.0", sql="create table t2 (); alter table t1 add c int; alter table t2 add c int;\n"
    )
    bad = Entry(Mark.APPLIED, "003_bad", 3, sql="alter tabel", checksum="x")
    finding = Finding("drop-column", Severity.WARNING, "drops t1.c", Place(alter.path, 3))
    history = replace(of(chained(entry(alter), bad)), findings={alter.checksum: (finding,)})
    two, three = history_data(history, ORIGIN, NOW, "0")["texts"]
    assert two["locks"] == [{"relation": "t1", "mode": "AccessExclusiveLock"}]
    assert [each["rule"] for each in two["findings"]] == ["drop-column"]
    assert (three["locks"], three["findings"]) == (None, None)


def test_hostile_names_cannot_leave_the_data() -> None:
    table = SchemaObject("table", f'public."{HOSTILE}"', "", {"comment": HOSTILE})
    history = of(chained(replace(entry(ONE), name=HOSTILE, actor=HOSTILE, error=HOSTILE, sql=f"-- {HOSTILE}")))
    history.tree.nodes[1].changes = (Added(table),)
    page = page_of(history)
    found = json.dumps(data_in(page))
    assert "onerror" in found, "it is there, as text"
    for mark in ("<img", "<!--<", "\u202e", "\u2028"):
        assert mark not in page
    assert page.count("<script") == page.count("</script>") == 13


def test_the_policy_allows_exactly_the_scripts_and_the_style_of_the_page() -> None:
    page = page_of(history_of(6, 4))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == [source(text) for text in scripts]
    assert rules["style-src"] == [source(text) for text in styles]
    assert "unsafe" not in policy
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|<link|<iframe|\ssrc=", page.split('id="data"', maxsplit=1)[0])


def test_our_scripts_write_no_markup_and_run_no_text() -> None:
    folder = resources.files("ctgitops.report") / FOLDER
    for each in folder.iterdir():
        if each.name.endswith(".js"):
            text = each.read_text("utf-8")
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|fetch\(", text
            ), each.name
            assert len(text.splitlines()) <= 300, each.name


def test_the_libraries_are_the_published_files() -> None:
    folder = resources.files("ctgitops.report") / FOLDER / "vendor"
    pinned = dict(
        re.findall(
            r"^\| `([\w.]+)` \|.*\| `([0-9a-f]{64})` \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE
        )
    )
    scripts = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in folder.iterdir()
        if each.name.endswith(".js")
    }
    assert pinned == scripts
    assert len(pinned) == 2
    for name, words in (("d3", "ISC"), ("dagre", "MIT")):
        assert words in (folder / "README.md").read_text("utf-8")
        assert "Copyright" in (folder / f"{name}.LICENSE.txt").read_text("utf-8")

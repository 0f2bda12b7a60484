"""The page of `history --html` in a real browser: quick, accessible, and inert against hostile names."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.view.run_history import History, lane_of
from ctgitops.core.view.schema_tree import SchemaTree
from tests.fakes import chained, entry, migration
from tests.report.browser import Browser, browser
from tests.report.history_cases import history_of, page_of, table_name
from tests.servers import missing

pytestmark = pytest.mark.slow

VIEWS = ("#runs", "#run/staging/7", "#migrations", "#schema", "#schema/40?table=public.project", "#compare/20/50")
HOSTILE = "</script><img src=x onerror=window.hit=1>\u202egnp"
AXE = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(
    each => `${each.id}: ${each.nodes[0].html} ${each.nodes[0].failureSummary}`))"""
TRIES = 3


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("small"), history_of(60, 34))


@pytest.fixture
def page(chromium: Browser) -> Browser:
    chromium.size(1280, 900)
    chromium.media()
    return chromium


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of axe-core, which finds faults that keep people out."""
    if not shutil.which("npm"):
        raise missing("npm", "npm, with which axe-core is fetched, is not on this machine")
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(folder), "axe-core@^4"], check=True)
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


def written(folder: Path, history: History) -> str:
    file = folder / "history.html"
    file.write_text(page_of(history), "utf-8")
    return file.as_uri()


def words(page: Browser, selector: str = "main") -> str:
    return " ".join(str(page.run(f"document.querySelector({selector!r}).innerText")).split())


def number_of(page: Browser, selector: str) -> int:
    return int(page.run(f"document.querySelectorAll({selector!r}).length"))


def typed(page: Browser, placeholder: str, text: str) -> None:
    """Types into a search field, and waits for what the page says about it."""
    before = words(page, "#status")
    page.run(f"document.querySelector('input[placeholder^={placeholder}]').focus()")
    page.send("Input.insertText", text=text)
    page.run(
        "new Promise(done => { const look = () => document.querySelector('#status').textContent === "
        f"{before!r} ? setTimeout(look, 20) : done(); look(); }})"
    )


def seconds(page: Browser, url: str) -> float:
    """The processor time until the page is there. Other work on this machine adds little to it."""
    measured = []
    for _ in range(TRIES):
        page.open("about:blank")
        before = page.busy()
        page.open(url)
        page.run("document.documentElement.dataset.ready")
        measured.append(sum(used - before.get(process, 0) for process, used in page.busy().items()))
    return min(measured)


def focus(page: Browser, selector: str) -> None:
    """Focuses an element, again if the page is still being drawn: drawing replaces the element."""
    page.run(
        f"""new Promise((done, fail) => {{
        const until = performance.now() + 10000;
        const attempt = () => {{
            const found = document.querySelector(`{selector}`);
            if (found) found.focus();
            requestAnimationFrame(() => requestAnimationFrame(() => {{
                if (found && document.activeElement === found && found.isConnected) done(true);
                else if (performance.now() > until) fail(new Error(`not focused: {selector}`));
                else attempt();
            }}));
        }};
        attempt();
    }})"""
    )


def test_five_hundred_migrations_in_three_environments_open_in_a_second(page: Browser, tmp_path: Path) -> None:
    url = written(tmp_path, history_of(500, 300))
    assert seconds(page, url) < 1
    assert number_of(page, "details.run") == 100
    page.run("document.querySelector('details.run summary').click()")
    assert "Schema after it" in words(page, "details.run[open]")
    assert seconds(page, f"{url}#schema") < 1, "with the diagram of 300 tables"
    assert number_of(page, "g.entity") == 300
    assert page.faults() == []


def test_ten_thousand_entries_stay_usable(page: Browser, tmp_path: Path) -> None:
    url = written(tmp_path, history_of(100, 30, more=10_000))
    assert seconds(page, url) < 1
    assert number_of(page, "details.run") == 100
    assert number_of(page, "*") < 6000
    page.run("document.querySelector('button.more').click()")
    assert number_of(page, "details.run") == 200
    typed(page, "migration", "production #142")
    assert 0 < number_of(page, "details.run") < 10
    page.go("#migrations")
    assert "attempts" in words(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_keeps_people_out(page: Browser, small: str, axe: str, scheme: str) -> None:
    page.media(scheme=scheme)
    page.open(small)
    page.run(axe)
    for view in VIEWS:
        page.go(view)
        if view == "#runs":
            page.run("document.querySelector('details.run summary').click()")
        found = page.run(AXE)
        assert found == [], view


def test_every_view_works_without_a_network_and_within_its_policy(page: Browser, small: str) -> None:
    page.open(small)
    for view in VIEWS:
        page.go(view)
        assert len(words(page)) > 100, view
    assert page.faults() == []
    assert page.requests() == [small]
    added = "s = document.createElement('script'); s.textContent = 'window.hit = 1'; document.body.append(s)"
    for script in ("eval('window.hit = 1')", added, "document.body.innerHTML = '<p onclick=1>'", "fetch('x')"):
        done = page.send("Runtime.evaluate", expression=script, allowUnsafeEvalBlockedByCSP=False, awaitPromise=True)
        assert "exceptionDetails" in done, script
    assert page.run("window.hit === undefined")


def test_hostile_names_are_text(page: Browser, tmp_path: Path) -> None:
    one = migration("001_one", "1.0.0")
    tree = SchemaTree()
    bad = replace(
        entry(one), name=HOSTILE, actor=HOSTILE, error=HOSTILE, run_url="javascript:alert(1)", sql=f"-- {HOSTILE}"
    )
    lane = lane_of(HOSTILE, chained(bad), tree)
    name = f'public."{HOSTILE}"'
    tree.nodes[1].changes = tuple(
        Added(each)
        for each in (
            SchemaObject("table", name, "", {"comment": HOSTILE}),
            SchemaObject("column", f"{name}.{HOSTILE}", name, {"type": HOSTILE}),
        )
    )
    url = written(tmp_path, History((lane,), tree))
    page.open(url)
    for view in ("#runs", "#migrations", "#schema", "#compare", f"#schema/1?table={HOSTILE}", f"#run/{HOSTILE}/1"):
        page.go(view)
        assert number_of(page, "img") == 0
    page.go("#runs")
    page.run("document.querySelector('details.run summary').click()")
    assert "onerror=window.hit=1" in words(page)
    assert "\u202e" not in words(page)
    assert number_of(page, 'a[href^="javascript"]') == 0
    assert page.run("window.hit === undefined")
    assert [each for each in page.faults() if "img" in each] == []


def test_a_link_leads_to_a_run_a_schema_and_a_table(page: Browser, small: str) -> None:
    page.open(f"{small}#run/production/40")
    assert words(page, "main h2").endswith("on production")
    assert "restore with" in words(page)
    page.open(f"{small}#schema/40?table={table_name(4)}")
    assert words(page, ".side h3") == table_name(4)
    page.open(f"{small}#run/production/99999")
    assert "There is no run 99999" in words(page)
    page.open(f"{small}#nowhere")
    assert "Environments over time" in words(page)


def test_the_diagram_is_searched_filtered_and_zoomed(page: Browser, small: str) -> None:
    page.open(f"{small}#schema/50")
    assert number_of(page, "g.entity") == 34
    typed(page, "table", "photo")
    assert number_of(page, "g.entity.found") == 9, "three tables, and those with a column of this name"
    page.press("Enter")
    assert number_of(page, "g.entity.chosen") == 1
    before = page.run("document.querySelector('.diagram > g').getAttribute('transform')")
    page.run("document.querySelector('button[aria-label=\"Zoom in\"]').click()")
    assert page.run("document.querySelector('.diagram > g').getAttribute('transform')") != before
    page.go("#schema/50?schema=forms")
    assert 0 < number_of(page, "g.entity") < 34
    page.go("#schema/50?show=changed&since=10")
    assert number_of(page, "g.entity.added, g.entity.altered") == number_of(page, "g.entity") > 0


def test_keys_move_between_marks_and_tables(page: Browser, small: str) -> None:
    page.open(f"{small}#schema/50")
    focus(page, '.hit[tabindex="0"]')
    here = "document.activeElement.getAttribute('aria-label')"
    reached = {page.run(here)}
    for arrow in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.press(arrow)
        reached.add(page.run(here))
    assert len(reached) > 1
    assert page.run("document.activeElement.matches('.hit')")
    assert number_of(page, '.hit[tabindex="0"]') == 1
    page.press("Enter")
    assert words(page, ".side h3") in str(
        page.run("document.querySelector('g.entity.chosen .hit').getAttribute('aria-label')")
    )
    page.go("#runs")
    focus(page, 'g.cluster[tabindex="0"]')
    last = page.run(here)
    page.press("ArrowLeft")
    assert page.run(here) != last
    page.press("Enter")
    page.run("new Promise(done => setTimeout(done))")
    assert str(page.run("location.hash")).startswith("#run")


def test_two_schemas_stand_side_by_side_and_zoom_together(page: Browser, small: str) -> None:
    page.open(f"{small}#compare/20/50")
    both = "[...document.querySelectorAll('.diagram > g')].map(each => each.getAttribute('transform'))"
    page.run("document.querySelector('button[aria-label=\"Zoom in\"]').click()")
    first, second = page.run(both)
    assert first == second
    assert page.run("document.querySelectorAll('.diagram')[0].querySelectorAll('.entity.added').length") == 0
    assert page.run("document.querySelectorAll('.diagram')[1].querySelectorAll('.entity.added').length") > 0
    page.go("#compare/20/20")
    assert "Both schemas are the same" in words(page)


def test_drift_failures_and_what_is_unknown_are_told(page: Browser, tmp_path: Path) -> None:
    history = history_of(40, 20)
    history.tree.nodes[31].changes = None
    history.tree.unknown_from(31, "the SQL does not run")
    url = written(tmp_path, history)
    page.open(url)
    assert "drift: 1 difference" in words(page)
    assert "cannot reach the database of archive" in words(page)
    assert number_of(page, ".lanes .mark.failed") > 0
    page.go("#schema/32")
    assert "This schema is unknown: the SQL does not run." in words(page)
    page.open(
        written(
            tmp_path,
            replace(history_of(9, 5), without_schemas="the schemas were not rebuilt, because of `--no-shadow`"),
        )
    )
    page.go("#schema")
    assert "This page has no schemas" in words(page)


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_nothing_is_wider_than_the_screen(page: Browser, small: str, width: int) -> None:
    page.size(width, 844)
    page.open(small)
    for view in VIEWS:
        page.go(view)
        assert page.run("document.documentElement.scrollWidth") <= width, view


def test_a_printed_page_is_light_and_has_no_controls(page: Browser, small: str) -> None:
    page.media(scheme="dark", print_=True)
    page.open(f"{small}#schema/40")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.run("getComputedStyle(document.querySelector('.tools')).display") == "none"
    assert len(page.send("Page.printToPDF")["data"]) > 10_000

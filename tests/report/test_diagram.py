"""The Mermaid diagram of the tables that a plan touches, checked with Mermaid's own parser."""

from __future__ import annotations

import json
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.report.diagram import COLUMNS, TABLES, diagram
from tests.servers import missing


def table(name: str) -> SchemaObject:
    return SchemaObject("table", name, "", {"owner": "postgres"})


def column(table: str, name: str, type_: str = "text", **attributes: str) -> SchemaObject:
    return SchemaObject("column", f"{table}.{name}", table, {"type": type_, **attributes})


def constraint(table: str, name: str, definition: str) -> SchemaObject:
    return SchemaObject("constraint", f"{table}.{name}", table, {"definition": definition})


SITES = [
    table("public.sites"),
    column("public.sites", "id", "bigint", not_null="yes"),
    column("public.sites", "name"),
    constraint("public.sites", "sites_pkey", "PRIMARY KEY (id)"),
]
NODES = [
    table("net.nodes"),
    column("net.nodes", "id", "bigint", not_null="yes"),
    column("net.nodes", "site_id", "bigint", not_null="yes"),
    column("net.nodes", "twin_id", "bigint"),
    constraint("net.nodes", "nodes_pkey", "PRIMARY KEY (id)"),
    constraint("net.nodes", "twin_key", "UNIQUE (twin_id)"),
    constraint("net.nodes", "site", "FOREIGN KEY (site_id) REFERENCES public.sites(id) ON DELETE CASCADE"),
    constraint("net.nodes", "twin", "FOREIGN KEY (twin_id) REFERENCES net.nodes(id)"),
]


def drawn(before: list[SchemaObject], after: list[SchemaObject]) -> str:
    old, new = Snapshot.of(before), Snapshot.of(after)
    return diagram(old, new, compare(old, new))


def test_a_new_table_is_drawn_with_its_columns_and_what_it_refers_to() -> None:
    assert drawn(SITES, [*SITES, *NODES]) == (
        "erDiagram\n"
        '    e1["net.nodes"] {\n'
        '        bigint id PK "new"\n'
        '        bigint site_id "new"\n'
        '        bigint twin_id UK "new"\n'
        "    }\n"
        '    e2["public.sites"]\n'
        '    e2 ||--o{ e1 : "site_id"\n'
        '    e1 |o--o| e1 : "twin_id"\n'
    )


def test_what_changed_of_a_column_and_what_is_dropped_is_said() -> None:
    after = [each for each in SITES if each.name != "public.sites.name"]
    assert '        text name "dropped"\n' in drawn(SITES, after)
    wider = [column("public.sites", "id", "uuid", not_null="yes") if e.name == "public.sites.id" else e for e in SITES]
    assert '        uuid id PK "type was bigint"\n' in drawn(SITES, wider)


def test_no_table_no_picture() -> None:
    assert drawn(SITES, SITES) == ""
    assert drawn(SITES, [*SITES, SchemaObject("view", "public.v", "", {"definition": "select 1"})]) == ""
    assert drawn(SITES, []) == ""


def test_a_picture_stays_one_that_can_be_read() -> None:
    wide = [table("t"), *(column("t", f"c{n}") for n in range(COLUMNS + 5))]
    assert drawn([], wide).count('"new"') == COLUMNS
    assert "_5_more" in drawn([], wide)
    assert drawn([], [table(f"t{n}") for n in range(TABLES + 5)]).count("[") == TABLES


QUOTED = st.text(string.printable + "äß漢\u202e", min_size=1, max_size=12).map(
    lambda name: '"' + name.replace('"', '""') + '"'
)
PLAIN = st.from_regex(r"[a-z_][a-z0-9_$]{0,8}", fullmatch=True) | st.sampled_from(
    ["pk", "fk", "uk", "one", "title", "class", "style", "direction", "zero", "many", "end", "to", "u", "accTitle"]
)
NAMES = PLAIN | QUOTED
TYPES = st.sampled_from(
    [
        "text",
        "numeric(10,2)",
        "timestamp(3) without time zone",
        "text[]",
        'public."odd type"[]',
        "character varying(20)",
    ]
)


@st.composite
def schemas(draw: st.DrawFn) -> list[SchemaObject]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    objects: list[SchemaObject] = []
    for name in names:
        columns = draw(st.lists(NAMES, max_size=5, unique=True))
        objects += [table(name), *(column(name, each, draw(TYPES)) for each in columns)]
        if columns:
            objects.append(constraint(name, "key", f"PRIMARY KEY ({', '.join(columns[:2])})"))
            to = draw(st.sampled_from(names))
            objects.append(constraint(name, "ref", f"FOREIGN KEY ({columns[0]}) REFERENCES {to}({columns[0]})"))
    return objects


@given(schemas())
def test_no_name_leaves_its_place(objects: list[SchemaObject]) -> None:
    text = drawn([], objects)
    assert text.count("{\n") == text.count("    }\n")
    assert all(line.count('"') % 2 == 0 for line in text.splitlines())
    assert "`" not in text


PARSE = """
import {JSDOM} from 'jsdom'; import fs from 'fs';
const dom = new JSDOM(''); globalThis.window = dom.window; globalThis.document = dom.window.document;
const mermaid = (await import('mermaid')).default;
for (const text of JSON.parse(fs.readFileSync('drawn.json', 'utf8')))
  try { await mermaid.parse(text); } catch (error) { console.log(text, String(error)); process.exitCode = 1; }
"""


@pytest.mark.slow
def test_mermaid_reads_every_picture(tmp_path: Path) -> None:
    if not shutil.which("npm"):
        raise missing("npm", "npm, with which Mermaid is fetched, is not on this machine")
    subprocess.run(["npm", "install", "--silent", "--no-save", "mermaid@^12", "jsdom"], cwd=tmp_path, check=True)
    texts: list[str] = []

    @settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(schemas())
    def collect(objects: list[SchemaObject]) -> None:
        texts.append(drawn([], objects))

    collect()
    (tmp_path / "drawn.json").write_text(json.dumps([text for text in texts if text]))
    (tmp_path / "parse.mjs").write_text(PARSE)
    done = subprocess.run(["node", "parse.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr

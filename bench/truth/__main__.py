"""How true lint is: what it says blocks writes while it works, beside what PostgreSQL does, and beside squawk.

`CTGITOPS_CHAINS=FOLDER python -m bench.truth [MAJOR]`, where FOLDER has one folder of numbered SQL files a project.
Without it only the single statements are judged.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import psycopg

from ctgitops.lint.catalog import Catalog
from ctgitops.lint.live import catalog_of
from ctgitops.lint.run import Linter
from ctgitops.postgres.programs import find_programs, server_for
from ctgitops.postgres.server import LocalServer
from ctgitops.postgres.snapshot import take_snapshot
from ctgitops.sql.parse import trees
from ctgitops.sql.script import Script

from .judge import Judge
from .score import HEAD, Score
from .squawk import LOCK_RULES, squawk
from .statements import SCHEMA, STATEMENTS

UNDO = "select 1 / 0"
MEMORY = Path("/dev/shm")  # noqa: S108 - memory, where there is some


def main(arguments: list[str]) -> None:
    """Statements with a live catalogue, histories from files alone, and the speed."""
    major = int(arguments[0]) if arguments else min(p.major for p in find_programs() if p.has_server)
    with LocalServer(server_for(major), base=MEMORY if MEMORY.is_dir() else None) as server:
        print(HEAD)
        print(statements(server).line("statements, live catalogue"))
        chains = os.environ.get("CTGITOPS_CHAINS")
        folders = sorted(path for path in Path(chains).iterdir() if any(path.glob("*.sql"))) if chains else []
        for folder in folders:
            for name, score in history(server, folder).items():
                print(score.line(f"{folder.name}, {name}"))
    files = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    if files:
        print(f"\n  1,000 files of {', '.join(f.name for f in folders)}: {speed(files):.2f} s of CPU after start")


def statements(server: LocalServer) -> Score:
    """Each statement by itself; what PostgreSQL refuses is left out."""
    address = server.create_database("statements")
    score = Score()
    with psycopg.connect(address.url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        live = take_snapshot(address)
        judge = Judge(connection)
        for line in STATEMENTS.strip().splitlines():
            truth = judge.file([line, UNDO], transactional=True)[0]
            if truth.failed:
                print(f"  left out, {truth.failed}: {line}")
                continue
            found = Linter(catalog_of(live)).file(Script(line, "statement.sql"))
            said = any(finding.blocks_writes for finding in found)
            if said != truth.blocks:
                print(f"  {'wrong' if said else 'missed'}: {line} {list(truth.work)}")
            score.count(truth=truth.blocks, said=said, spoke=bool(found))
    return score


def history(server: LocalServer, folder: Path) -> dict[str, Score]:
    """All files of a project in their order, each as if those before it were applied long ago."""
    scores: dict[str, Score] = defaultdict(Score)
    paths = sorted(folder.glob("*.sql"))
    others = squawk(paths)
    linter = Linter(Catalog(complete=True))
    with psycopg.connect(server.create_database(folder.name).url, autocommit=True) as connection:
        judge = Judge(connection)
        for path in paths:
            script = Script(path.read_text(encoding="utf-8"), path.name)
            texts = [script.sql[tree.start : tree.end] for tree in trees(script.sql)]
            truths = judge.file(texts, transactional=script.transactional)
            found = linter.file(script, transactional=script.transactional)
            linter.catalog.settle()
            if failed := [truth.failed for truth in truths if truth.failed]:
                print(f"  left out, {failed[0]}: {folder.name}/{path.name}")
                continue
            truth, said = any(t.blocks for t in truths), any(f.blocks_writes for f in found)
            if truth != said:
                print(f"  {'wrong' if said else 'missed'}: {folder.name}/{path.name}")
            scores["ctgitops"].count(truth=truth, said=said, spoke=bool(found))
            if others is not None:
                theirs = others.get(str(path), set())
                scores["squawk"].count(truth=truth, said=bool(theirs & LOCK_RULES), spoke=bool(theirs))
    return scores


def speed(files: list[Path]) -> float:
    """Seconds of CPU for 1,000 files, as many of these as there are and again from the first."""
    texts = [path.read_text(encoding="utf-8") for path in files]
    scripts = [Script(texts[n % len(texts)], f"{n}.sql") for n in range(1000)]
    began, linter = time.process_time(), Linter(Catalog(complete=True))
    for n, script in enumerate(scripts):
        if n % len(texts) == 0:
            linter = Linter(Catalog(complete=True))
        linter.file(script)
        linter.catalog.settle()
    return time.process_time() - began


if __name__ == "__main__":
    main(sys.argv[1:])

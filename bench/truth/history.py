"""Judges migration histories of real projects; each file is judged as if all earlier ones were applied."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

from ctgitops.core.workspace.finding import Severity
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.run import Linter
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.sql.script import Script

from .judge import Judge
from .score import Score
from .squawk import LOCK_RULES, squawk


def history(server: LocalServer, folder: Path) -> dict[str, Score]:
    """The scores of ctgitops, and of squawk if it is installed, for all files of a project in order."""
    scores: dict[str, Score] = defaultdict(Score)
    paths = sorted(folder.glob("*.sql"))
    others = squawk(paths)
    linter = Linter(Catalog(complete=True))
    with Judge(server.create_database(folder.name)) as judge:
        for path in paths:
            script = Script(path.read_text(encoding="utf-8"), path.name)
            truth = judge.file(script)
            found = linter.file(script, transactional=script.transactional)
            linter.catalog.settle()
            if truth.failed:
                print(f"  left out, {truth.failed}: {folder.name}/{path.name}")
                continue
            said = any(finding.blocks_writes for finding in found)
            if truth.blocks != said:
                print(f"  {'wrong' if said else 'missed'}: {folder.name}/{path.name} {truth.work}")
            scores["ctgitops"].count(
                truth=truth.blocks, said=said, spoke=any(f.severity is not Severity.NOTICE for f in found)
            )
            if others is not None:
                theirs = others.get(str(path), set())
                scores["squawk"].count(truth=truth.blocks, said=bool(theirs & LOCK_RULES), spoke=bool(theirs))
    return scores


def speed(files: list[Path]) -> float:
    """CPU seconds for 1,000 files; if there are fewer, they are repeated."""
    texts = [path.read_text(encoding="utf-8") for path in files]
    scripts = [Script(texts[n % len(texts)], f"{n}.sql") for n in range(1000)]
    began, linter = time.process_time(), Linter(Catalog(complete=True))
    for n, script in enumerate(scripts):
        if n % len(texts) == 0:
            linter = Linter(Catalog(complete=True))
        linter.file(script)
        linter.catalog.settle()
    return time.process_time() - began

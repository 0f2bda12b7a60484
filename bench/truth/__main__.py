"""Measures the accuracy of lint: which statements it says block writes, compared with PostgreSQL and squawk.

The cases called `held_out` were written before lint was run on any of them; their first lines record the result.

`CTGITOPS_CHAINS=FOLDER python -m bench.truth [MAJOR …]`, where FOLDER has one folder of numbered SQL files per project.
Without it, only single statements are judged. Without a MAJOR, every server found on this machine is used, including
those in CTGITOPS_POSTGRES. `-v` prints what PostgreSQL refused.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import find_programs, server_for

from .history import history, speed
from .score import HEAD, Score
from .statements import Bench, sets

MEMORY = Path("/dev/shm")  # noqa: S108 - in memory, if it exists


def main(arguments: list[str]) -> None:
    """Judges statements with a live catalog on each major, and histories from files alone on the first."""
    verbose = "-v" in arguments
    chosen = [int(word) for word in arguments if word.isdigit()]
    majors = chosen or sorted({p.major for p in find_programs() if p.has_server})
    wrong: dict[str, list[int]] = {}
    print(HEAD)
    for major in majors:
        with LocalServer(server_for(major), base=MEMORY if MEMORY.is_dir() else None) as server:
            for name, score in statements(server, wrong, verbose=verbose):
                print(score.line(f"{major} {name}"), flush=True)
    for said, where in wrong.items():
        print(f"  {said} ({', '.join(map(str, where))})")
    chains = os.environ.get("CTGITOPS_CHAINS")
    folders = sorted(path for path in Path(chains).iterdir() if any(path.glob("*.sql"))) if chains else []
    if folders:
        with LocalServer(server_for(majors[0]), base=MEMORY if MEMORY.is_dir() else None) as server:
            histories(server, folders)


def statements(server: LocalServer, wrong: dict[str, list[int]], *, verbose: bool) -> list[tuple[str, Score]]:
    """A score per set, and one for all sets; leaves out statements that PostgreSQL rejects."""
    bench, scores, whole = Bench(server), [], Score()
    for name, cases in sets():
        score = Score()
        for text in cases:
            tried = bench.tried(text)
            if tried.truth.failed:
                if verbose and " by " not in name:
                    print(f"  left out, {tried.truth.failed}: {text}")
                continue
            if tried.said != tried.truth.blocks:
                said = f"{'wrong' if tried.said else 'missed'}: {text} {tried.truth.work}"
                wrong.setdefault(said, []).append(server.programs.major)
            score.count(truth=tried.truth.blocks, said=tried.said, spoke=bool(tried.found))
        whole += score
        scores.append((name, score))
    bench.close()
    return [*scores, ("all statements", whole)]


def histories(server: LocalServer, folders: list[Path]) -> None:
    """Prints a score per project, and the speed."""
    for folder in folders:
        for name, score in history(server, folder).items():
            print(score.line(f"{folder.name}, {name}"), flush=True)
    files = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    print(f"\n  1,000 files of {', '.join(f.name for f in folders)}: {speed(files):.2f} s of CPU after start")


if __name__ == "__main__":
    main(sys.argv[1:])

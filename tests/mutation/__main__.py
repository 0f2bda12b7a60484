"""Draws mutants with a seed, runs for each the tests that reach its line, and lists those that no test notices.

`make mutations N=300 SEED=1`. Neither mutmut nor cosmic-ray draws a sample, leaves texts alone, and chooses the tests.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.mutation.coverage import ROOT, Coverage
from tests.mutation.mutants import Mutant, compiles, mutants_of
from tests.mutation.trial import OPTIONS, Ending, Trials

AREAS = {
    "core": ("core",),
    "sql": ("sql",),
    "postgres": ("postgres/transaction", "postgres/lock", "postgres/nontransactional"),
}
SHARES = {"core": 150, "sql": 100, "postgres": 60}
GOAL = 90
ELSEWHERE = ("docker", "faults", "demo", "backup", "constructtrack", "stories", "mutation")
"""Tests that run the product in other processes, or take long for what they reach in these areas."""
TABLE = Path(__file__).parent / "equivalent.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--number", type=int, default=sum(SHARES.values()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lines", type=Path, help="a folder that keeps which lines each test runs")
    parser.add_argument("--area", choices=AREAS, help="only this one's share")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        lines = chosen.lines or Path(scratch)
        if not list(lines.glob("*.json")):
            _collect(lines, chosen.jobs)
        coverage = Coverage.read(lines)
    equivalent = read_equivalent(TABLE)
    every = {area: in_area(folders) for area, folders in AREAS.items() if not chosen.area or area == chosen.area}
    drawn = draw(every, chosen.number, chosen.seed)
    trials = Trials(_asked(drawn, equivalent, coverage), chosen.jobs)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{scratch}/hypothesis"
        files = sorted({test.partition("::")[0] for tests in trials.asked.values() for test in tests})
        pytest.main([*OPTIONS, f"--basetemp={scratch}/tests", *files], plugins=[trials])
    if len(trials.endings) < len(trials.asked):
        raise SystemExit("the tests could not be collected")
    return _report(drawn, equivalent, trials.endings)


def in_area(folders: tuple[str, ...]) -> list[Mutant]:
    files = sorted(file for folder in folders for file in (ROOT / "ctgitops" / folder).rglob("*.py"))
    return [mutant for file in files for mutant in mutants_of(str(file.relative_to(ROOT)), file)]


def draw(every: dict[str, list[Mutant]], number: int, seed: int) -> dict[str, list[Mutant]]:
    """`number` mutants, shared out as `SHARES` says; the same for the same seed and the same code."""
    drawn = {}
    for area, mutants in every.items():
        share = round(number * SHARES[area] / sum(SHARES.values()))
        chance = random.Random(f"{seed} {area}")  # noqa: S311 - a sample, not a secret
        shuffled = chance.sample(mutants, len(mutants))
        whole = (each for each in shuffled if compiles(each, (ROOT / each.path).read_bytes()))
        drawn[area] = sorted(itertools.islice(whole, share))
    return drawn


def read_equivalent(table: Path) -> dict[tuple[str, str, str], str]:
    """The mutants that change nothing, by function, line before and line after, each with the reason."""
    rows = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in line.replace("\\|", "\0").split("|")]
        cells = [cell.replace("\0", "|").strip("`") for cell in cells]
        if len(cells) == 6 and cells[1] not in {"function", ":--"}:
            rows[cells[1], cells[2], cells[3]] = cells[4]
    return rows


def _asked(
    drawn: dict[str, list[Mutant]], equivalent: dict[tuple[str, str, str], str], coverage: Coverage
) -> dict[Mutant, list[str]]:
    mutants = [mutant for some in drawn.values() for mutant in some if mutant.key not in equivalent]
    return {mutant: coverage.tests_for(mutant.path, _lines(mutant)) for mutant in mutants}


def _lines(mutant: Mutant) -> set[int]:
    """The lines whose tests can notice it: its statement, and for what a module or class defines, the users of it."""
    tree = ast.parse((ROOT / mutant.path).read_bytes())
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno <= mutant.line <= (node.end_lineno or 0):
            inside = set(range(node.lineno, (node.end_lineno or 0) + 1))  # of several, the innermost is the last
    if not inside:
        return set()
    near = {mutant.line}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            lines = range(node.lineno, (node.end_lineno or 0) + 1)
            near |= set(lines) if mutant.line in lines else set()
    return near & inside


def _collect(folder: Path, jobs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "-p", "tests.mutation.lines"]
    command += [f"--ignore=tests/{name}" for name in ELSEWHERE]
    environ = {**os.environ, "CTGITOPS_LINES": str(folder)}
    subprocess.run(command, cwd=ROOT, env=environ, check=True)


def _report(
    drawn: dict[str, list[Mutant]], equivalent: dict[tuple[str, str, str], str], endings: dict[Mutant, Ending]
) -> int:
    good = True
    for area, mutants in drawn.items():
        found = [(mutant, endings[mutant]) for mutant in mutants if mutant in endings]
        for mutant, ending in found:
            if ending in {Ending.SURVIVED, Ending.UNREACHED}:
                _say(f"{ending.value}: {mutant.path}:{mutant.line} {mutant.function} ({mutant.kind})")
                _say(f"  - {mutant.before}\n  + {mutant.after}")
        counts = {ending: sum(each is ending for _, each in found) for ending in Ending}
        caught = counts[Ending.CAUGHT] + counts[Ending.TIMEOUT]
        share = 100 * caught / len(found) if found else 100.0
        alike = sum(mutant.key in equivalent for mutant in mutants)
        told = ", ".join(f"{count} {ending.value}" for ending, count in counts.items())
        _say(f"{area}: {len(mutants)} drawn, {alike} equivalent, {told}: {share:.1f} % caught")
        good = good and share >= GOAL
    return 0 if good else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())

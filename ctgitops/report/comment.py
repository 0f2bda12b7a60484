"""Collects all parts of the plan comment as text.

`page.py` then renders the parts with a template, and leaves out parts that exceed GitHub's limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from ..core.gate.request import Origin
from ..core.plan.plan import Step
from ..core.problem import Problem
from ..core.view.preview import Occasion, PlanResult, Preview
from ..core.view.verdict import verdict_of
from ..sql.script import Script
from . import destruction, escape, findings, impact, links, phrases, plan_tables
from .advice import advice
from .diagram import diagram
from .folded_history import folded, hidden_in, rollbacks, schema_of, transactions
from .override import override_markdown
from .page import by_importance, most_important
from .proof import mark, schema_lines, sentences
from .verdict import verdict

CUT = {
    "diagrams": "{} of {} diagrams",
    "details": "{} of {} diffs",
    "impacts": "{} of {} lines on locks and blocking",
    "sql": "{} of {} SQL files",
    "schema": "{} of {} lines of schema changes",
    "hints": "{} of {} hints",
    "rows": "{} of {} migrations",
    "reasons": "{} of {} reasons to wait",
    "problems": "{} of {} problems",
    "environments": "{} of {} environments",
}
"""The kinds of parts of a comment, the least important first. The text of each kind says how many parts are shown."""
SHORT = 30
"""Maximum number of visible lines of schema changes. A longer list is collapsed."""
WHOLE = "ctgitops-plan.md"
"""The name of the file with the whole plan, which the Action writes into the workspace."""

Part = dict[str, Any]


@dataclass(frozen=True)
class Comment:
    """The plan comment of several environments. Escapes its text only once, even if it is rendered several times."""

    results: tuple[PlanResult, ...]
    origin: Origin
    summary_has_all: bool = True
    """Whether the whole plan fits into the summary of the run."""

    @cached_property
    def counts(self) -> dict[str, int]:
        """Maps each kind to its number of parts. The least important kind is first."""
        there = {
            "sql": len(self._files),
            "schema": sum(len(part["lines"]) for part in self._schema),
            "diagrams": sum(bool(part["diagram"]) for part in self._schema),
            "impacts": len(self._impacts),
            "reasons": len(self._reasons),
            "rows": len(self._rows),
            "environments": len(self._environments),
            **findings.counts(self._findings),
        }
        return {kind: there[kind] for kind in CUT}

    def values(self, kept: dict[str, int]) -> dict[str, object]:
        """The values for the template. `kept` is the number of parts to show of each kind."""
        return {
            "mark": self._verdict[0],
            "verdict": self._verdict[1],
            "next": self._next,
            "environments": self._environments[: kept["environments"]],
            "apply_policies": self._apply_policies[: kept["environments"]],
            "rows": most_important(self._rows, self._importance["rows"], kept["rows"]),
            "more_rows": len(self._rows) - kept["rows"],
            "histories": self._histories,
            "problems": findings.trimmed(self._findings, kept),
            "tally": findings.folded(self._findings),
            "busy": [
                phrases.busy(each) for result in self.results if isinstance(result, Preview) for each in result.busy
            ][:10],
            "destroyed": destruction.parts_of(self.results)[: kept["environments"]],
            "proof": self._proof[: kept["environments"]],
            "schema": self._shown_schema(kept["schema"], kept["diagrams"]),
            "schema_is_short": self.counts["schema"] <= SHORT,
            "impacts": self._impacts[: kept["impacts"]],
            "impacts_measured": any(isinstance(r, Preview) and r.proof and r.proof.tried for r in self.results),
            "reasons": self._reasons[: kept["reasons"]],
            "overrides": [
                override_markdown(result.override)
                for result in self.results
                if isinstance(result, Preview) and result.override
            ],
            "back": self._back,
            "files": most_important(self._files, self._importance["sql"], kept["sql"]),
            "sql_files": self._sql(kept["sql"]),
            "seeds": [seed.name for plan in phrases.plans(self.results) for seed in plan.seeds][: kept["rows"] + 10],
            "prints": self._prints[: kept["environments"]],
            "commit": self.origin.commit_sha[:7],
            "summary_has_all": self.summary_has_all,
            "whole": WHOLE,
            "run_url": links.address(self.origin.run_url),
            "cut": [words_of.format(n - kept[kind], n) for kind, words_of, n in self._all if kept[kind] < n],
        }

    @property
    def _all(self) -> list[tuple[str, str, int]]:
        return [(kind, words_of, self.counts[kind]) for kind, words_of in CUT.items()]

    @cached_property
    def _verdict(self) -> tuple[str, Markup]:
        return verdict(self.results)

    @cached_property
    def _next(self) -> Markup:
        return advice(self.results, self._problems, self.origin)

    @cached_property
    def _problems(self) -> dict[Problem, tuple[str, ...]]:
        return phrases.problems(self.results)

    @cached_property
    def _environments(self) -> list[Part]:
        return [plan_tables.environment_row(result) for result in self.results]

    @cached_property
    def _apply_policies(self) -> list[tuple[str, tuple[str, ...]]]:
        """The parts of each environment's apply policy that differ from the default policy. This text is trusted."""
        said = (
            (plan.environment, phrases.apply_policy(plan)) for plan in phrases.plans(self.results) if not plan.empty
        )
        return [(name, how) for name, how in said if how]

    @cached_property
    def _rows(self) -> list[Part]:
        """The rows of the migration table. If not all rows fit, rows without remarks are left out first."""
        made = plan_tables.migration_rows(self.results, self._problems)
        texts = ("description", "estimated", "impact", "tried")
        return [{**row, **{key: escape.plain(row[key]) for key in texts}} for row in made]

    @cached_property
    def _importance(self) -> dict[str, list[int]]:
        return {"rows": by_importance(self._rows), "sql": by_importance(self._files)}

    @cached_property
    def _histories(self) -> list[Part]:
        """The folded histories. Environments with the same history share a row."""
        seen: dict[tuple[Step, ...], list[str]] = {}
        for plan in phrases.plans(self.results):
            if steps := folded(plan):
                seen.setdefault(steps, []).append(plan.environment)
        return [
            {
                "count": len(steps),
                "first": steps[0].name,
                "last": steps[-1].name,
                "only": "" if len(names) == len(phrases.plans(self.results)) else phrases.joined(tuple(names)),
                "transaction": transactions(steps),
                "rollback": rollbacks(steps),
            }
            for steps, names in seen.items()
        ]

    @cached_property
    def _findings(self) -> list[Part]:
        one = len(self.results) == 1
        shown = {problem: () if one else names for problem, names in self._problems.items()}
        return findings.parts_of(shown, self.origin, impact.measured_in(self.results))

    @cached_property
    def _impacts(self) -> list[Part]:
        return impact.parts_of(self.results)

    @cached_property
    def _schema(self) -> list[Part]:
        """The schema changes of each environment. Environments with the same changes share a part."""
        seen: dict[str, list[Preview]] = {}
        for result in self.results:
            if (
                isinstance(result, Preview)
                and result.proof
                and (lines := schema_of(result, schema_lines(result.proof)))
            ):
                seen.setdefault("\n".join(lines), []).append(result)
        return [
            {
                "names": phrases.joined(tuple(result.environment.name for result in those)),
                "lines": diff.split("\n"),
                "diagram": Markup() if folded(those[0].plan) else _drawn(those[0]),
            }
            for diff, those in seen.items()
        ]

    def _shown_schema(self, lines: int, diagrams: int) -> list[Part]:
        """The first `lines` lines of the schema changes, and the first `diagrams` diagrams."""
        shown: list[Part] = []
        for part in self._schema:
            kept, lines = part["lines"][:lines], max(lines - len(part["lines"]), 0)
            diagram, diagrams = (part["diagram"], diagrams - bool(part["diagram"])) if diagrams else (Markup(), 0)
            if kept:
                left_out = len(part["lines"]) - len(kept)
                diff = escape.fence("\n".join(kept), "diff")
                shown.append({"names": part["names"], "diff": diff, "diagram": diagram, "left_out": left_out})
        return shown

    @cached_property
    def _proof(self) -> list[Part]:
        """The results of the trials. Environments with the same result share a part."""
        seen: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for result in self.results:
            if isinstance(result, Preview) and result.proof:
                said = (mark(result.proof, result.destroys), sentences(result.proof, result.plan, result.destroys))
                seen.setdefault(said, []).append(result.environment.name)
        return [
            {
                "mark": sign,
                "names": phrases.joined(tuple(names)) if len(self.results) > 1 else "",
                "first": escape.prose(lines[0]),
                "more": [escape.prose(line) for line in lines[1:]],
            }
            for (sign, lines), names in seen.items()
        ]

    @cached_property
    def _reasons(self) -> list[Part]:
        """The reasons to wait that are not in the table of environments."""
        return [
            {"environment": result.environment.name, "what": escape.prose(r.what), "hint": escape.prose(r.hint)}
            for result in self.results
            if isinstance(result, Preview)
            for r in result.reasons
            if not (r.expected and (result.parked or result.occasion is Occasion.NONE))
        ]

    @cached_property
    def _back(self) -> list[Part]:
        return [
            plan_tables.back_of(result, self.origin)
            for result in self.results
            if isinstance(result, Preview) and not result.plan.empty
        ]

    @cached_property
    def _files(self) -> list[Part]:
        """The SQL files. Verify and rollback files are left out first, and large files before small files."""
        found: dict[tuple[str, str], Part] = {}
        hidden = hidden_in(self.results)
        for step in phrases.steps(self.results):
            for script in (
                filter(None, (step.script, step.verify, step.rollback_script)) if step.identity not in hidden else ()
            ):
                rank = (script is not step.script, len(script.sql))
                # With some layouts, one file has a section for each direction
                section = "rollback" if rank[0] and script.path == step.script.path else ""
                found.setdefault((script.path, script.sql), {**_file(script), "rank": rank, "section": section})
        for seed in (seed for plan in phrases.plans(self.results) for seed in plan.seeds):
            rank = (False, len(seed.script.sql))
            found.setdefault((seed.script.path, seed.script.sql), {**_file(seed.script), "rank": rank})
        return list(found.values())

    def _sql(self, kept: int) -> str:
        """The size of the SQL, such as `2 files, 61 lines`. If files are left out: `1 of 2 files, 61 lines in all`."""
        first = most_important(self._files, self._importance["sql"], kept)
        there, whole = ({part["path"] for part in parts} for parts in (first, self._files))
        shown = f"{len(there)} of " if kept < len(self._files) else ""
        lines = sum(part["lines"] for part in self._files)
        files, in_all = phrases.count(len(whole), "file"), " in all" if shown else ""
        return f"{shown}{files}, {phrases.count(lines, 'line')}{in_all}"

    @cached_property
    def _prints(self) -> list[tuple[str, str]]:
        """The fingerprints of the plans that can be approved."""
        sound = (
            result for result in self.results if isinstance(result, Preview) and not verdict_of(result).state.stops
        )
        return [(result.environment.name, result.plan.fingerprint[:12]) for result in sound if not result.plan.empty]


def _drawn(result: Preview) -> Markup:
    """A diagram of the tables that the plan changes. Empty if the plan changes no table."""
    drawn = diagram(result.proof.before, result.proof.after, result.proof.changes) if result.proof else ""
    return escape.fence(drawn, "mermaid") if drawn else Markup()


def _file(script: Script) -> Part:
    lines = script.sql.count("\n") + (not script.sql.endswith("\n"))
    return {"path": script.path, "section": "", "lines": lines, "sql": escape.fence(script.shown, "sql")}

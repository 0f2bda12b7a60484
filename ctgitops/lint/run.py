"""Runs all enabled rules on the files, in order, and returns the findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from ..core.migration.deprecation import Deprecation, deprecations_in, version_in
from ..core.workspace.finding import Finding, Severity
from ..lazy import dataclass
from ..sql.batch import is_batched
from ..sql.guard import Failure, Guard
from ..sql.nodes import Node, commands
from ..sql.parse import SqlSyntaxError, Tree, trees
from ..sql.tokens import Kind, Token, tokens
from .added_columns import target
from .allowance import allowances, judged
from .catalog import Catalog
from .fold import apply
from .nested_statements import Unread, with_inner
from .registry import rules_for
from .rule import Hit, Rule
from .rule_input import Case, Transaction

if TYPE_CHECKING:
    from ..sql.script import Script

_BEFORE_NAME = {"ALTER", "TABLE", "MATERIALIZED", "VIEW", "FOREIGN", "INDEX", "IF", "EXISTS", "ONLY"}
"""Keywords of ALTER TABLE that come before the table's name."""


@dataclass
class Linter:
    """Lints files in order, and applies each file to the model of the schema."""

    catalog: Catalog = field(default_factory=Catalog)
    exposed_schemas: tuple[str, ...] = ()
    severities: Mapping[str, str] = field(default_factory=dict)
    today: date = date.min
    deprecations: tuple[Deprecation, ...] = ()
    """The deprecations in earlier files, oldest first. `file` and `fold` add those of a file."""
    _by_kind: dict[str, tuple[Rule, ...]] = field(default_factory=dict)

    def file(self, script: Script, *, transactional: bool = True) -> tuple[Finding, ...]:
        """Lints one file, then applies it to the catalog.

        Returns no findings for a file that does not parse, because a problem reports the syntax error.
        """
        try:
            found = trees(script.sent)
        except SqlSyntaxError:
            return ()
        path = self.catalog.path
        transaction = Transaction(
            whole=transactional,
            batched=is_batched(script.sql),
            statements=len(found),
            deprecations=self.deprecations,
            version=version_in(script),
            today=self.today,
            written=tuple(Guard().each("the statements of the file", lambda: _written(found, self.catalog))),
        )
        findings = dict.fromkeys(self._whole(script, found[:1], transaction))
        findings |= dict.fromkeys(each for tree in found for each in self._statement(script, tree, transaction))
        allowed = allowances(script, [(script.first_word(tree.start, tree.end), tree.end) for tree in found])
        self.catalog.path, self.catalog.timezone = path, ""
        self.deprecations += deprecations_in(script)
        return judged(script.path, findings, allowed, self.severities, self.today)

    def fold(self, script: Script) -> None:
        """Applies a file that the database already has, without running rules.

        If the effect of the file is unknown, the catalog becomes incomplete, because other tables may exist.
        """
        guard, path = Guard(), self.catalog.path
        self.deprecations += deprecations_in(script)
        try:
            found = trees(script.sent)
        except SqlSyntaxError:
            self.catalog.complete = False
            return
        for tree in found:
            for kind, node in self._read(tree, guard):
                if not isinstance(node, Unread):
                    guard.value("the effect on the schema", partial(apply, self.catalog, kind, node), None)
        self.catalog.complete = self.catalog.complete and not guard.failures
        self.catalog.path, self.catalog.timezone = path, ""

    def _whole(self, script: Script, first: tuple[Tree, ...], transaction: Transaction) -> Iterator[Finding]:
        """The findings about the whole file. Each is reported at the file's first statement."""
        for tree in first:
            guard, start = Guard(), script.first_word(tree.start, tree.end)
            case = Case("File", {"sql": script.sql, "first": start}, self.catalog, transaction)
            for rule in self._active("File"):
                yield from guard.each(f"rule {rule.id}", partial(self._found, rule, case, script, tree))
            yield from self._failed(script, tree, guard.failures)

    def _read(self, tree: Tree, guard: Guard) -> Iterator[tuple[str, Node | Unread]]:
        inner = guard.each(
            "the statements inside the statement", lambda: with_inner(tree.kind, tree.node, self.catalog)
        )
        return ((kind, unread or node) for kind, node, unread in inner)

    def _statement(self, script: Script, tree: Tree, transaction: Transaction) -> Iterator[Finding]:
        guard = Guard()
        if not transaction.whole:
            transaction.held.clear()
        for kind, node in self._read(tree, guard):
            if isinstance(node, Unread):
                yield from self._unread(script, tree, node)
                continue
            case = Case(kind, node, self.catalog, transaction, self.exposed_schemas, in_body=kind != tree.kind)
            for rule in self._active(kind):
                yield from guard.each(f"rule {rule.id}", partial(self._found, rule, case, script, tree))
            guard.value("the locks", partial(transaction.hold, case), None)
            guard.value("the effect on the schema", partial(apply, self.catalog, kind, node), None)
        self.catalog.complete = self.catalog.complete and not guard.failures
        yield from self._failed(script, tree, guard.failures)

    def _found(self, rule: Rule, case: Case, script: Script, tree: Tree) -> Iterator[Finding]:
        for hit in rule.check(case):
            fix = None if case.in_body or hit.instead or not rule.fix else rule.fix(script, tree, case.transaction)
            yield replace(self._finding(script, tree, rule, hit), fix=fix)

    def _failed(self, script: Script, tree: Tree, failures: list[Failure]) -> Iterator[Finding]:
        for rule in self._active("NotAnalysed") if failures else ():
            what = f"this {tree.kind} was not fully analysed; unknown: {', '.join(map(str, dict.fromkeys(failures)))}"
            yield self._finding(script, tree, rule, Hit(what))

    def _unread(self, script: Script, tree: Tree, unread: Unread) -> Iterator[Finding]:
        for rule in self._active("Unread"):
            yield self._finding(script, tree, rule, Hit(unread.what))

    def _active(self, kind: str) -> tuple[Rule, ...]:
        """The enabled rules that check a kind of statement."""
        if kind not in self._by_kind:
            rules = rules_for(kind)
            self._by_kind[kind] = tuple(rule for rule in rules if self._severity(rule) is not Severity.OFF)
        return self._by_kind[kind]

    def _severity(self, rule: Rule, hit: Hit | None = None) -> Severity:
        """The severity of a hit. The policy has precedence, then the hit, then the rule."""
        return Severity(self.severities.get(rule.id, (hit and hit.severity) or rule.severity))

    def _finding(self, script: Script, tree: Tree, rule: Rule, hit: Hit) -> Finding:
        start = script.place(_place_of(script, tree, hit.part))
        lock = hit.lock or rule.lock
        return Finding(
            rule=rule.id,
            severity=self._severity(rule, hit),
            what=hit.what,
            place=start,
            why=rule.why,
            instead=hit.instead or rule.instead,
            lock=lock.name.replace("_", " ") if lock else "",
            blocks_writes=rule.blocks if hit.blocks is None else hit.blocks,
            last_line=script.place(tree.end).line,
            conflict_target=hit.conflict_target,
        )


def _written(found: tuple[Tree, ...], catalog: Catalog) -> Iterator[tuple[str, Node]]:
    for tree in found:
        for kind, node, unread in with_inner(tree.kind, tree.node, catalog):
            if unread is None:
                yield kind, node


def _place_of(script: Script, tree: Tree, part: Node | None) -> int:
    """The offset in characters of the action `part`, or of the statement if the action's offset is unknown."""
    at = script.first_word(tree.start, tree.end)
    if part is None:
        return at
    parts = [each is part or target(each) is part for each in commands(tree.kind, tree.node)]
    starts = list(_starts(script.sql[at : tree.end])) if True in parts else []
    return at + starts[parts.index(True)] if len(starts) == len(parts) > 0 else at


def _starts(text: str) -> Iterator[int]:
    """The offset of each ALTER TABLE action. Actions begin after the table's name and after commas outside brackets."""
    depth, due = 0, False
    left = [token for token in tokens(text) if token.kind not in {Kind.COMMENT, Kind.BLANK}]
    for token in left[_name_ends(text, left) :]:
        mark = text[token.start : token.end]
        if not due:
            yield token.start
            due = True
        depth += (mark in {"(", "["}) - (mark in {")", "]"})
        due = due and not (mark == "," and not depth)


def _name_ends(text: str, found: list[Token]) -> int:
    """The number of tokens up to the end of the table's name in ALTER TABLE."""
    count = 0
    while count < len(found) and text[found[count].start : found[count].end].upper() in _BEFORE_NAME:
        count += 1
    count += 1
    while count + 1 < len(found) and text[found[count].start : found[count].end] == ".":
        count += 2
    return count + (count < len(found) and text[found[count].start : found[count].end] == "*")

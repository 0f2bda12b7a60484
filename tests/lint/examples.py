"""The examples of all rules, and the tables that they need."""

from __future__ import annotations

from datetime import date

from ctgitops.core.workspace.finding import Finding
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.registry import all_rules
from ctgitops.lint.rule import Rule
from ctgitops.lint.run import Linter
from ctgitops.sql.script import Script

TODAY = date(2026, 11, 25)
TABLES = """
create table customers (id bigint primary key, name text);
create table orders (
    id bigint primary key, customer_id bigint, number bigint, amount numeric(10, 2), quantity integer,
    note text, code varchar(20)
);
"""
NEXT = "\n-- next file\n"


def files_of(text: str) -> list[Script]:
    """The files of an example, in their order."""
    return [Script(part, f"{n:03}_example.sql") for n, part in enumerate(text.split(NEXT), start=1)]


def linted(text: str, given: str = "", **severities: str) -> list[Finding]:
    """What lint finds in files on tables that are in use."""
    linter = Linter(Catalog(complete=True), severities=severities, today=TODAY)
    linter.fold(Script(TABLES + given, "000_tables.sql"))
    found: list[Finding] = []
    for script in files_of(text):
        linter.catalog.settle()
        found += linter.file(script, transactional=script.transactional)
    return found


def rules_found(text: str, given: str = "", **severities: str) -> list[str]:
    """The rules that speak, in order."""
    return [finding.rule for finding in linted(text, given, **severities)]


def switched_on(rule: Rule) -> dict[str, str]:
    """A severity for a rule that is off by default."""
    return {rule.id: "warning"} if rule.severity == "off" else {}


RULES = tuple(rule for rule in all_rules() if rule.bad)
"""Without `not-analysed`, which no SQL provokes unless an analysis has a bug."""

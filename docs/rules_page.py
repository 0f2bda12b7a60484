"""Generates the page on lint rules: what each rule says, and what the lock that it reports blocks."""

from __future__ import annotations

from ctgitops.lint.registry import all_rules
from ctgitops.lint.rule import Group, Rule
from ctgitops.sql.locks import LockMode

from .parts import NOTE

INTRODUCTION = """# Rules

Lint reads every statement of a migration and says what PostgreSQL would not: who waits, what is lost, who can
no longer work, who may see it. `ctgitops check` judges all files, `ctgitops plan` those that an environment
lacks, with the types, constraints, indexes and functions of its live schema in mind. A table that the same plan
makes is harmless: nobody uses it yet. The lock that a rule names is checked against PostgreSQL by a test.

A finding never blocks an apply. An `error` makes `check` and `plan` end with status 1, so that a pull request
is red; a `warning` is shown; a `notice` is in the JSON and beside the lines; `off` is not looked for. The
[policy](policy.md) says it for all environments, a [manifest](manifest.md) for its own:

```yaml
# migrations/policy.yaml
lint: {blocking-index: error, drop-column: warning, prefer-text: notice}
```

## Allowances

Who has thought about a finding says so in the statement, above it, or behind it:

```sql
-- ctgitops: allow blocking-index (the table has 40 rows) until 2027-01-31 by ana
CREATE INDEX people_name ON people (name);
```

The reason is needed; `until` and `by` are not. An allowance that nothing needs, whose day is over, or that
names no rule is a finding itself.

## Rewrites

Some findings have a rewrite that is the same every time: `CONCURRENTLY`, `NOT VALID`, a CHECK in the place of SET NOT
NULL. One that changes a line is a suggestion in the pull request. One that needs a migration of its own, to VALIDATE or
to build CONCURRENTLY, is shown as text, and

```sh
ctgitops check --fix
```

writes it: the next number of the band, its header, its rollback; it changes the rollback of the first migration where
that undoes what has moved. It touches only migrations that the base branch (`--changed BASE`) does not have.
`ctgitops check --changed` without `--fix` lints only the files that differ.

## What is read

Blocks (`DO $$ … $$`) are read statement by statement, as if each of them ran. Left out are branches that are known not
to be taken: where `IF`, `CASE` or `WHILE` asks the catalogues for a table, a column, a constraint or an index (`IF NOT
EXISTS (SELECT … FROM information_schema.columns …)`), for the server's version, or whether 1 is 2, where `RETURN` came
before, and where `FOR` goes through such a list that is empty. SQL that a block puts together of constants, with `||`,
`format` and variables that it sets itself, is read in the same way. What a query gives it, nobody can know before it
runs: a `dynamic-sql` notice says so, and an unknown name stands as … in what else is found. A function or procedure
that a migration calls is read too, for what it changes of the schema. A function in a default is volatile, stable or
immutable as the live schema, or the file that makes it, says.

An analysis can fail on a statement: that is a bug of ctgitops. Then [`not-analysed`](#not-analysed) names the statement
and what is unknown of it, the line that sums up `check` or `plan` says `1 statement not analysed`, and both end with
status 1. All other rules, statements and files are analysed as usual. What is unknown counts as the worse case: data
that a rollback may destroy must be accepted by name, text that cannot be searched for passwords is not shown, and a
statement of which it is unknown whether a transaction can hold it [blocks](errors.md) the plan.

How often that is true is measured against what PostgreSQL does, by `python -m bench.truth`: over three thousand
statements on two live schemas, on each major, and whole histories of projects. Lint is mended by what that shows, so
what it had never seen says more. Of 468 statements that were all written before it was shown one, it was right in 94.7
% of what it said blocks writes, and missed 0.6 % of what does (PostgreSQL 14 to 18); of 230 that were written after it
was mended, 98.2 % and 0.9 % (PostgreSQL 15). Of 62 more, chosen to be hard, 77.4 % and 4.0 %: blocks that ask before
they act, which it has learnt since. Of 386 that go through PostgreSQL's reference page by page, 98.0 % and 0.7 %
(PostgreSQL 15; as good on 18). Of 1,023 migrations of twelve projects that it had not seen, 194 block, and it found
just these; it spoke of 26 %.
"""
_GROUPS = {
    Group.LOCKS: "Who waits",
    Group.DESTRUCTIVE: "What is lost",
    Group.COMPATIBILITY: "What running code no longer understands",
    Group.TRANSACTION: "What a transaction cannot hold, and what lint cannot read",
    Group.SECURITY: "Who may see it",
    Group.DATA: "Many rows at once",
    Group.STYLE: "Style, off by default",
}


def rules_page() -> str:
    """All of it."""
    parts = [NOTE, INTRODUCTION]
    for group, title in _GROUPS.items():
        parts += [f"## {title}\n", *(_section(rule) for rule in all_rules() if rule.group is group)]
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    lines = [f"### {rule.id}\n", f"`{rule.severity}`{_lock(rule)}\n", f"{rule.why}\n"]
    if not rule.bad:
        return "\n".join([*lines, f"Instead: {rule.instead}.\n"])
    lines += ["```sql\n" + f"-- speaks against\n{rule.bad}\n" + "```\n"]
    lines += [f"Instead: {rule.instead}.\n", "```sql\n" + f"{rule.good}\n" + "```\n"]
    return "\n".join(lines)


def _lock(rule: Rule) -> str:
    if rule.lock is None:
        return ""
    waits = {
        LockMode.ACCESS_EXCLUSIVE: "reads and writes wait",
        LockMode.SHARE_ROW_EXCLUSIVE: "writes wait",
        LockMode.SHARE: "writes wait",
    }.get(rule.lock)
    how = ", for as long as PostgreSQL works through the table" if rule.blocks else ""
    return f" · {rule.lock.name.replace('_', ' ')}: {waits}{how}" if waits else f" · {rule.lock.name.replace('_', ' ')}"

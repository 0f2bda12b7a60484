"""Describes findings of nested_statements.py: dynamic SQL, whose text is known only at run time."""

from ..rule import Group, Rule, Severity

RULE = Rule(
    id="dynamic-sql",
    group=Group.TRANSACTION,
    severity=Severity.NOTICE,
    kinds=("Unread",),
    why="Lint cannot analyse SQL whose text is known only at run time. It analyses every other statement of a DO "
    "block, including dynamic SQL that consists of constants. Other findings show `…` in place of a name that a "
    "query returns.",
    instead="review the block by hand, and test it on a copy of the schema",
    bad="do $$ declare t text; begin select max(relname) into t from pg_class where relname = 'orders';\n"
    "execute 'analyze ' || t; end $$;",
    good="do $$ begin execute 'analyze orders'; end $$;",
)

"""Reports a policy that shows every row to a client that is not signed in."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import Node, columns_in, relation_name, walk
from ..api import AUTH, identity_call
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Reports `auth.uid() IS NULL` as an operand of the outermost OR."""
    for part in _disjuncts(case.node.get("qual", {})):
        test = part.get("NullTest", {})
        calls = sorted({call for kind, node in walk(test.get("arg", {})) if (call := identity_call(kind, node))})
        if test.get("nulltesttype") == "IS_NULL" and calls and not columns_in(test.get("arg", {})):
            table = relation_name(case.node.get("table", {}))[1]
            yield Hit(f"a session for which {calls[0]} is NULL reads every row of `{table}`")


def _disjuncts(node: Node) -> Iterator[Node]:
    left = [node]
    while left:
        each = left.pop()
        inner = each.get("BoolExpr", {})
        if inner.get("boolop") == "OR_EXPR":
            left += inner.get("args", ())
        else:
            yield each


RULE = Rule(
    id="null-auth-policy",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreatePolicyStmt", "AlterPolicyStmt"),
    why="auth.uid() is NULL for a request without a token. A policy that accepts NULL shows all rows to every such "
    "request. Supabase's advisor reports this as 0030_rls_policy_null_auth_disjunct.",
    instead="remove the IS NULL test; for rows that all may read, write a policy for SELECT that names the roles",
    check=check,
    given=AUTH + "alter table orders enable row level security;\nalter table orders add owner_id uuid;",
    bad="create policy own on orders using ((select auth.uid()) is null or (select auth.uid()) = owner_id);",
    good="create policy own on orders using ((select auth.uid()) = owner_id);",
)

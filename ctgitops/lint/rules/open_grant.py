"""Reports GRANT on a table or sequence to PUBLIC or to the role of anonymous users."""

from __future__ import annotations

from ...sql.nodes import role_names
from ..rule import Case, Group, Hit, Hits, Rule, Severity

_ANONYMOUS = {"anon", "anonymous", "web_anon"}
_ROWS = {"OBJECT_TABLE", "OBJECT_SEQUENCE", "OBJECT_COLUMN"}


def check(case: Case) -> Hits:
    """Reports only tables and sequences, because PUBLIC may use types and some schemas by default."""
    node = case.node.get("action", {}) if case.kind == "AlterDefaultPrivilegesStmt" else case.node
    if not node.get("is_grant") or node.get("objtype") not in _ROWS:
        return
    for name in sorted(role_names(node.get("grantees", ()))):
        if name == "PUBLIC":
            yield Hit("grants the privilege to PUBLIC, which is every current and future role")
        elif name.lower() in _ANONYMOUS:
            yield Hit(f"grants the privilege to `{name}`, the role of users who are not signed in")


RULE = Rule(
    id="open-grant",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("GrantStmt", "AlterDefaultPrivilegesStmt"),
    why="A grant to PUBLIC applies to every role of the server, and a grant to `anon` to every visitor. Only row-level "
    "security then protects the rows.",
    instead="grant the privilege to the roles that need it",
    check=check,
    bad="grant select on orders to public;",
    good="grant select on orders to current_user;",
)

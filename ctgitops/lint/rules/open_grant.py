"""Reports GRANT on a table or sequence to PUBLIC or to the role of anonymous users."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.nodes import Node
from ..rule import Group, Hit, Rule
from ..rule_input import Case

_ANONYMOUS = {"anon", "anonymous", "web_anon"}
_ROWS = {"OBJECT_TABLE", "OBJECT_SEQUENCE", "OBJECT_COLUMN"}


def check(case: Case) -> Iterator[Hit]:
    """Reports tables and sequences only: PUBLIC may use types, and some schemas, by default."""
    node = case.node.get("action", {}) if case.kind == "AlterDefaultPrivilegesStmt" else case.node
    if not node.get("is_grant") or node.get("objtype") not in _ROWS:
        return
    for name in (_name(item.get("RoleSpec", {})) for item in node.get("grantees", ())):
        if name == "PUBLIC":
            yield Hit("every role may do this, also those made later")
        elif name.lower() in _ANONYMOUS:
            yield Hit(f"{name} may do this, who is not signed in")


def _name(role: Node) -> str:
    return "PUBLIC" if role.get("roletype") == "ROLESPEC_PUBLIC" else str(role.get("rolename", ""))


RULE = Rule(
    id="open-grant",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("GrantStmt", "AlterDefaultPrivilegesStmt"),
    why="PUBLIC is every role of the server, and `anon` every visitor: only row-level security stands between them and "
    "the rows.",
    instead="grant to the roles that need it",
    check=check,
    bad="grant select on orders to public;",
    good="grant select on orders to current_user;",
)

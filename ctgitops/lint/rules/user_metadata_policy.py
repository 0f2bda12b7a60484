"""Reports a policy that trusts user_metadata."""

from __future__ import annotations

from ...sql.nodes import relation_name, text_of, walk
from ..api import AUTH, identity_call
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Reports a policy that reads `user_metadata` from auth.jwt() or from the claims in `current_setting`."""
    nodes = [each for part in ("qual", "with_check") for each in walk(case.node.get(part, {}))]
    claims = {identity_call(kind, node) for kind, node in nodes} & {"auth.jwt()", "current_setting()"}
    if claims and any("user_metadata" in text_of({kind: node}) for kind, node in nodes if kind == "A_Const"):
        table = relation_name(case.node.get("table", {}))[1]
        name = case.node.get("policy_name", "")
        yield Hit(f"the policy `{name}` of `{table}` trusts user_metadata, which each user can change")


RULE = Rule(
    id="user-metadata-policy",
    group=Group.SECURITY,
    severity=Severity.ERROR,
    kinds=("CreatePolicyStmt", "AlterPolicyStmt"),
    why="Each user of Supabase Auth can write into their own user_metadata, so a policy that tests it lets users "
    "choose their own privileges. Supabase's advisor reports this as 0015_rls_references_user_metadata.",
    instead="test app_metadata, which only the server can write, or a table of roles",
    check=check,
    given=AUTH + "alter table orders enable row level security;",
    bad="create policy admins on orders using ((select auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');",
    good="create policy admins on orders using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');",
)

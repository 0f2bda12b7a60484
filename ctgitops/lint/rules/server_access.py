"""Reports access to the server beyond its database: programs, files, the network, untrusted languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...lazy import regex
from ...sql.nodes import Node, options_of, parts_of, walk
from ..fold.create import function_of
from ..nested_statements import statements_in
from ..rule import Case, Group, Hit, Hits, Rule, Severity

if TYPE_CHECKING:
    from ..catalog import Function

_PROGRAM = "runs a program on the database server, as the operating-system user of PostgreSQL"
_FILE = "reads or writes files of the database server"
_NETWORK = "connects from the database server to other servers"
_CODE = "runs code that PostgreSQL does not restrict, with all rights of the operating-system user of PostgreSQL"
_FUNCTIONS = {
    **dict.fromkeys(
        (
            "pg_read_file", "pg_read_binary_file", "pg_stat_file", "pg_ls_dir", "pg_ls_logdir", "pg_ls_waldir",
            "pg_ls_tmpdir", "pg_ls_archive_statusdir", "lo_import", "lo_export", "pg_file_write", "pg_file_read",
            "pg_file_rename", "pg_file_unlink", "pg_file_sync", "pg_logdir_ls",
        ),
        _FILE,
    ),
    **dict.fromkeys(
        (
            "dblink", "dblink_connect", "dblink_connect_u", "dblink_exec", "dblink_open", "dblink_send_query",
            "http", "http_get", "http_post", "http_put", "http_patch", "http_delete", "http_head",
            "table_import_from_s3", "query_export_to_s3",
        ),
        _NETWORK,
    ),
}  # fmt: skip
"""Functions of PostgreSQL, of its contrib modules, and of the extensions http, pg_net and aws_s3."""
_EXTENSIONS = {
    **dict.fromkeys(("dblink", "http", "pg_net", "plproxy", "aws_s3", "aws_lambda"), _NETWORK),
    **dict.fromkeys(("file_fdw", "adminpack"), _FILE),
    **dict.fromkeys(("plsh", "plr"), _CODE),
}
_UNTRUSTED = regex(r"pl\w*u|plsh|plr|javau|c|internal")
"""Matches untrusted languages. Their names end with `u` by convention: plpython3u, plperlu, pltclu."""
_SETTINGS = {
    **dict.fromkeys(
        (
            "archive_command", "restore_command", "archive_cleanup_command", "recovery_end_command",
            "ssl_passphrase_command",
        ),
        _PROGRAM,
    ),
    **dict.fromkeys(
        (
            "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "archive_library",
            "dynamic_library_path", "jit_provider",
        ),
        _CODE,
    ),
}  # fmt: skip
_SETS = {"AlterSystemStmt", "AlterDatabaseSetStmt", "AlterRoleSetStmt"}
_KINDS = (
    "CopyStmt",
    "SelectStmt",
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "CallStmt",
    "CreateTableAsStmt",
    "ViewStmt",
    "CreateFunctionStmt",
    "DoStmt",
    "LoadStmt",
    "CreateExtensionStmt",
    "CreatePLangStmt",
    "GrantRoleStmt",
    "CreateForeignServerStmt",
    "CreateForeignTableStmt",
    "AlterForeignServerStmt",
    "ImportForeignSchemaStmt",
    "CreateSubscriptionStmt",
    "AlterSubscriptionStmt",
    *sorted(_SETS),
)
_ROLES = {"pg_execute_server_program": _PROGRAM, "pg_read_server_files": _FILE, "pg_write_server_files": _FILE}


def check(case: Case) -> Hits:
    """Reports the statement, or the body of a created function. Does not analyse SQL in other languages."""
    found = dict.fromkeys(_access(case.kind, case.node))
    if case.kind == "CreateFunctionStmt":
        made: Function = function_of(case.node)
        inner = (said for kind, node in statements_in(made, case.catalog) for said in _access(kind, node))
        found |= dict.fromkeys(f"{said}, whenever the function is called" for said in inner)
    yield from map(Hit, found)


def _access(kind: str, node: Node) -> Iterator[str]:
    found: list[str | None] = [_copied(kind, node), _language(kind, node), *_foreign(kind, node)]
    found += [_EXTENSIONS.get(node.get("extname", "")), _SETTINGS.get(_setting(kind, node))]
    granted = node.get("granted_roles", ()) if node.get("is_grant") else ()
    found += [_ROLES.get(item.get("AccessPriv", {}).get("priv_name", "")) for item in granted]
    calls = (call.get("funcname", []) for kind_, call in walk(node) if kind_ == "FuncCall")
    found += [_FUNCTIONS.get("".join(parts_of(name)[-1:])) for name in calls]
    return (each for each in found if each)


def _copied(kind: str, node: Node) -> str:
    """The access by COPY to a program or a file of the server. Empty for STDIN and STDOUT."""
    if kind != "CopyStmt" or "filename" not in node:
        return ""
    return _PROGRAM if node.get("is_program") else _FILE


def _language(kind: str, node: Node) -> str:
    """The access by LOAD, or by an untrusted language that the statement uses or creates."""
    options = (
        options_of(node.get("args") or node.get("options") or ()) if kind in {"DoStmt", "CreateFunctionStmt"} else {}
    )
    used = options.get("language", {}).get("String", {}).get("sval", "")
    name = str(used or node.get("extname") or node.get("plname") or "").lower()
    return _CODE if kind == "LoadStmt" or _UNTRUSTED.fullmatch(name) else ""


def _setting(kind: str, node: Node) -> str:
    """The name of the setting that ALTER SYSTEM, ALTER DATABASE or ALTER ROLE sets."""
    return str(node.get("setstmt", {}).get("name", "")) if kind in _SETS else ""


def _foreign(kind: str, node: Node) -> Iterator[str]:
    """The access by a foreign server, a foreign table or a subscription."""
    options = options_of(node.get("options") or ()) if "Foreign" in kind else {}
    if kind == "CreateForeignServerStmt":
        yield _FILE if node.get("fdwname") == "file_fdw" else _NETWORK
    elif kind in {"ImportForeignSchemaStmt", "CreateSubscriptionStmt"} or "conninfo" in node or "host" in options:
        yield _NETWORK
    if kind == "CreateForeignTableStmt" and {"program", "filename"} & set(options):
        yield _PROGRAM if "program" in options else _FILE


RULE = Rule(
    id="server-access",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=_KINDS,
    why="The statement acts outside of the database: its effect is not part of the transaction, the trial does not "
    "show it, and no rollback or backup undoes it. The statement needs a superuser, or a role that can become a "
    "superuser.",
    instead="run the statement outside of migrations; load rows with INSERT, or with COPY … FROM STDIN by psql",
    check=check,
    bad="copy customers from program 'true';",
    good="insert into customers (id, name) values (1000, 'Ana');",
)

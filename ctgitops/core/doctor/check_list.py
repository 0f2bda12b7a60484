"""Lists the checks of `doctor`, each with its family, the facts that it checks, and why they matter."""

from __future__ import annotations

from ...lazy import dataclass

FAMILIES = ("settings", "database", "server", "machine", "backup", "github", "workflow")
"""The families of checks, in the order of the report."""


@dataclass(frozen=True)
class ListedCheck:
    """One entry of the list."""

    family: str
    looks_at: str
    why: str


CHECKS = {
    "variables": ListedCheck(
        "settings",
        "whether each variable that the manifest names is set",
        "A run that needs the variable fails, or does not send its notification.",
    ),
    "encryption-keys": ListedCheck(
        "settings",
        "public keys in `encrypt_to`, and the private key if it is set",
        "A backup cannot be encrypted to an invalid key, and cannot be restored without the private key.",
    ),
    "telemetry": ListedCheck(
        "settings",
        "whether the extra `otel` is installed, if environment variables request traces",
        "Without the extra, runs send no traces and metrics.",
    ),
    "connect": ListedCheck(
        "database", "the URL, and whether the server accepts a connection", "Nothing can be planned or applied."
    ),
    "tls": ListedCheck(
        "database",
        "whether `sslmode` is as strong as the server allows",
        "An attacker who redirects the connection can read the password and change the data.",
    ),
    "certificate": ListedCheck(
        "database",
        "the date on which the server's certificate expires",
        "From that date on, clients that verify the certificate cannot connect.",
    ),
    "pooler": ListedCheck(
        "database",
        "whether the URL leads to a pooler in transaction mode",
        "Such a pooler loses the run lock and the timeouts, so `apply` refuses it.",
    ),
    "clock": ListedCheck(
        "database",
        "the difference between the clocks of this machine and the server",
        "Windows, bake times and signatures of object stores depend on the time.",
    ),
    "ledger": ListedCheck(
        "database",
        "whether the ledger can be read, and whether a migration is unfinished",
        "The next run must first resume or repair an unfinished migration.",
    ),
    "run-lock": ListedCheck(
        "database", "whether an ended run still holds the run lock", "Every run waits for the lock, and then fails."
    ),
    "apply-grants": ListedCheck(
        "database",
        "privileges of the role that applies",
        "The first migration or ledger entry that needs the privilege fails.",
    ),
    "plan-grants": ListedCheck(
        "database", "privileges of the role that plans", "A plan cannot read the schema, or fails on a new table."
    ),
    "role-settings": ListedCheck(
        "database",
        "timeouts and read-only mode that the role or the database sets",
        "The server cancels or refuses a migration, although the manifest allows it.",
    ),
    "invalid-indexes": ListedCheck(
        "database",
        "indexes that an interrupted build left invalid",
        "No query uses such an index, and each write still updates it.",
    ),
    "statistics": ListedCheck(
        "database",
        "missing and stale statistics of large tables",
        "The plan estimates wrong durations, and queries get bad plans.",
    ),
    "server-version": ListedCheck(
        "server", "the end of support of the server's major version", "Security fixes are no longer published."
    ),
    "connections": ListedCheck(
        "server", "connections that are still free", "A run, or a parallel job of its backup, cannot connect."
    ),
    "extensions": ListedCheck(
        "server",
        "whether the server has the extensions in `shadow.extensions`",
        "CREATE EXTENSION in a migration fails.",
    ),
    "recovery": ListedCheck(
        "server",
        "WAL archiving, and the privilege for restore points",
        "Without a WAL archive, only the state of the newest backup can be restored.",
    ),
    "dump-client": ListedCheck(
        "machine",
        "pg_dump and pg_restore for the server's version, and zstd",
        "Without a pg_dump that is at least as new as the server, the backup fails, so nothing is applied.",
    ),
    "trial": ListedCheck(
        "machine",
        "the server for the trial: its major version and extensions, or the container engine",
        "Without a trial, a plan cannot show locks, durations and errors.",
    ),
    "disk": ListedCheck(
        "machine", "free space for the dump and for its test restore", "The backup fails, so nothing is applied."
    ),
    "backup-store": ListedCheck(
        "backup",
        "whether a test object can be written, read and deleted",
        "The backup fails after the dump, so nothing is applied.",
    ),
    "github-token": ListedCheck(
        "github", "what the token may read", "Comments, checks, deployments and reviews need these permissions."
    ),
    "branch-rules": ListedCheck(
        "github",
        "protection of the default branch",
        "Unreviewed SQL on the default branch is applied.",
    ),
    "github-environments": ListedCheck(
        "github",
        "the environment on GitHub, its reviewers, and which branches and tags may deploy",
        "Any branch can use the secrets of an unprotected environment.",
    ),
    "workflow-files": ListedCheck(
        "workflow", "whether the workflow files can be read", "GitHub does not run an invalid workflow."
    ),
    "workflow-action": ListedCheck(
        "workflow",
        "versions of the actions",
        "An old version lacks fixes. If `uses` names a branch, the code of the action can change at any time.",
    ),
    "workflow-concurrency": ListedCheck(
        "workflow",
        "`concurrency` of jobs that change a database",
        "Runs compete for the run lock, or GitHub cancels a run in the middle of a migration.",
    ),
    "workflow-permissions": ListedCheck(
        "workflow", "`permissions` of jobs", "Without the key, the token gets the default of the repository."
    ),
    "workflow-checkout": ListedCheck(
        "workflow",
        "checkout of a pull request's head in `pull_request_target` or `workflow_run`",
        "The author of any pull request can run code with the secrets of the repository.",
    ),
    "workflow-paths": ListedCheck(
        "workflow", "`paths` of workflows", "A migration in another folder starts no plan and no apply."
    ),
}

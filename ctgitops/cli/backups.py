"""CLI commands for backups: backup, and its subcommands list, verify, drill and prune."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ..wiring.wiring import Wiring
from . import options
from .log_lines import progress
from .notifications import notify_of_drill
from .printing import print_page, print_unread, width_of

if TYPE_CHECKING:
    from ..core.environment.environment import Environment


@click.group(invoke_without_command=True)
@click.option("--env", "name", shell_complete=options.environment_names, help="The environment to back up.")
@options.root
@options.log_format
@options.as_data
@click.pass_context
def backup(context: click.Context, name: str | None, root: Path, form: str) -> int:
    """Take a backup and verify it by a restore; or call a subcommand.

    `apply` and `rollback` take the same backup first, if the manifest has `backup`.
    """
    if context.invoked_subcommand:
        if name:
            raise click.UsageError(f"write `--env` after `{context.invoked_subcommand}`", context)
        return 0
    if name is None:
        raise click.UsageError("Missing option '--env', or a subcommand.", context)
    wiring = Wiring(root)
    environment = wiring.environment(name)
    if environment.backup is None:
        hint = "add `backup: {to: FOLDER}` to its manifest"
        raise UsageError(f"{name} has no `backup` in {environment.path}", hint=hint)
    with progress(wiring, name) as tell:
        receipt = wiring.backups.take(environment, tell)
    receipt = replace(receipt, vanishes=environment.backup.in_folder and wiring.origin.disk_is_deleted)
    how = "verified by a restore" if receipt.by == "pg_dump" else f"taken and verified by {receipt.by}"
    words = f"{name}: {receipt.id}, {how}\n  {receipt.restore_with}"
    words += "".join(f"\n  note: {line}" for line in (receipt.vanishing, receipt.export_words) if line)
    words += "".join(f"\n  not included: {line}" for line in receipt.left_out)
    print_page(receipt.to_json() if form == "json" else words, form)
    return 0


@backup.command("list")
@options.any_environment
@options.root
@options.as_data
def list_(name: str | None, root: Path, form: str) -> int:
    """List finished backups: age, size, proof, drills and later migrations. Read-only."""
    from ..commands.backup import list_backups

    wiring = Wiring(root)
    chosen = _with_backup(wiring, name)
    found = list_backups(chosen, wiring.now, databases=wiring.databases, backups=wiring.backups)
    if form == "json":
        from ..report.backups_json import list_json

        print_page(list_json(found), form)
    else:
        from ..report.backups import list_text

        print_page(list_text(found, width_of(sys.stdout)), form)
    status = max((each.error.exit_status for each in found if each.error), default=0)
    return print_unread(wiring.workspace, name, status)


@backup.command()
@click.argument("which", metavar="BACKUP")
@options.root
@options.log_format
@options.as_data
def verify(which: str, root: Path, form: str) -> int:
    """Compare a backup's files with its receipt, without a key and without a restore. Read-only.

    BACKUP is an ID, or the path or URL of a backup.
    """
    wiring = Wiring(root)
    with progress(wiring) as tell:
        receipt, unchecked = wiring.backups.verify(which, tell)
    if form == "json":
        from ..report.backups_json import verified_json

        print_page(verified_json(receipt, unchecked), form)
    else:
        from ..report.backups import verified_text

        print_page(verified_text(receipt, unchecked), form)
    return 0


@backup.command()
@options.any_environment
@options.identity
@options.root
@options.log_format
@options.as_data
def drill(name: str | None, identity: str, root: Path, form: str) -> int:
    """Restore the newest backup on a throw-away server, and measure the time to recover.

    The backup is downloaded, decrypted, restored and compared with its receipt. The result is stored beside the
    backup. With `by: command`, the command restores its newest backup. Exits with 7 if any of it fails.
    """
    from ..commands.backup import drill as verb

    wiring = Wiring(root)
    with progress(wiring, name or "") as tell:
        results = verb(
            _with_backup(wiring, name, drilled=True), backups=replace(wiring.backups, identity=identity), tell=tell
        )
    if form == "json":
        from ..report.backups_json import drills_json

        print_page(drills_json(results), form)
    else:
        from ..report.backups import drills_text

        print_page(drills_text(results), form)
    notify_of_drill(wiring, results)
    return print_unread(wiring.workspace, name, max(each.exit_status for each in results))


@backup.command()
@options.environment
@click.option("--dry-run", is_flag=True, help="Only show what would be removed, and why the rest stays.")
@options.root
@options.log_format
@options.as_data
def prune(name: str, root: Path, form: str, *, dry_run: bool) -> int:
    """Remove old backups, as `backup.keep` in the manifest says. A backup does the same after it is verified.

    Never removed: the newest backup, one that the ledger or a run in progress needs, one younger than `bake`, and
    anything without a receipt of this environment. A removal that the store refuses is a warning.
    """
    wiring = Wiring(root)
    with progress(wiring, name) as tell:
        pruned = wiring.backups.prune(wiring.environment(name), tell, dry_run=dry_run)
    if form == "json":
        from ..report.backups_json import pruned_json

        print_page(pruned_json(pruned), form)
    else:
        from ..report.backups import pruned_text

        print_page(pruned_text(pruned, width_of(sys.stdout)), form)
    return 0


def _with_backup(wiring: Wiring, name: str | None, *, drilled: bool = False) -> tuple[Environment, ...]:
    """The environment with this name, or all whose manifests have `backup`. Raises UsageError if there is none.

    With `drilled`, all means only the environments whose backups a drill can restore.
    """
    from ..commands.backup import with_backups

    names = [name] if name else wiring.environment_names
    found = with_backups((wiring.environment(each) for each in names), drilled=drilled and not name)
    if not found:
        which = f"{name} has no `backup` in its manifest" if name else "no environment has `backup` in its manifest"
        if drilled and with_backups(map(wiring.environment, names)):
            hint = 'restore one by hand, as docs/providers.md describes under "Drills"'
            raise UsageError("pgBackRest takes and keeps all of these backups", hint=hint)
        raise UsageError(which, hint="add `backup: {to: FOLDER}`")
    return found

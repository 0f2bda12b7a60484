"""Retention decides which backups of an environment are removed, and why the other backups stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.open_prediction import open_predictions
from .stored_backup import StoredBackup

if TYPE_CHECKING:
    from ..environment.environment import Environment, KeepPolicy

RUN_BEGAN_BEFORE = timedelta(minutes=10)
"""The tolerance between two machines' clocks. A backup's time may precede the start of its run by this much."""
Rule = Callable[[StoredBackup], str]
"""A function that returns why a backup stays. The text is empty if the rule gives no reason."""


@dataclass(frozen=True)
class RetentionFacts:
    """The facts that decide which backups stay: the environment, its ledger and the time."""

    environment: Environment
    ledger: Ledger
    now: datetime
    others: Mapping[str, Ledger] = field(default_factory=dict)
    """By name, the ledgers of the other environments with the same destination."""
    run_began: datetime | None = None
    """When the run that holds the run lock began. None if no run holds the lock."""


@dataclass(frozen=True)
class RetentionDecision:
    """The decision whether one backup stays."""

    backup: StoredBackup
    stays: str
    """Why the backup stays. Empty if the backup is removed."""


@dataclass(frozen=True)
class Pruned:
    """The backups that were removed, or that would be removed."""

    environment: str
    decisions: tuple[RetentionDecision, ...]
    """The decision on each backup, newest first."""
    leftovers: tuple[str, ...] = ()
    """The locations of incomplete backups that interrupted runs left. These backups are removed too."""
    dry_run: bool = False
    refused: str = ""
    """Why the store refused a removal. Some or all of the backups to remove are then still in the store."""

    @property
    def goes(self) -> tuple[StoredBackup, ...]:
        """The backups that the decisions remove."""
        return tuple(each.backup for each in self.decisions if not each.stays)

    @property
    def stay(self) -> tuple[RetentionDecision, ...]:
        """The decisions on the backups that stay."""
        return tuple(each for each in self.decisions if each.stays)


def retention(
    keep: KeepPolicy, backups: Sequence[StoredBackup], facts: RetentionFacts
) -> tuple[RetentionDecision, ...]:
    """The decision for each backup, newest first."""
    name = facts.environment.name
    found = sorted(backups, key=lambda each: (each.taken_at, each.id), reverse=True)
    ours = [each for each in found if each.environment == name and not each.unreadable and not _foreign(each, facts)]
    referred = references(name, facts.ledger)
    for other, ledger in facts.others.items():
        referred = {**references(other, ledger), **referred}
    # A backup from a machine whose clock is ahead stays, but does not replace the newest one
    counted = [each for each in ours if each.taken_at <= facts.now] or ours
    rules = (_never_removed(counted, facts, referred), _locked(facts.now), _kept_by(keep, counted, facts.now))

    def decide(backup: StoredBackup) -> str:
        if backup.unreadable:
            return f"its receipt cannot be read: {backup.unreadable}"
        if backup.environment != name:
            return f"it belongs to {backup.environment}"
        if _foreign(backup, facts):
            return f"it belongs to another environment named {name}, whose ledger has the ID {backup.ledger_id}"
        return next((why for rule in rules if (why := rule(backup))), "")

    return tuple(RetentionDecision(each, decide(each)) for each in found)


def _foreign(backup: StoredBackup, facts: RetentionFacts) -> bool:
    """Whether the backup is of another database, such as of another project with an environment of the same name."""
    own = facts.ledger.identity.ledger_id if facts.ledger.identity else ""
    return bool(own and backup.ledger_id and backup.ledger_id != own)


def references(environment: str, ledger: Ledger) -> Mapping[str, str]:
    """The backups that the ledger still needs: each ID with its reason."""
    found: dict[str, str] = {}
    for entry in _unfinished(ledger):
        found[_backup_of(entry)] = f"{entry.name} is unfinished in {environment}"
    for each in open_predictions(ledger):
        run = [entry for entry in ledger.entries if entry.plan == each.made.plan]
        found |= {_backup_of(entry): f"the schema after its run on {environment} is not verified yet" for entry in run}
    for mark in (Mark.ROLLED_BACK, Mark.APPLIED):
        for entry in [each for each in ledger.entries if each.mark is mark][-1:]:
            found[_backup_of(entry)] = f"the newest {mark} entry of {environment} refers to it"
    return {backup: why for backup, why in found.items() if backup}


def _unfinished(ledger: Ledger) -> list[Entry]:
    """The entries of all attempts at unfinished migrations. The backup before the first attempt can undo them."""
    attempts: dict[int, list[Entry]] = {}
    for entry in ledger.entries:
        if entry.number is None:
            continue
        if entry.mark is Mark.STARTED:
            attempts.setdefault(entry.number, []).append(entry)
        elif entry.number not in ledger.unfinished or entry.marks_applied or entry.mark is Mark.ROLLED_BACK:
            attempts.pop(entry.number, None)
    return [entry for number in ledger.unfinished for entry in attempts.get(number, ())]


def _backup_of(entry: Entry) -> str:
    """The ID of the backup that the entry's run took. Empty if the run took none."""
    try:
        receipt = json.loads(entry.receipt or "{}")
    except ValueError:
        return ""
    return str(receipt.get("id") or "") if isinstance(receipt, dict) else ""


def _never_removed(ours: list[StoredBackup], facts: RetentionFacts, referred: Mapping[str, str]) -> Rule:
    """The rule for backups that are never removed, whatever `keep` says."""
    whole = next((each for each in ours if each.whole), None)
    bake, began = facts.environment.bake, facts.run_began

    def rule(backup: StoredBackup) -> str:
        if backup is ours[0]:
            return "it is the newest verified backup"
        if backup is whole:
            return "it is the newest backup of the whole database"
        if backup.id in referred:
            return referred[backup.id]
        if began and backup.taken_at >= began - RUN_BEGAN_BEFORE:
            return f"a run that began at {began.astimezone(UTC):%H:%M:%S} UTC has not ended"
        if backup.taken_at > facts.now - bake:
            return "it is younger than `bake`" if bake else "its time is in the future"
        return ""

    return rule


def _locked(now: datetime) -> Rule:
    """The rule that keeps backups whose objects are still locked in the store."""

    def rule(backup: StoredBackup) -> str:
        until = backup.locked_until
        return (
            f"its objects are locked until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until and until > now else ""
        )

    return rule


def _kept_by(keep: KeepPolicy, ours: list[StoredBackup], now: datetime) -> Rule:
    """The rule for backups that `keep` keeps."""
    reasons: dict[str, str] = {}
    for each in ours[: keep.last]:
        reasons[each.id] = f"`keep.last: {keep.last}`"
    if keep.days:
        oldest = now - timedelta(days=keep.days)
        reasons |= {each.id: f"`keep.days: {keep.days}`" for each in ours if each.taken_at > oldest}
    for number, key, period in ((keep.weeks, "weeks", _week), (keep.months, "months", _month)):
        newest: dict[int, StoredBackup] = {}
        for each in ours:
            newest.setdefault(period(each.taken_at), each)
        reasons |= {
            each.id: f"`keep.{key}: {number}`, the newest of its {key[:-1]}"
            for which, each in newest.items()
            if which > period(now) - number
        }
    return lambda backup: reasons.get(backup.id, "")


def _week(moment: datetime) -> int:
    """The number of a time's calendar week. The next week has the next number. Weeks begin on Monday, in UTC."""
    return (moment.astimezone(UTC).date().toordinal() - 1) // 7


def _month(moment: datetime) -> int:
    in_utc = moment.astimezone(UTC)
    return in_utc.year * 12 + in_utc.month

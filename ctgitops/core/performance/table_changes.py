"""Finds new sequential scans, rewritten tables, unused new indexes and dead rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .report import LoadFinding, LoadLevel
from .statement_text import shown

if TYPE_CHECKING:
    from .moments import Moments
    from .sample import TableFigures

MORE_SCANS = 5.0
OFTEN_PER_SECOND = 1.0
"""At this rate or more, new sequential scans are a regression even if the run did not alter the table."""
WHOLE = 0.5
"""The mean share of rows that a scan must read. `large` rows are enough: each parallel worker counts as a scan."""
HOT_PER_SECOND = 1.0
LONG_SECONDS = 1.0
DEAD, DEAD_BEFORE = 0.3, 0.2


def table_changes(moments: Moments) -> Iterator[LoadFinding]:
    """The changes of tables and indexes. Empty if their counters are not comparable."""
    for name in sorted(moments.end.tables or {}):
        yield from _scanned(moments, name)
        yield from _rewritten(moments, name)
        yield from _dead(moments, name)
    yield from _unused(moments)
    yield from _plans(moments)


def _scanned(moments: Moments, name: str) -> Iterator[LoadFinding]:
    now, was = moments.window.table(name), (moments.before.tables or {}).get(name)
    if now is None or was is None or now.rows < moments.policy.large or now.seq_scans < moments.policy.calls:
        return
    if now.seq_rows < min(WHOLE * now.rows, moments.policy.large) * now.seq_scans:
        return
    seconds = moments.window.seconds or 1.0
    rate, before = now.seq_scans / seconds, _usual_rate(moments, name, was)
    if rate < MORE_SCANS * before:
        return
    sure = name in moments.altered or rate >= OFTEN_PER_SECOND
    what = (
        f"{name}, {now.rows:,.0f} rows: {now.seq_scans:,} sequential scans, "
        f"{rate:,.2f} a second instead of {before:,.2f}"
    )
    level = LoadLevel.REGRESSION if sure else LoadLevel.NOTICE
    yield LoadFinding("sequential-scans", level, what, calls=now.seq_scans, before=before, after=rate)


def _usual_rate(moments: Moments, name: str, was: TableFigures) -> float:
    """The usual sequential scans per second: just before the run, or estimated from all scans since the last reset."""
    recent = moments.recent.table(name)
    rate = recent.seq_scans / moments.recent.seconds if recent and moments.recent.seconds else 0.0
    now = moments.window.table(name)
    scans = was.seq_scans + was.index_scans
    if now is None or not scans:
        return rate
    usual = was.seq_scans / scans * (now.seq_scans + now.index_scans) / (moments.window.seconds or 1.0)
    return max(rate, usual)


def _rewritten(moments: Moments, name: str) -> Iterator[LoadFinding]:
    was, now = (moments.before.tables or {}).get(name), (moments.after.tables or {}).get(name)
    if was is None or now is None or was.file == now.file or was.rows < moments.policy.large:
        return
    recent, seconds = moments.recent.table(name), moments.recent.seconds
    used = (recent.seq_scans + recent.index_scans + recent.written) / seconds if recent and seconds else 0.0
    took = moments.during.seconds
    hot = used >= HOT_PER_SECOND and took >= LONG_SECONDS
    what = (
        f"{name}, {was.rows:,.0f} rows, was rewritten by the migrations, which took {took:,.1f} s; "
        f"before, it was used {used:,.1f} times a second"
    )
    yield LoadFinding("rewritten-table", LoadLevel.REGRESSION if hot else LoadLevel.NOTICE, what, before=used)


def _dead(moments: Moments, name: str) -> Iterator[LoadFinding]:
    was, now = (moments.before.tables or {}).get(name), (moments.end.tables or {}).get(name)
    if was is None or now is None or now.rows < moments.policy.large or name not in moments.altered:
        return
    before, after = _dead_share(was), _dead_share(now)
    if before < DEAD_BEFORE and after >= DEAD:
        what = f"{name}: about {after:.0%} of the rows are dead, instead of {before:.0%}"
        yield LoadFinding("dead-rows", LoadLevel.NOTICE, what, before=before, after=after)


def _dead_share(table: TableFigures) -> float:
    return table.dead / (table.rows + table.dead) if table.dead else 0.0


def _unused(moments: Moments) -> Iterator[LoadFinding]:
    old = moments.before.indexes
    if old is None:
        return
    for name, index in sorted((moments.end.indexes or {}).items()):
        used = moments.window.table(index.table)
        if name in old or index.scans or index.constrains or used is None:
            continue
        scans = used.seq_scans + used.index_scans
        if scans >= moments.policy.calls:
            what = f"the new index {name} was not used, in {scans:,} scans of {index.table}"
            yield LoadFinding("unused-index", LoadLevel.NOTICE, what, calls=scans)


def _plans(moments: Moments) -> Iterator[LoadFinding]:
    """Statements whose plan changed, even if their time did not. A rare statement has too few calls to compare."""
    for key, was in sorted(moments.before.plans.items()):
        now = moments.end.plans.get(key, was)
        if now != was:
            figures = (moments.end.statements or moments.before.statements or {}).get(key)
            what = f"its generic plan was {was}, and is now {now}"
            yield LoadFinding("changed-plan", LoadLevel.NOTICE, what, shown(figures.text) if figures else "")

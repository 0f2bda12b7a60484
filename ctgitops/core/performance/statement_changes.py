"""Finds statements that became slower or more frequent, or waited for the run. Pure.

A slow machine makes every statement slower. A statement that reads as many blocks per call as before is a finding only
if it slowed down much more than the other statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .interval import Calls, calls_of, deviation
from .report import LoadFinding, LoadLevel
from .statement_text import shown

if TYPE_CHECKING:
    from .moments import Moments

LEAST_MILLIS, LEAST_MILLIS_ALONE = 0.2, 1.0
"""The smallest reported rise of the mean time in milliseconds. The second applies if the blocks did not rise."""
MORE_BLOCKS, LEAST_BLOCKS = 2.0, 16
"""The blocks per call must rise by this factor and by this number to be evidence of another query plan."""
SURE = 5.0
"""The smallest number of standard errors by which the mean must have risen."""
ALONE = 1.5
"""Multiplies the required factor for a statement whose blocks per call have not risen."""
MORE_OFTEN = 5.0
DELAYED_MILLIS, DELAYED_FACTOR = 1000.0, 10.0


@dataclass(frozen=True)
class _Change:
    """A statement before and after the migrations. `before` is the baseline with the longest mean time."""

    key: str
    before: Calls
    after: Calls
    befores: tuple[Calls, ...]

    @property
    def ratio(self) -> float:
        return self.after.mean / max(self.before.mean, 1e-6)

    @property
    def reads_more(self) -> bool:
        return all(
            self.after.blocks >= MORE_BLOCKS * each.blocks and self.after.blocks - each.blocks >= LEAST_BLOCKS
            for each in self.befores
        )


def statement_changes(moments: Moments) -> Iterator[LoadFinding]:
    """The changes of statements. Empty if their counters are not comparable."""
    changes = _changes(moments)
    for change in changes:
        if _is_slower(change, _typical(changes, change.key), moments):
            yield _slower(change, moments)
    yield from _more_frequent(moments)
    yield from _delayed(moments)


def compared(moments: Moments) -> int:
    """How many statements had enough calls both before and after the migrations."""
    return len(_changes(moments))


def _changes(moments: Moments) -> tuple[_Change, ...]:
    after, least = moments.window.statements() or {}, moments.policy.calls
    found = []
    for key, now in after.items():
        befores = tuple(each for each in _baselines(moments, key) if each.calls >= least)
        if now.calls >= least and befores:
            found.append(_Change(key, max(befores, key=lambda each: each.mean), now, befores))
    return tuple(found)


def _baselines(moments: Moments, key: str) -> Iterator[Calls]:
    """The calls just before the migrations, and all calls since the last reset. One baseline alone may be unusual."""
    if recent := (moments.recent.statements() or {}).get(key):
        yield recent
    if figures := (moments.before.statements or {}).get(key):
        yield calls_of(figures)


def _typical(changes: tuple[_Change, ...], key: str) -> float:
    """The median slowdown of the other statements that read as many blocks as before, as a factor. At least 1."""
    others = [each.ratio for each in changes if each.key != key and not each.reads_more]
    return max(median(others), 1.0) if others else 1.0


def _is_slower(change: _Change, typical: float, moments: Moments) -> bool:
    wanted, least = moments.policy.slower, LEAST_MILLIS
    if not change.reads_more:
        wanted, least = wanted * ALONE * typical, LEAST_MILLIS_ALONE
    return all(
        change.after.mean >= wanted * each.mean
        and change.after.mean - each.mean >= least
        and deviation(each, change.after) >= SURE
        for each in change.befores
    )


def _slower(change: _Change, moments: Moments) -> LoadFinding:
    plans = [sample.plans.get(change.key, "") for sample in (moments.before, moments.end)]
    why = ""
    if change.reads_more:
        why = f"; each call reads {change.after.blocks:,.0f} blocks instead of {change.before.blocks:,.0f}"
    if all(plans) and plans[0] != plans[1]:
        why += f"; its generic plan was {plans[0]}, and is now {plans[1]}"
    what = f"{change.ratio:,.1f} times slower, in {change.after.calls:,} calls{why}"
    text = _text(moments, change.key)
    return LoadFinding(
        "slower-statement", LoadLevel.REGRESSION, what, text, change.after.calls, change.before.mean, change.after.mean
    )


def _more_frequent(moments: Moments) -> Iterator[LoadFinding]:
    """Notices about more frequent statements. The application, not a migration, decides how often it calls them."""
    before, after = moments.recent.statements(), moments.window.statements()
    spans = moments.recent.seconds, moments.window.seconds
    if before is None or after is None or not all(spans):
        return
    all_before, all_after = (_calls_of_all(each) / span for each, span in zip((before, after), spans, strict=True))
    load = max(all_after / all_before, 1.0) if all_before else 1.0
    for key, now in after.items():
        was, rate = before.get(key), now.calls / spans[1]
        if was is None or was.calls < moments.policy.calls or now.calls < MORE_OFTEN * moments.policy.calls:
            continue
        if rate >= MORE_OFTEN * load * was.calls / spans[0]:
            what = f"called {rate / (was.calls / spans[0]):,.1f} times as often"
            text = _text(moments, key)
            yield LoadFinding(
                "more-frequent-statement", LoadLevel.NOTICE, what, text, now.calls, was.calls / spans[0], rate
            )


def _calls_of_all(calls: Mapping[str, Calls]) -> int:
    return sum(each.calls for each in calls.values())


def _delayed(moments: Moments) -> Iterator[LoadFinding]:
    """Statements with an unusually long call, of a second or more, while the migrations ran."""
    first, last = moments.before.statements or {}, moments.after.statements or {}
    for key, calls in (moments.during.statements() or {}).items():
        was = first.get(key)
        if was is None or not was.calls:
            continue
        longest = last[key].longest if last[key].longest > was.longest else calls.mean
        usual = was.total / was.calls
        if longest < DELAYED_MILLIS or longest < DELAYED_FACTOR * usual:
            continue
        altered = any(_mentions(last[key].text, table) for table in moments.altered)
        what = f"a call took {longest / 1000:,.1f} s while the migrations ran, instead of {usual:,.2f} ms on average"
        level = LoadLevel.REGRESSION if altered else LoadLevel.NOTICE
        yield LoadFinding("delayed-statement", level, what, _text(moments, key), calls.calls, usual, longest)


def _mentions(text: str, table: str) -> bool:
    name = table.rpartition(".")[2].strip('"')
    return re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) is not None


def _text(moments: Moments, key: str) -> str:
    figures = (moments.end.statements or {}).get(key) or (moments.after.statements or {}).get(key)
    return shown(figures.text) if figures else ""

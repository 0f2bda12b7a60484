"""Renders what a run is doing: as text, as one line for a log, and as a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import phrases
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.activity.run_activity import Gauge, Look, RunActivity, SessionSeen

MOST = 5
"""The maximum number of sessions in each list of the text. The JSON document contains all sessions."""


def activity_lines(look: Look, environment: str) -> tuple[str, ...]:
    """What a run is doing: who runs it, its step, the progress, and the other sessions."""
    now = look.now
    return (
        f"{on_one_line(environment)}: {_who(now)}{_for(now)}",
        *(f"  {line}" for line in _details(look, environment)),
        *(f"  not visible: {line}" for line in now.unseen),
    )


def activity_line(look: Look) -> str:
    """The parts of `activity_lines` that change when the run makes progress, on one line."""
    now = look.now
    parts = [on_one_line(_step(now)) or "begins"]
    parts += [f"{_gauge(gauge)}{_rest(gauge, look)}" for gauge in now.gauges]
    parts += [f"blocked by: {on_one_line(each.who)}" for each in now.in_the_way[:MOST]]
    parts += [f"{phrases.count(len(now.waiting), 'waiting session')}"] if now.waiting else []
    return "; ".join(parts)


def state_of(look: Look) -> tuple[object, ...]:
    """The values whose change adds a line to a log: step, phase, tenth of the progress, other sessions."""
    now = look.now
    gauges = tuple((gauge.key, (gauge.percent or 0) // 10) for gauge in now.gauges)
    others = tuple(each.pid for each in now.in_the_way), tuple(each.pid for each in now.waiting)
    return now.run, _step(now), gauges, others


def _step(now: RunActivity) -> str:
    """The step that the run reports. Leaves out the progress if a gauge shows a newer state of the same work."""
    name, _, progress = now.holder.step.partition(": ")
    return name if any(progress.startswith(gauge.group) for gauge in now.gauges) else now.holder.step


def _who(now: RunActivity) -> str:
    holder = now.holder
    by = f"run by {on_one_line(holder.actor)}" if holder.actor else f"a run of user {on_one_line(holder.user)}"
    return ", ".join(filter(None, (by, on_one_line(holder.run_url), f"plan {now.plan[:12]}" if now.plan else "")))


def _for(now: RunActivity) -> str:
    begun = now.since or now.holder.began
    return f", for {phrases.millis(round((now.at - begun).total_seconds()) * 1000)}" if begun else ""


def _details(look: Look, environment: str) -> Iterator[str]:
    now = look.now
    yield f"step: {on_one_line(_step(now)) or ('none yet' if now.holder.actor or now.since else 'not visible')}"
    if not now.holder.alive and now.holder.silent is not None:
        command = f"`ctgitops unlock --env {on_one_line(environment)}`"
        yield f"WARNING: {now.holder.reported}; the run may have been killed: see {command}"
    for session in now.sessions:
        if session.doing and session.state == "active":
            yield f"statement: {on_one_line(session.doing)}{_since(session)}{_waits(session)}"
        elif session.waits_for:
            yield f"{on_one_line(session.who)}{_since(session)}{_waits(session)}"
    for gauge in now.gauges:
        yield f"progress: {_gauge(gauge)}{_rest(gauge, look)}"
    yield from _list("blocked by", now.in_the_way)
    yield from _list("waiting for the run", now.waiting)


def _list(label: str, sessions: tuple[SessionSeen, ...]) -> Iterator[str]:
    for session in sessions[:MOST]:
        doing = f": {on_one_line(session.doing)}" if session.doing else ""
        idle = ", idle in transaction" if session.state.startswith("idle in transaction") else ""
        yield f"{label}: {on_one_line(session.who)}{idle}{_since(session)}{doing}"
    if len(sessions) > MOST:
        yield f"{label}: and {len(sessions) - MOST} more"


def _since(session: SessionSeen) -> str:
    return "" if session.seconds is None else f", for {phrases.millis(round(max(session.seconds, 0)) * 1000)}"


def _waits(session: SessionSeen) -> str:
    return f", waits ({on_one_line(session.waits_for)})" if session.waits_for.startswith("Lock") else ""


def _gauge(gauge: Gauge) -> str:
    """`CREATE INDEX, building index: scanning table, 42 % of 1,204 blocks`."""
    relation = f" on {on_one_line(gauge.relation)}" if gauge.relation else ""
    what = f"{gauge.command}{relation}, {on_one_line(gauge.phase)}"
    bytes_ = gauge.unit == "bytes"
    done, total = ((phrases.size(n) if bytes_ else f"{n:,} {gauge.unit}") for n in (gauge.done, gauge.total))
    if gauge.percent is not None:
        return f"{what}, {gauge.percent} % of {total}"
    return f"{what}, {done}" if gauge.done else what


def _rest(gauge: Gauge, look: Look) -> str:
    rest = look.rest(gauge)
    if rest is None:
        return ""
    rate = phrases.size(round(rest.rate)) if gauge.unit == "bytes" else f"{rest.rate:,.0f} {gauge.unit}"
    left = f", about {phrases.millis(round(rest.seconds) * 1000)} left in this phase" if rest.seconds else ""
    return f", {rate} a second{left}"


def activity_data(look: Look | None) -> dict[str, Any] | None:
    """What a run is doing, as a JSON object. None without a run."""
    if look is None:
        return None
    now = look.now
    return {
        "at": now.at.isoformat(),
        "actor": now.holder.actor or None,
        "run_url": now.holder.run_url or None,
        "user": now.holder.user or None,
        "pid": now.holder.pid,
        "since": (begun := now.since or now.holder.began) and begun.isoformat(),
        "seconds_since_report": now.holder.silent,
        "plan": now.plan or None,
        "step": now.holder.step or None,
        "sessions": [_session(each) for each in now.sessions],
        "progress": [_gauge_data(gauge, look) for gauge in now.gauges],
        "in_the_way": [_session(each) for each in now.in_the_way],
        "waiting": [_session(each) for each in now.waiting],
        "not_visible": list(now.unseen),
    }


def _session(session: SessionSeen) -> dict[str, Any]:
    return {
        "pid": session.pid or None,
        "application": session.application or None,
        "user": session.user or None,
        "state": session.state or None,
        "seconds": session.seconds,
        "statement": session.doing or None,
        "waits_for": session.waits_for or None,
        "blocked_by": list(session.blocked_by),
    }


def _gauge_data(gauge: Gauge, look: Look) -> dict[str, Any]:
    rest = look.rest(gauge)
    return {
        "pid": gauge.pid,
        "command": gauge.command,
        "relation": gauge.relation or None,
        "phase": gauge.phase,
        "unit": gauge.unit,
        "done": gauge.done,
        "total": gauge.total or None,
        "rate": rest.rate if rest else None,
        "seconds_left": rest.seconds if rest else None,
    }

"""What is shown of a query of another session: its shape, without literals, in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.activity.blocker import (
    LONGEST_SHAPE,
    MOST_SHOWN,
    Blocker,
    blockers_text,
    is_backup,
    kind_of,
    shape_of,
)

ANA = Blocker(123, "psql", "ana", 12.4, "active", "select 7", "public.t", "AccessShareLock", granted=True)


def test_a_query_is_shown_on_one_line_without_literals_or_comments() -> None:
    assert shape_of("select *\n  from t /* anna */ where name = 'Anna' and n = 7 -- hers") == (
        "select * from t where name = ? and n = ?"
    )


def test_a_long_query_is_cut_to_the_longest_that_is_shown() -> None:
    fits = "x" * LONGEST_SHAPE
    assert shape_of(fits) == fits
    cut = shape_of(fits + "y")
    assert (len(cut), cut[-2:]) == (LONGEST_SHAPE, "x…")


def test_a_session_is_described_by_what_it_has_and_does() -> None:
    assert ANA.text == (
        "backend 123, psql, user ana, holds AccessShareLock on public.t, transaction open for 12 s: select ?"
    )
    waits = replace(ANA, granted=False, seconds=None, query="", application="", user="")
    assert waits.text == "backend 123, no application name, user unknown, waits for AccessShareLock on public.t"
    idle = replace(ANA, state="idle in transaction (aborted)", query="")
    assert idle.text.endswith("transaction open for 12 s, idle in transaction")
    assert replace(ANA, pid=None).text.startswith("a prepared transaction (see pg_prepared_xacts), holds ")


@pytest.mark.parametrize(
    ("application", "query", "kind"),
    [
        ("pg_dump", "", " (this is pg_dump: a backup)"),
        ("pg_basebackup", "", " (this is a backup)"),
        ("ctgitops backup", "", " (this is a backup)"),
        ("ctgitops/002", "", " (this is ctgitops)"),
        ("", "autovacuum: VACUUM t (to prevent wraparound)", " (this is autovacuum to prevent wraparound)"),
        ("", "autovacuum: VACUUM ANALYZE t", " (this is autovacuum)"),
        ("psql", "select 'autovacuum:'", ""),
    ],
)
def test_the_kind_of_a_session(application: str, query: str, kind: str) -> None:
    who = replace(ANA, application=application, query=query)
    assert kind_of(who) == kind
    assert kind in who.text
    assert is_backup(application) is ("backup" in kind)


def test_a_long_list_is_shortened() -> None:
    assert blockers_text(()) == ""
    many = (ANA,) * MOST_SHOWN
    assert blockers_text(many) == "\n".join([ANA.text] * MOST_SHOWN)
    assert blockers_text((*many, ANA, ANA)).splitlines()[MOST_SHOWN:] == ["and 2 more"]

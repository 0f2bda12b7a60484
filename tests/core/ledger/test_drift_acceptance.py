"""Accepted differences: what is written into the ledger is what is read from it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.drift_acceptance import NAME, accepted_in, changes_from, changes_text
from ctgitops.core.ledger.ledger import Entry, Mark
from ctgitops.core.schema.compare import Added, Altered, Changes, Removed
from ctgitops.core.schema.snapshot import SchemaObject
from tests.fakes import chained, entry, migration

OBJECTS = st.builds(
    SchemaObject,
    st.sampled_from(["table", "column"]),
    st.text(max_size=5),
    st.text(max_size=3),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
CHANGES = st.lists(
    st.builds(Added, OBJECTS) | st.builds(Removed, OBJECTS) | st.builds(Altered, OBJECTS, OBJECTS), max_size=4
).map(tuple)


@given(CHANGES)
def test_changes_are_read_as_they_were_written(changes: Changes) -> None:
    assert changes_from(changes_text(changes)) == changes


@given(CHANGES, CHANGES)
def test_every_acceptance_counts_and_nothing_else_in_the_ledger(one: Changes, other: Changes) -> None:
    accepted = Entry(Mark.BASELINED, NAME, sql=changes_text(one))
    text = changes_text(other)
    assert accepted_in(chained(accepted, replace(accepted, sql=text))) == one + other
    unrelated = (
        replace(accepted, mark=Mark.APPLIED, sql=text),
        replace(accepted, name="other", sql=text),
        replace(accepted, number=1, sql=text),
        entry(migration("001_one")),
        replace(accepted, sql=None),
    )
    assert accepted_in(chained(*unrelated, accepted)) == one

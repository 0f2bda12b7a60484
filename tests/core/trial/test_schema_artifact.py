"""A schema artifact gives the same description of a database again, or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.schema.source_database import Locale, Membership, Role, SourceDatabase
from ctgitops.core.trial.schema_artifact import TargetSchema, artifact_text, target_from
from ctgitops.errors import UsageError

ORIGINAL = SourceDatabase(
    "app",
    16,
    "create table t ();",
    (Role("app", member_of=(Membership("other", admin=True, inherits=None, grantor="app"),)), Role("other")),
    settings=(("", "search_path", "a, b"),),
    extensions={"postgis": "3.4"},
    locale=Locale("i", icu="de"),
    databases=frozenset({"a", "b"}),
    grants=(("app", "CREATE", True),),
    populated=("public.view",),
)
LEDGER = Ledger().with_entries(
    Entry(Mark.APPLIED, "001_a", 1, "1.0.0", "sha256:1"), Entry(Mark.APPLIED, "seeds/a.sql", checksum="sha256:2")
)
TEXT = artifact_text("staging", TargetSchema(ORIGINAL, LEDGER, {"public.t": {"a": (0.1, -1.0)}}))


def read(text: str) -> TargetSchema:
    return target_from(text, "schema.json", "staging", ())


def test_an_artifact_describes_the_same_database() -> None:
    found = read(TEXT)
    assert found.original == ORIGINAL
    assert artifact_text("staging", found) == TEXT


@given(st.text())
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"schema\.json is not a schema artifact"):
        read(text)


@given(
    st.sampled_from(sorted(json.loads(TEXT)["database"])),
    st.none() | st.integers(2) | st.text() | st.lists(st.none(), min_size=1),
)
def test_an_edited_artifact_is_refused(key: str, value: object) -> None:
    document: dict[str, Any] = json.loads(TEXT)
    if document["database"][key] == value:
        return
    document["database"][key] = value
    with pytest.raises(UsageError, match=r"schema\.json was changed after"):
        read(json.dumps(document))

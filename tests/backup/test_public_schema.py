"""The schema `public` has the owner and the privileges that it had, or who restores is told what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.backup.scene import Scene
from tests.servers import fetch, programs_for_tests, run

PUBLIC = "select nspowner::regrole::text, nspacl::text from pg_namespace where nspname = 'public'"


@pytest.fixture
def app(quick: Scene) -> str:
    """A role that owns the database, and one that may only use the schema."""
    name = urlsplit(quick.url).path.strip("/")
    run(
        quick.url,
        f"""create role app_{name} login; create role reader_{name}; alter database {name} owner to app_{name};
            create table t (a int); alter table t owner to app_{name}; alter schema public owner to app_{name};
            revoke all on schema public from public; grant usage on schema public to reader_{name}""",
    )
    return f"app_{name}"


def restored_as(role: str, quick: Scene, target: str) -> list[str]:
    run(target, f"alter database {urlsplit(target).path.strip('/')} owner to {role}")
    said = len(quick.said)
    quick.restore(quick.take(), target.replace("postgres@", f"{role}@"))
    return [words for words in quick.said[said:] if " of schema public differ from " in words]


def test_a_restore_by_the_role_that_owned_it_gives_it_back(
    quick: Scene, app: str, make_database: Callable[[], str]
) -> None:
    """Before PostgreSQL 15 a new database's `public` belongs to the bootstrap superuser, who alone can give it away."""
    target = make_database()
    said = restored_as(app, quick, target)
    assert len(said) == (0 if programs_for_tests().major >= 15 else 1)
    for words in said:
        run(target, re.split("run as a superuser: ", words)[1])
    assert fetch(target, PUBLIC) == fetch(quick.url, PUBLIC)


def test_a_restore_by_another_role_says_what_a_superuser_has_to_run(
    quick: Scene, app: str, make_database: Callable[[], str]
) -> None:
    target, other = make_database(), f"other_{app}"
    run(target, f"create role {other} login")
    [words] = restored_as(other, quick, target)
    assert fetch(target, PUBLIC) != fetch(quick.url, PUBLIC)
    run(target, re.split("run as a superuser: ", words)[1])
    assert fetch(target, PUBLIC) == fetch(quick.url, PUBLIC)


def test_where_it_is_not_ours_to_change_its_privileges_are_named(
    quick: Scene, app: str, make_database: Callable[[], str]
) -> None:
    """As on every server before 15, where `public` belongs to the superuser who made the cluster."""
    target = make_database()
    run(target, "alter schema public owner to postgres; grant all on schema public to public")
    [words] = restored_as(app, quick, target)
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC;" in words
    run(target, re.split("run as a superuser: ", words)[1])
    assert fetch(target, PUBLIC) == fetch(quick.url, PUBLIC)

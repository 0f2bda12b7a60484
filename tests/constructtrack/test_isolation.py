"""Row-level security: who can read and change what, read from the catalog, so that future tables are tested too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, cast
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

ROOT = Path(__file__).parents[2]
NORTH = "d0000000-0000-4000-8000-000000000001"
SOUTH = "d0000000-0000-4000-8000-000000000002"
STRANGER = "0badc0de-0000-4000-8000-000000000000"
WRITING = ("INSERT", "UPDATE", "DELETE")
Connection = psycopg.Connection[tuple[Any, ...]]


def person(organisation: int, role: str) -> str:
    roles = ("owner", "admin", "manager", "technician", "viewer")
    return f"d0000{organisation}00-0000-4000-8000-{roles.index(role) + 1:012x}"


@pytest.fixture
def owner_of_all(constructtrack_url: str) -> Iterator[Connection]:
    """Two organisations of the development seeds, seen by the owner of the tables."""
    with psycopg.connect(constructtrack_url, autocommit=True) as connection:
        for seed in sorted((ROOT / "seeds/development").glob("*.sql")):
            connection.execute(seed.read_bytes())
        yield connection


@contextmanager
def acting_as(connection: Connection, claims: str | None) -> Iterator[Connection]:
    """As the API does it: role and claims for one transaction, which leaves no trace here."""
    with connection.transaction(force_rollback=True):
        if claims is not None:
            connection.execute("SELECT set_config('request.jwt.claims', %s, true)", (claims,))
        connection.execute("SET LOCAL ROLE authenticated")
        yield connection


def claims_of(user: str) -> str:
    return json.dumps({"sub": user, "role": "authenticated"})


def one(connection: Connection, query: LiteralString | sql.Composed, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def public_tables(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
    )
    return [name for (name,) in rows]


def tenant_tables(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname = 'organisation_id' AND NOT a.attisdropped ORDER BY 1"
    )
    return [name for (name,) in rows]


def statement(text: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(text).format(table=sql.Identifier("public", table))


def row_of(connection: Connection, table: str, organisation: str) -> dict[str, Any]:
    query = statement("SELECT to_jsonb(t) FROM {table} AS t WHERE organisation_id = %s ORDER BY id LIMIT 1", table)
    return cast(dict[str, Any], one(connection, query, organisation))


def rows_of(connection: Connection, table: str, organisation: str) -> int:
    query = statement("SELECT count(*) FROM {table} WHERE organisation_id = %s", table)
    return cast(int, one(connection, query, organisation))


def copy_row(connection: Connection, table: str, row: dict[str, Any], changes: dict[str, Any]) -> None:
    stored = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        (f"public.{table}",),
    )
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in stored.fetchall())
    query = sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s)")
    connection.execute(
        query.format(table=sql.Identifier("public", table), columns=columns),
        (json.dumps({**row, "id": str(uuid4()), **changes}),),
    )


def test_every_table_that_users_can_reach_has_row_level_security(owner_of_all: Connection) -> None:
    unprotected = owner_of_all.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND NOT relrowsecurity"
    ).fetchall()
    assert unprotected == []
    assert len(tenant_tables(owner_of_all)) >= 12


def test_every_tenant_table_has_rows_of_both_organisations_to_test_with(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        query = statement("SELECT count(DISTINCT organisation_id) FROM {table}", table)
        assert one(owner_of_all, query) == 2, f"seeds/development has no rows of both organisations in {table}"


@pytest.mark.parametrize(("organisation", "number"), [(NORTH, 1), (SOUTH, 2)])
def test_an_owner_sees_all_rows_of_the_own_organisation_and_none_of_another(
    owner_of_all: Connection, organisation: str, number: int
) -> None:
    for table in tenant_tables(owner_of_all):
        expected = rows_of(owner_of_all, table, organisation)
        with acting_as(owner_of_all, claims_of(person(number, "owner"))) as user:
            seen = user.execute(statement("SELECT organisation_id::text FROM {table}", table)).fetchall()
        assert seen == [(organisation,)] * expected, table


def test_names_of_organisations_and_people_stay_within_the_organisation(owner_of_all: Connection) -> None:
    with acting_as(owner_of_all, claims_of(person(1, "viewer"))) as user:
        assert user.execute("SELECT id::text FROM organisations").fetchall() == [(NORTH,)]
        people = {str(identity) for (identity,) in user.execute("SELECT id FROM users")}
    assert people == {person(1, role) for role in ("owner", "admin", "manager", "technician", "viewer")}


# A statement that reads no column is checked by the policies for writing alone; one with WHERE is also checked by those
# for reading, which would hide a hole.
def test_a_blind_update_reaches_all_own_rows_of_every_table_and_no_others(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        column = sql.Identifier("revoked_at" if table == "member_invitations" else "updated_at")
        query = sql.SQL("UPDATE {table} SET {column} = now()").format(
            table=sql.Identifier("public", table), column=column
        )
        expected = rows_of(owner_of_all, table, NORTH)
        with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user:
            assert user.execute(query).rowcount == expected, table


def test_a_blind_delete_reaches_all_own_rows_of_every_table_and_no_others(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        expected = rows_of(owner_of_all, table, NORTH)
        with owner_of_all.transaction(force_rollback=True):
            owner_of_all.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not the question
            with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user:
                assert user.execute(statement("DELETE FROM {table}", table)).rowcount == expected, table


def test_nobody_writes_a_row_into_another_organisation(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        theirs = row_of(owner_of_all, table, SOUTH)
        with (
            acting_as(owner_of_all, claims_of(person(1, "owner"))) as user,
            pytest.raises(errors.InsufficientPrivilege),
        ):
            copy_row(user, table, theirs, {})


def test_nobody_moves_a_row_into_another_organisation(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        query = statement("UPDATE {table} SET organisation_id = %s", table)
        with (
            acting_as(owner_of_all, claims_of(person(1, "owner"))) as user,
            pytest.raises(errors.InsufficientPrivilege),
        ):
            user.execute(query, (SOUTH,))


def test_nobody_updates_or_deletes_a_row_of_another_organisation(owner_of_all: Connection) -> None:
    for table in tenant_tables(owner_of_all):
        column = "revoked_at" if table == "member_invitations" else "updated_at"
        update = sql.SQL("UPDATE {table} SET {column} = NULL WHERE organisation_id = %s").format(
            table=sql.Identifier("public", table), column=sql.Identifier(column)
        )
        with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user:
            assert user.execute(update, (SOUTH,)).rowcount == 0, table
            delete = statement("DELETE FROM {table} WHERE organisation_id = %s", table)
            assert user.execute(delete, (SOUTH,)).rowcount == 0, table


def test_a_viewer_writes_nothing(owner_of_all: Connection) -> None:
    viewer = person(1, "viewer")
    authors = ("uploaded_by", "inspector_id", "measured_by", "submitted_by", "invited_by", "assigned_to")
    for table in tenant_tables(owner_of_all):
        own = row_of(owner_of_all, table, NORTH)
        signed = {column: viewer for column in authors if column in own}
        with acting_as(owner_of_all, claims_of(viewer)) as user, pytest.raises(errors.InsufficientPrivilege):
            copy_row(user, table, own, signed)
        column = sql.Identifier("revoked_at" if table == "member_invitations" else "updated_at")
        update = sql.SQL("UPDATE {table} SET {column} = now()")
        with acting_as(owner_of_all, claims_of(viewer)) as user:
            composed = update.format(table=sql.Identifier("public", table), column=column)
            assert user.execute(composed).rowcount == 0, table
            assert user.execute(statement("DELETE FROM {table}", table)).rowcount == 0, table


@pytest.mark.parametrize(
    "claims",
    [None, "", "{}", '{"sub": null}', '{"sub": "anonymous"}', claims_of(STRANGER)],
    ids=["no claims", "empty claims", "no subject", "null subject", "subject that is no uuid", "unknown subject"],
)
def test_who_is_no_member_sees_no_row_of_anybody(owner_of_all: Connection, claims: str | None) -> None:
    catalogues = {"cable_types", "work_order_types", "inspection_templates", "feature_flags"}
    signed_in = claims == claims_of(STRANGER)
    with acting_as(owner_of_all, claims) as user:
        for table in public_tables(owner_of_all):
            visible = one(user, statement("SELECT count(*) FROM {table}", table))
            assert (visible > 0) == (signed_in and table in catalogues), table


def test_claims_that_are_no_json_are_an_error_and_not_a_person(owner_of_all: Connection) -> None:
    with acting_as(owner_of_all, "sub=owner") as user, pytest.raises(errors.InvalidTextRepresentation):
        user.execute("SELECT count(*) FROM projects")


def test_who_has_left_an_organisation_sees_nothing_of_it(owner_of_all: Connection) -> None:
    technician = person(1, "technician")
    owner_of_all.execute("UPDATE organisation_members SET left_at = now() WHERE user_id = %s", (technician,))
    with acting_as(owner_of_all, claims_of(technician)) as user:
        for table in tenant_tables(owner_of_all):
            assert one(user, statement("SELECT count(*) FROM {table}", table)) == 0, table
        assert user.execute("SELECT id::text FROM users").fetchall() == [(technician,)]


def test_functions_that_read_tables_keep_to_the_own_organisation(owner_of_all: Connection) -> None:
    world = "box '((-180,-90),(180,90))'"
    route = row_of(owner_of_all, "cable_routes", SOUTH)["id"]
    with acting_as(owner_of_all, claims_of(person(1, "viewer"))) as user:
        kinds = user.execute(f"SELECT DISTINCT kind, organisation_id::text FROM map_features({world}) ORDER BY 1")
        assert kinds.fetchall() == [(kind, NORTH) for kind in ("cable_route", "photo", "project", "work_order")]
        assert user.execute("SELECT organisation_id::text FROM project_progress()").fetchall() == [(NORTH,)]
        assert user.execute("SELECT * FROM route_acceptance(%s)", (route,)).fetchall() == []
    with acting_as(owner_of_all, None) as nobody:
        assert nobody.execute(f"SELECT * FROM map_features({world})").fetchall() == []
    with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user, pytest.raises(errors.InsufficientPrivilege):
        user.execute("SELECT * FROM app.organisation_usage")


def test_a_foreign_key_between_organisations_cannot_be_made(owner_of_all: Connection) -> None:
    own = row_of(owner_of_all, "work_orders", NORTH)
    their_project = row_of(owner_of_all, "projects", SOUTH)["id"]
    with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user, pytest.raises(errors.ForeignKeyViolation):
        copy_row(user, "work_orders", own, {"reference": "WO-9999", "project_id": their_project})
    loose = owner_of_all.execute(
        "SELECT k.conname FROM pg_constraint AS k"
        " JOIN pg_attribute AS m ON m.attrelid = k.conrelid AND m.attname = 'organisation_id'"
        " JOIN pg_attribute AS t ON t.attrelid = k.confrelid AND t.attname = 'organisation_id'"
        " WHERE k.contype = 'f' AND NOT m.attnum = ANY (k.conkey)"
    ).fetchall()
    assert loose == []


def test_a_technician_works_on_own_orders_only_and_cannot_hand_them_over(owner_of_all: Connection) -> None:
    with acting_as(owner_of_all, claims_of(person(1, "technician"))) as user:
        changed = user.execute("UPDATE work_orders SET description = 'see photo' RETURNING assigned_to::text")
        assert set(changed.fetchall()) == {(person(1, "technician"),)}
        with pytest.raises(errors.InsufficientPrivilege):
            user.execute("UPDATE work_orders SET assigned_to = %s", (person(1, "manager"),))


def test_an_admin_makes_no_owner_and_unmakes_none(owner_of_all: Connection) -> None:
    admin = claims_of(person(1, "admin"))
    with acting_as(owner_of_all, admin) as user, pytest.raises(errors.InsufficientPrivilege):
        user.execute("UPDATE organisation_members SET role = 'owner' WHERE user_id = %s", (person(1, "admin"),))
    with acting_as(owner_of_all, admin) as user:
        demoted = user.execute("UPDATE organisation_members SET role = 'viewer' WHERE role = 'owner'")
        assert demoted.rowcount == 0
        promoted = user.execute("UPDATE organisation_members SET role = 'manager' WHERE role = 'technician'")
        assert promoted.rowcount == 1


def test_the_last_owner_cannot_step_down(owner_of_all: Connection) -> None:
    with acting_as(owner_of_all, claims_of(person(1, "owner"))) as user, pytest.raises(errors.CheckViolation):
        user.execute("UPDATE organisation_members SET role = 'admin' WHERE role = 'owner'")


def test_only_the_invited_person_can_accept_an_invitation_and_only_once(owner_of_all: Connection) -> None:
    invited = str(uuid4())
    owner_of_all.execute(
        "INSERT INTO users (id, email, full_name) VALUES (%s, 'Nils.Berg@nordfiber.dev.example', 'Nils Berg')",
        (invited,),
    )
    accept: LiteralString = "SELECT accept_invitation('development token 1')"
    for other in (person(2, "technician"), STRANGER):
        with acting_as(owner_of_all, claims_of(other)) as user, pytest.raises(errors.InsufficientPrivilege):
            user.execute(accept)
    with acting_as(owner_of_all, claims_of(invited)) as user:
        assert one(user, "SELECT count(*) FROM projects") == 0
        assert str(one(user, accept)) == NORTH
        assert one(user, "SELECT count(*) FROM projects") == 1
        with pytest.raises(errors.InsufficientPrivilege):
            user.execute(accept)


def test_the_catalogues_are_not_for_users_to_change(owner_of_all: Connection) -> None:
    for table in ("cable_types", "work_order_types", "inspection_templates", "feature_flags"):
        for privilege in WRITING:
            query: LiteralString = "SELECT has_table_privilege('authenticated', %s, %s)"
            assert one(owner_of_all, query, f"public.{table}", privilege) is False


def test_the_version_of_the_schema_is_visible_to_users(owner_of_all: Connection) -> None:
    with acting_as(owner_of_all, claims_of(person(1, "viewer"))) as user:
        assert one(user, "SELECT schema_version()") == "2.1.1"

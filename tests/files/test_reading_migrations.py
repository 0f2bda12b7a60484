from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctgitops.core.fix import Rename
from ctgitops.core.workspace.workspace import problems_of, sql_problems_of
from ctgitops.errors import Place, WorkspaceError
from ctgitops.files.workspace import read_workspace
from ctgitops.sql.script import checksum_of
from tests.files.checkout import HEADER, Checkout


def test_a_missing_root_is_named_with_the_option_that_names_another(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        read_workspace(tmp_path / "nowhere")
    assert caught.value.what == f"the folder `{tmp_path}/nowhere` does not exist"
    assert caught.value.hint == "give the repository's root with `--root DIR`"


def test_a_missing_migrations_folder_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        read_workspace(tmp_path)
    assert caught.value.what == f"the folder `{tmp_path}/migrations` does not exist"
    assert (
        caught.value.hint == "run `ctgitops init` to create the folder, or give the repository's root with `--root DIR`"
    )


def test_an_empty_migrations_folder_is_an_empty_workspace(repo: Checkout) -> None:
    assert repo.read().migrations == ()
    assert repo.lines() == []


def test_a_migration_has_its_rollback_and_its_verify_queries(repo: Checkout) -> None:
    repo.write("migrations/001_users.sql", "CREATE TABLE users ();\n")
    repo.write("migrations/001_users.down.sql", "DROP TABLE users;\n")
    repo.write("migrations/001_users.verify.sql", "SELECT true;\n")
    workspace = repo.read()
    (migration,) = workspace.migrations
    assert (migration.number, migration.name, migration.path) == (1, "001_users", "migrations/001_users.sql")
    assert migration.checksum == checksum_of("CREATE TABLE users ();\n")
    assert migration.down
    assert migration.down.sql == "DROP TABLE users;\n"
    assert migration.verify
    assert migration.verify.path == "migrations/001_users.verify.sql"
    assert workspace.read_problems == ()


def test_p18_migrations_are_ordered_by_integer_and_widths_may_differ(repo: Checkout) -> None:
    for name in ("10_c", "9_b", "0008_a", "1000_d"):
        repo.write(f"migrations/{name}.sql")
    assert [m.number for m in repo.read().migrations] == [8, 9, 10, 1000]


def test_the_same_number_twice_is_kept_for_the_workspace_to_judge(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql")
    repo.write("migrations/1_b.sql")
    workspace = repo.read()
    assert [m.name for m in workspace.migrations] == ["001_a", "1_b"]
    assert [p.code for p in problems_of(workspace)] == ["duplicate-number"]


def test_p19_byte_order_mark_and_line_ends_do_not_change_a_checksum(repo: Checkout) -> None:
    text = HEADER.format(name="001_a", version="1.0.0")
    repo.write("migrations/001_a.sql", text)
    plain = repo.read().migrations[0]
    for other in (b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode()):
        repo.write("migrations/001_a.sql", other)
        read = repo.read().migrations[0]
        assert (read.checksum, read.up, read.header) == (plain.checksum, plain.up, plain.header)
    assert plain.header is not None


def test_a_required_header_is_missed_and_an_optional_one_is_read(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", HEADER.format(name="001_a", version="1.0.0"))
    repo.write("migrations/002_b.sql")
    workspace = repo.read()
    assert [m.header is None for m in workspace.migrations] == [False, True]
    assert workspace.read_problems == ()
    (repo.root / "migrations/policy.yaml").unlink()
    assert repo.lines() == [
        "migrations/002_b.sql:1: the migration has no header (add a header as `ctgitops new` writes it, or set "
        "`header: optional` in "
        "migrations/policy.yaml)"
    ]


def test_golang_migrate_names_are_read_as_they_are(repo: Checkout) -> None:
    repo.write("migrations/000001_users.up.sql", "CREATE TABLE users ();\n")
    repo.write("migrations/000001_users.down.sql", "DROP TABLE users;\n")
    (migration,) = repo.read().migrations
    assert (migration.number, migration.name, migration.path) == (1, "000001_users", "migrations/000001_users.up.sql")
    assert migration.down
    assert repo.lines() == []


def test_supabase_timestamps_are_numbers(repo: Checkout) -> None:
    repo.write("migrations/20260112093000_users.sql")
    assert repo.read().migrations[0].number == 20260112093000


def test_dbmate_sections_know_their_lines_and_options(repo: Checkout) -> None:
    text = (
        "-- a note\n\n-- migrate:up transaction:false\nSELECT 1;\nSELECT FROM FROM;\n\n"
        "-- migrate:down\nDROP TABLE t;\nCOMMIT;\n"
    )
    repo.write("migrations/20260112_users.sql", text)
    workspace = repo.read()
    (migration,) = workspace.migrations
    assert workspace.read_problems == ()
    assert migration.checksum == checksum_of(text)
    assert migration.up.sql.startswith("-- migrate:up transaction:false\nSELECT 1;")
    assert "DROP" not in migration.up.sql
    assert not migration.up.transactional
    assert migration.down
    assert migration.down.transactional
    places = [problem.place for problem in sql_problems_of(workspace)]
    assert places == [
        Place("migrations/20260112_users.sql", 5, 13),
        Place("migrations/20260112_users.sql", 9, 1),
    ]


def test_an_empty_dbmate_down_section_is_no_rollback(repo: Checkout) -> None:
    repo.write("migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n\n-- nothing\n")
    assert repo.read().migrations[0].down is None


def test_a_header_may_stand_around_dbmates_markers(repo: Checkout) -> None:
    header = HEADER.format(name="001_a", version="1.0.0")
    for text in (f"-- migrate:up\n{header}", header.replace("CREATE", "-- migrate:up\nCREATE")):
        repo.write("migrations/001_a.sql", text)
        workspace = repo.read()
        assert workspace.read_problems == ()
        assert workspace.migrations[0].header


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "SELECT 1;\n-- migrate:up\nSELECT 2;\n",
            ":1: SQL above the first section would not run (move the SQL below `-- migrate:up`)",
        ),
        (
            "-- migrate:down\nSELECT 2;\n",
            ":1: there is no section `-- migrate:up` (write a line `-- migrate:up` above the SQL to apply)",
        ),
        (
            "-- migrate:up\nSELECT 2;\n-- migrate:up\nSELECT 3;\n",
            ":3: a second section `-- migrate:up` (keep one section of each kind, or split the file into migrations)",
        ),
        (
            "-- migrate:up transaction:no\nSELECT 2;\n",
            ":1: option `transaction:no` of `-- migrate:up` is not supported (supported: `transaction:false`)",
        ),
        *(
            (
                f"-- migrate:up\nSELECT 1;\n{line}\nSELECT 2;\n",
                f":3: `{line.strip()}` looks like a dbmate marker, but is only a comment: the SQL below would run "
                "(write `-- migrate:down` at the beginning of the line)",
            )
            for line in (
                "-- migrate: down",
                "-- MIGRATE:DOWN",
                "  -- migrate:down",
                "-- migrate down transaction:false",
            )
        ),
    ],
)
def test_what_is_wrong_with_dbmate_sections_is_said(repo: Checkout, text: str, said: str) -> None:
    repo.write("migrations/1_a.sql", text)
    assert repo.lines() == [f"migrations/1_a.sql{said}"]


def test_a_mistyped_section_counts_without_any_other(repo: Checkout) -> None:
    repo.write("migrations/1_a.sql", "-- Migrate Up\nSELECT 1;\n-- Migrate Down\nSELECT 2;\n")
    assert [line.split(": ")[0] for line in repo.lines()] == ["migrations/1_a.sql:1", "migrations/1_a.sql:3"]


def test_words_that_resemble_a_section_in_prose_or_a_string_are_none(repo: Checkout) -> None:
    repo.write("migrations/1_a.sql", "-- migrate up to the new form\nSELECT '\n-- migrate: down\n';\n")
    assert repo.lines() == []


def test_a_migration_in_two_forms_is_refused(repo: Checkout) -> None:
    repo.write("migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n")
    repo.write("migrations/1_a.up.sql")
    repo.write("migrations/1_a.down.sql")
    assert repo.lines() == [
        "migrations/1_a.up.sql: `migrations/1_a.sql` and this file are the same migration (keep one of them)",
        "migrations/1_a.down.sql: `migrations/1_a.sql` also has a section `-- migrate:down` (keep one of them)",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "notes.sql",
            "`notes.sql` is not a valid migration name (rename the file to `NNN_descriptive_name.sql`, such as "
            "`008_notes.sql`, or move the file out of migrations/)",
        ),
        (
            "1-foo.sql",
            "`1-foo.sql` is not a valid migration name (rename the file to `NNN_descriptive_name.sql`, such as "
            "`001_foo.sql`, or move the file out of migrations/)",
        ),
        ("001_a.SQL", "the file extension `.SQL` is not in lower case (change the file extension to `.sql`)"),
        ("001_a.Up.sql", "the file extension `.Up.sql` is not in lower case (change the file extension to `.up.sql`)"),
        (
            "9223372036854775808_a.sql",
            "number 9223372036854775808 is larger than 9223372036854775807 (number migrations 001, 002, … "
            "or by timestamp)",
        ),
    ],
)
def test_a_name_of_no_known_form_is_told_the_expected_one(repo: Checkout, name: str, said: str) -> None:
    repo.write(f"migrations/{name}")
    assert repo.lines() == [f"migrations/{name}: {said}"]


def test_the_largest_number_is_read_and_a_number_of_a_thousand_digits_is_refused(repo: Checkout) -> None:
    repo.write("migrations/9223372036854775807_a.sql")
    repo.write(f"migrations/{'9' * 200}_a.sql")
    assert [m.number for m in repo.read().migrations] == [2**63 - 1]
    assert len(repo.lines()) == 1


def test_a_file_that_only_wants_another_name_is_told_which(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", "select 1;")
    repo.write("migrations/002_b.SQL", "select 1;")
    repo.write("migrations/001_A.down.sql", "select 1;")
    repo.write("migrations/009_x.down.sql", "select 1;")
    found = {p.code: p.fix for p in repo.read().read_problems if p.fix}
    assert found == {
        "file-name": Rename("migrations/002_b.SQL", "migrations/002_b.sql"),
        "orphan": Rename("migrations/001_A.down.sql", "migrations/001_a.down.sql"),
    }


def test_orphans_are_told_where_they_may_belong(repo: Checkout) -> None:
    repo.write("migrations/001_users.sql")
    repo.write("migrations/001_user.down.sql")
    repo.write("migrations/002_gone.verify.sql")
    assert repo.lines() == [
        "migrations/001_user.down.sql: the migration `001_user.sql` of this file does not exist "
        "(rename this file to `001_users.down.sql` if it belongs to `001_users.sql`, or remove it)",
        "migrations/002_gone.verify.sql: the migration `002_gone.sql` of this file does not exist "
        "(add `migrations/002_gone.sql`, or remove this file)",
    ]


def test_other_files_and_dotfiles_are_passed_over(repo: Checkout) -> None:
    for name in ("README.md", ".hidden.sql", "001_a.sql~", "001_a.sql.orig"):
        repo.write(f"migrations/{name}", b"\xff\xfe")
    assert repo.lines() == []


def test_a_sub_folder_is_not_read_and_says_so(repo: Checkout) -> None:
    repo.write("migrations/old/001_a.sql")
    repo.write("migrations/pictures/a.png")
    problems = repo.read().read_problems
    assert [p.what for p in problems] == [
        "folder `migrations/old` is not read",
        "folder `migrations/pictures` is not read",
    ]
    assert [p.blocks for p in problems] == [True, False]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "V1__init.sql",
            "`V1__init.sql` has the name of a Flyway or refinery file (rename the file to `001_init.sql`)",
        ),
        ("V2.1__more-words.sql", "(rename the file to `NNN_more_words.sql`, with numbers in version order)"),
        ("U1__init.sql", "(rename the file to `001_init.down.sql`)"),
        (
            "R__views.sql",
            "repeatable Flyway file (move it to the folder `repeatable` in the folder of the migrations)",
        ),
        (
            "001.do.users.sql",
            "`001.do.users.sql` has the name of a postgrator file (rename the file to `001_users.sql`)",
        ),
        ("001.undo.users.sql", "(rename the file to `001_users.down.sql`)"),
    ],
)
def test_a_name_of_another_tool_is_told_as_that_with_the_name_to_give(repo: Checkout, name: str, said: str) -> None:
    repo.write(f"migrations/{name}")
    (found,) = repo.lines()
    assert said in found


@pytest.mark.parametrize("back", ["001_users_down", "001_users.rollback", "001_users-undo", "001_users.revert"])
def test_a_rollback_under_another_tools_name_is_never_a_migration(repo: Checkout, back: str) -> None:
    repo.write("migrations/policy.yaml", "header: optional\n")
    repo.write("migrations/001_users.sql")
    repo.write("migrations/001_shut_down.sql")
    repo.write(f"migrations/{back}.sql")
    workspace = repo.read()
    assert [m.name for m in workspace.migrations] == ["001_shut_down", "001_users"]
    (problem,) = workspace.read_problems
    assert problem.hint == "rename the file to `001_users.down.sql`"
    assert problem.fix == Rename(f"migrations/{back}.sql", "migrations/001_users.down.sql")


def test_a_folder_of_another_tool_says_where_its_files_belong(repo: Checkout) -> None:
    repo.write("migrations/2024-01-02-030405_add_users/up.sql")
    repo.write("migrations/20240102030406_more/migration.sql")
    repo.write("migrations/default/1_a/x.sql")
    problems = repo.read().read_problems
    assert [p.blocks for p in problems] == [True, True, True]
    assert [p.hint for p in problems][:2] == [
        "move its `up.sql` to `20240102030405_add_users.sql` and its `down.sql` to `20240102030405_add_users.down.sql`",
        "move its `migration.sql` to `20240102030406_more.sql`",
    ]


def test_an_empty_file_is_a_problem_of_its_own(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", "")
    assert [p.code for p in sql_problems_of(repo.read())] == ["empty-file"]


def test_a_file_that_cannot_be_read_leaves_no_gap(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql")
    repo.write("migrations/002_b.sql", b"\0")
    repo.write("migrations/003_c.sql")
    assert [p.code for p in problems_of(repo.read())] == ["encoding"]


def test_a_sub_folder_that_cannot_be_listed_may_hold_sql(repo: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("migrations/old/001_a.sql")
    real = os.scandir

    def listed(path: os.PathLike[str] | str) -> object:
        if str(path).endswith("/old"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", listed)
    assert [(p.code, p.blocks) for p in repo.read().read_problems] == [("sub-folder", True)]


@pytest.mark.parametrize("name", ["002_two.sql.txt", "002_two.txt", "002_two.SQL.TXT", "002_two.psql", "2_two.pgsql"])
def test_a_file_that_was_meant_as_a_migration_is_not_passed_over_in_silence(repo: Checkout, name: str) -> None:
    repo.write("migrations/001_one.sql", f"{HEADER}select 1;\n")
    repo.write(f"migrations/{name}", "select 2;\n")
    repo.write("migrations/README.txt", "notes\n")
    (problem,) = (p for p in read_workspace(repo.root).read_problems if p.code == "file-name")
    assert (problem.blocks, problem.place) == (False, Place(f"migrations/{name}"))
    assert f"`{name}` is not read" in problem.what
    assert f"rename it to `{name.split('.', maxsplit=1)[0]}.sql`" in problem.hint

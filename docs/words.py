"""Descriptions that the code does not contain (problems, gates, columns), for `docs/generate.py`."""

from __future__ import annotations

PROBLEMS: dict[str, tuple[str, str]] = {
    "already-there": (
        "What pending migrations create is in the database already, and no ledger says that they ran.",
        "`ctgitops baseline --env NAME --at NNN` takes the database over; the hint has the number.",
    ),
    "rows-not-looked-at": (
        "Nobody could look whether rows of the target make a migration fail; it says why.",
        "Look by hand before it is applied.",
    ),
    "violating-rows": (
        "Rows of the target would make a migration fail: they violate what it demands.",
        "Correct those rows, or begin a migration that does and goes before it: `ctgitops new … --before NUMBER`. "
        "Where the same plan may change them, it only warns.",
    ),
    "after": ("`after` does not name an environment, or goes in a circle.", "Correct the manifest."),
    "before": (
        "The line `-- ctgitops: before …` of a migration names none, one that does not exist, or one of a "
        "higher number.",
        "Name a migration of a lower number, or remove the line.",
    ),
    "failed-run": (
        "`status` alone, a failed check: the last run failed, and nothing was applied, rolled back or repaired since.",
        "Follow the help of that run; apply tries it again.",
    ),
    "band": ("Bands overlap, or a number is in none.", "Correct `migrations/policy.yaml`, or renumber the file."),
    "beyond-target": (
        "The database has migrations beyond the target.",
        "Nothing, or `ctgitops rollback`: apply never goes back.",
    ),
    "clash": (
        "Another open pull request adds a migration with the same number, schema version or name.",
        "Merge one; then `ctgitops new --renumber` the other.",
    ),
    "client-copy": (
        "`COPY` from or to the client, which only psql can do.",
        "Use `INSERT … VALUES`; a dump has them with `pg_dump --inserts`.",
    ),
    "conflict-marker": (
        "A conflict marker of git (`<<<<<<<`, `=======`, `>>>>>>>`) is in a migration, seed, manifest or policy.",
        "Keep the lines that are right, and delete the markers.",
    ),
    "invisible-character": (
        "A character that shows as nothing or as a space, such as a no-break space or a zero-width space, or a "
        "typographic quotation mark, is in the SQL, where PostgreSQL reads it as part of a name. In strings, "
        "comments and quoted names it is legal. It "
        "blocks where the file cannot be parsed, and is a warning otherwise; so is a bidirectional control anywhere.",
        "Write a space instead, or delete it; the message names its code point, line and column.",
    ),
    "other-tool": (
        "A comment is a mark of another migration tool (goose, tern, sqitch, Liquibase, sql-migrate, node-pg-migrate, "
        "graphile-migrate, sqlx, Atlas, yoyo, Flyway, MyBatis, …), which changes what of the file runs. As plain SQL a "
        "file with both directions would undo itself.",
        "Move the way back into the `.down.sql` file, and delete the marks, as the hint says.",
    ),
    "placeholder": (
        "A placeholder of Flyway or a template (`${name}`, `{{ name }}`), or a psql variable (`:name`).",
        "Write the value in its place.",
    ),
    "copied-database": (
        "A URL leads to a copy of another environment's database, such as staging restored from production's dump.",
        'Where that is meant: `ctgitops repair --adopt --env NAME --reason "…"`.',
    ),
    "dependency": (
        "A migration depends on one that does not exist, comes later, is itself, or is not in this plan.",
        "Name lower numbers only; move the target so that it includes both.",
    ),
    "duplicate-environment": ("Two manifests name the same environment.", "Keep one of them."),
    "duplicate-number": (
        "Two migrations have one number.",
        "`ctgitops new --renumber FILE` for the one that is named: neither a ledger nor the base branch has it.",
    ),
    "edited": (
        "A file was changed after it was applied; a diff against the ledger's text is shown.",
        "Restore the file and put the change into a new migration.",
    ),
    "empty-file": ("A file holds no statement.", "Write its SQL, or remove the file."),
    "encoding": ("A file is not UTF-8 text.", "Save it as UTF-8."),
    "environment-name": ("A manifest's file is not called after its environment.", "Rename one of the two."),
    "fails": (
        "A migration does not run on a throw-away copy of the environment's schema, with PostgreSQL's error.",
        "Correct the file: it would fail in the real database too. Where another environment has it: correct what is "
        "in its way in this one.",
    ),
    "file-name": (
        "A file is not named as a migration, seed or manifest is.",
        "Rename it as the hint says, or move it away.",
    ),
    "header-field": ("A header field is missing, unknown, empty or given twice.", "Correct the header."),
    "header-missing": ("A migration has no header.", "Write one, or set `header: optional` in the policy."),
    "header-name": ("The header names another migration than the file.", "Make them agree."),
    "header-order": ("Header fields are out of order.", "Put them in the order that the hint shows."),
    "header-value": ("A header field's value is not understood.", "Write it as the hint shows."),
    "irreversible": (
        "A migration has no rollback SQL. In a plan a warning; it blocks a rollback.",
        "Do by hand what its header says and `ctgitops repair`, or bring back the backup.",
    ),
    "health-query": (
        "`health.query` in a manifest is not one or several SELECTs.",
        "Write a SELECT that returns true while all is well.",
    ),
    "invalid-index": (
        "`verify`: an index is INVALID, such as one whose building was interrupted.",
        "Build it again: `REINDEX INDEX CONCURRENTLY`.",
    ),
    "ledger-tampered": (
        "An entry of the ledger does not continue the hash chain.",
        "Find out who changed the ledger and what, before anything else.",
    ),
    "mentioned-in-code": (
        "The repository's code still mentions a table, a view or a column that a pending migration drops or renames.",
        "Ship code that does without it first; for a rename, keep both names for a while.",
    ),
    "not-analysed": (
        "An analysis of the SQL ended with an unexpected error, a bug of ctgitops; what is unknown is named. It blocks "
        "where it is unknown how the SQL must be run; otherwise `check` and `plan` end with 1.",
        "Report it, and review the statement by hand; where it blocks, split the file or write it in a simpler form.",
    ),
    "not-as-predicted": (
        "The schema of an environment is not what an apply predicted, or its run was ended before it looked. It only "
        "warns there; what comes `after` that environment waits.",
        '`ctgitops drift`, put it right, `ctgitops repair --as-it-is --reason "…"`; where nobody looked, apply again.',
    ),
    "missing": (
        "The database has a migration whose file was removed, or is newer than this checkout.",
        "Restore the file, or use a newer checkout.",
    ),
    "missing-key": ("A manifest or policy lacks a required key.", "Add it."),
    "moved-database": (
        "An environment's ledger was made in another database than the one where it stands: a copy, or it moved.",
        'Correct the secret; where it moved: `ctgitops repair --adopt --env NAME --reason "…"`.',
    ),
    "not-a-file": ("A folder, a pipe or a device stands where a file should.", "Put a plain file in its place."),
    "no-row-security": (
        "`verify`, a warning: a table of an exposed schema has no row-level security.",
        "Enable it, or say in `exposed_schemas` of the policy which schemas are exposed.",
    ),
    "not-searched": (
        "A pending migration drops or renames something, and whether code still uses it could not be seen.",
        "Search for it yourself.",
    ),
    "no-ledger": (
        "`verify`: the database has no ledger, or an empty one, so there is nothing to verify it against.",
        "`ctgitops plan` shows what apply would do; `ctgitops baseline` takes over a schema that is there.",
    ),
    "rows-break-constraint": (
        "`verify --deep`: rows break a foreign key, a CHECK constraint, a NOT NULL or a unique index that PostgreSQL "
        "takes for true, as after a load with triggers disabled.",
        "Find the rows with the query in the help, and correct or delete them.",
    ),
    "not-checked": (
        "`verify --deep`, a warning: a constraint could not be checked: no privilege, a lock, or no time.",
        "Run the query in the help yourself, or grant what is missing.",
    ),
    "not-validated": (
        "`verify`, a warning: a constraint is NOT VALID, so older rows were never checked.",
        "`ALTER TABLE … VALIDATE CONSTRAINT …` in a migration.",
    ),
    "verify-failed": (
        "`verify`: a verify query of an applied migration is not true today, or cannot be asked.",
        "See what changed; where it may be so by now, change the verify file.",
    ),
    "not-together": (
        "With `transaction: all`: a migration that cannot share a transaction is pending.",
        "Write `transaction: each` while it is pending, or write it so that a transaction can hold it.",
    ),
    "not-yet": ("A key is known but not carried out by this version.", "Leave it out."),
    "not-looked": (
        "A plan was made without a look at the database: a fork gets no secrets, or the environment is not merged yet.",
        "Merge it, or comment `/ctgitops plan` as somebody who may write.",
    ),
    "not-merged": (
        "A manifest of a pull request names another database or place for backups than the base branch.",
        "Nothing: what is merged was used for the plan, and the change counts from the merge on.",
    ),
    "not-reviewed": (
        "With `reviewed: warn`: a file, with its text of now, was in no plan of a merged pull request.",
        "Open a pull request that changes it.",
    ),
    "number-gap": ("A number is left out within a band.", "Renumber, or set `numbering: increasing` in the policy."),
    "orphan": ("A `.down.sql` or `.verify.sql` without its migration.", "Rename it, add the migration, or remove it."),
    "order-differs": (
        "The migrations give another schema in the order of their numbers than in the order in which this environment "
        "gets them.",
        "Make the later one find out what is there (`IF EXISTS`, `IF NOT EXISTS`), or renumber it.",
    ),
    "out-of-order": (
        "A pending migration comes before one of its band that the database has.",
        "`ctgitops new --renumber NAME` gives it the next number of its band.",
    ),
    "psql-command": (
        "A command of psql, such as `\\i`, is in a file. The `\\restrict` and `\\unrestrict` lines that pg_dump writes "
        "are accepted and not sent.",
        "Write the SQL that it stands for, or remove the line.",
    ),
    "not-tried": (
        "A statement names its database, such as `ALTER DATABASE`, and the copy on the server of `shadow.url` has "
        "another name.",
        "Review that statement by hand, or leave `shadow.url` out: a server of ctgitops' own has the name.",
    ),
    "not-idempotent": (
        "A migration with `-- ctgitops: idempotent` fails or changes the schema when it runs a second time, on a copy.",
        "Make it find out what is there (`IF NOT EXISTS`, `ON CONFLICT`), or take that line away.",
    ),
    "removed": (
        "`check`: git knows a migration whose file was removed, on this branch or, as a warning, on its base branch.",
        "Restore it with the command shown; if no database has applied it, list it in `removed` of the policy.",
    ),
    "removed-unknown": (
        "`check`: git cannot tell whether migrations were removed: it failed, or the clone is shallow.",
        "Correct what git complains about; in a workflow, give actions/checkout `fetch-depth: 0`.",
    ),
    "rollback-fails": (
        "A rollback does not run on a throw-away copy of the environment's schema.",
        "Correct the `.down.sql` before the merge: the ledger keeps it as it is.",
    ),
    "rollback-leaves": (
        "A rollback does not bring the schema back, tried on a throw-away copy; what it leaves is shown as a diff.",
        "Complete the `.down.sql`.",
    ),
    "rollback-missing": (
        "`Rollback: Available` without a `.down.sql`.",
        "Write it, or say `Manual` or `Not Available`.",
    ),
    "rollback-unsaid": ("A `.down.sql` that the header denies.", "Say `Rollback: Available`."),
    "rollback-password": (
        "A rollback holds a password, and the ledger, from which it would be run, keeps none.",
        "Write it without one, or say `Rollback: Manual - …` in the header.",
    ),
    "schema-unread": (
        "The schema of an environment cannot be read, so `plan` judges its migrations by what the files make.",
        "Give the role what the hint names: what is there besides the files is not known.",
    ),
    "secret-in-file": (
        "A manifest holds something else than the name of a secret; it is not shown.",
        "Put the URL into a secret and write its name; change a password that was committed.",
    ),
    "section": ("Sections `-- migrate:up` and `-- migrate:down` are not as dbmate has them.", "Correct the markers."),
    "seed-transaction": (
        "A seed file holds what PostgreSQL refuses in a transaction, or says that it wants none.",
        "Move it into a migration.",
    ),
    "shared-database": ("Two environments are one database.", "Correct one of the two secrets."),
    "sub-folder": (
        "A folder inside `migrations/`, `environments/` or a seed folder is not read.",
        "Move its files up.",
    ),
    "symlink": ("A symbolic link; links are not read.", "Put what it points to in its place."),
    "syntax-error": ("PostgreSQL's grammar refuses a file.", "Correct the statement."),
    "target": ("The target does not name a migration or version that exists.", "Name another, or `latest`."),
    "too-large": ("A file is larger than `max_file_size`.", "Split it, or raise the limit in the policy."),
    "transaction-control": (
        "`BEGIN`, `COMMIT` or the like, other than one pair around the whole file. That pair is accepted and is not "
        "sent: apply runs each file in a transaction with its ledger entry.",
        "Remove it, or do what the hint says; an isolation level is `SET TRANSACTION` as the first statement.",
    ),
    "two-forms": ("The same thing is given in two forms, such as `.sql` and `.up.sql`.", "Keep one of them."),
    "batch": (
        "A file with `-- ctgitops: batch …` is not one statement that changes so many rows at a time.",
        "Write it as the hint shows.",
    ),
    "enum-value": (
        "A value of an enum type is used in the transaction that adds it, as `unsafe use of new value` would say.",
        "Put `ALTER TYPE … ADD VALUE` into a migration of its own, before the one that uses it.",
    ),
    "rolled-back": (
        "A pending migration was rolled back, and its file still has the text that was rolled back; it says when, by "
        "whom and which backup has the rows. It blocks the plan, and the plan of an environment that comes `after`.",
        '`ctgitops repair --again NUMBER --env NAME --reason "…"`, on GitHub `command: repair`; or give the file '
        "another text, where no environment has it.",
    ),
    "unfinished": (
        "A migration outside a transaction was started and did not come to its end. It blocks where what is done is "
        "another statement in the file now, and where nobody wrote down what is done.",
        "Where it only warns, nothing: apply goes on with it. Else restore the file, or `ctgitops repair`.",
    ),
    "unknown-rule": (
        "A name under `lint` that no [rule](rules.md) has.",
        "Correct its spelling; the hint names the nearest.",
    ),
    "unknown-key": ("A key that no manifest or policy has.", "Correct its spelling; the hint names the nearest."),
    "unreadable": ("A file cannot be read.", "Give this user the permission."),
    "value": ("A value of a manifest or policy is not what is expected.", "Write it as the hint shows."),
    "verify-query": ("A statement of a `.verify.sql` is not a query.", "Each is a `SELECT` that returns true."),
    "wrong-database": (
        "A URL leads to another environment's database, or not to the ledger that the manifest pins.",
        "Correct the secret, or the manifest's `database: {id: …}`.",
    ),
    "version-breaking": (
        "`Breaking Changes` and the version disagree.",
        "A breaking change takes a new major version, nothing else does.",
    ),
    "version-duplicate": ("Two migrations have one version.", "Take the next; `ctgitops new` computes it."),
    "version-falls": ("A version is lower than that of an earlier number of the band.", "Versions go up in a band."),
    "version-step": ("A version is not one step above another.", "Take one that the hint names."),
    "yaml": ("A file is not the strict YAML that is read here.", "Correct it at the line and column shown."),
}
"""By code: what it means, what to do."""

GATES: dict[str, tuple[str, str]] = {
    "fingerprint": (
        "The plan is another one than was approved with `--plan` or `--fingerprint`.",
        "Look at `ctgitops plan` again, and approve that one.",
    ),
    "after": (
        "The environment named by `after` lacks a migration, has another text of it, or could not be read.",
        "Apply there first.",
    ),
    "health": (
        "The manifest's health query is not true before anything is applied, or nobody could ask it.",
        "See what is wrong with whoever uses the database; or correct the query.",
    ),
    "bake": ("The environment named by `after` has not had a migration for as long as `bake` says.", "Wait."),
    "reviewed": (
        "A file, with its text of now, was in no plan of a merged pull request; or nobody could look.",
        "Open a pull request that changes it; on a command line, approve the plan by `--fingerprint`.",
    ),
    "data-loss": (
        "The rollback SQL destroys rows or values, or nobody could count them, or the header says `Not Available`.",
        "Look at `ctgitops rollback --dry-run`; then `--accept-data-loss NAME` for each such migration.",
    ),
    "window": ("Now is outside of the environment's windows.", "Wait for one to open."),
}
"""By gate: what it means, what lets the plan go on. `rollback` asks `fingerprint` and `data-loss` alone."""

LEDGER_COLUMNS: dict[str, str] = {
    "id": "Order of the entries.",
    "name": "Name of the migration without `.sql`; of a seed file, its path.",
    "version": "Schema version of the migration, from its header.",
    "sql": "The SQL that was run: of the migration, or of its rollback.",
    "started_at": "When the transaction of the entry began.",
    "finished_at": "When the entry was written; null for `started`.",
    "millis": "How long the work took.",
    "actor": "Who ran it: `GITHUB_ACTOR`, or the user of the machine.",
    "commit_sha": "Commit of the checkout.",
    "pull_request": "Number of the pull request, where a run is one's.",
    "run_url": "URL of the workflow run.",
    "tool_version": "Version of ctgitops.",
    "server_version": "Version of PostgreSQL.",
    "previous_hash": "`hash` of the entry before; zeros in the first.",
    "hash": "SHA-256 over `previous_hash` and all columns but `id` and `hash`.",
}
"""Columns on which the SQL has no comment of its own."""

CUT_PARTS: dict[str, str] = {
    "sql": "SQL of files: what undoes or verifies before what runs, and large files before small ones.",
    "schema": "What changes in the schema.",
    "impacts": "What each migration did to relations that others use, and who waits for it.",
    "details": "Diffs and lists below problems, those of warnings first.",
    "reasons": "Reasons that hold an environment back.",
    "hints": "What to do about problems, those of warnings first.",
    "problems": "Problems, warnings first. The first line still counts all that block.",
    "rows": "Rows of migrations: those with nothing special first, those with a problem last.",
    "environments": "Environments, from the last one on.",
}

TEMPLATES: dict[str, str] = {
    "back.md.j2": "Backup and the way back, folded.",
    "check.md.j2": "The page of `check`.",
    "closed.md.j2": "The last words on a pull request that was closed without being merged.",
    "environments.md.j2": "Environments side by side.",
    "findings.md.j2": "What only warns, and what blocks beyond the first five, folded.",
    "manners.md.j2": "How a plan is carried out, where a manifest says it: in one transaction, taken back, watched.",
    "migrations.md.j2": "One row a migration, and seed files.",
    "outcome.md.j2": "The page of a run of apply or rollback.",
    "outcome_parts.md.j2": "The same without its first line, which the record folds.",
    "plan.md.j2": "The plan comment: its first line, what to do next, and the order of all else.",
    "proof.md.j2": "What running it on a throw-away copy of the schema showed; left out where nobody tried it.",
    "problems.md.j2": "What blocks, as alerts.",
    "record.md.j2": "The record after a merge.",
    "impacts.md.j2": "Who waits for which migration and for about how long, folded; left out where nobody tried it.",
    "schema.md.j2": "What changes in the schema, folded; left out where nobody tried it.",
    "sql.md.j2": "The SQL, folded.",
    "waits.md.j2": "What holds an environment back beyond what its manifest says, folded.",
}

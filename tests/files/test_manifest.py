from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.environment import (
    BackupPolicy,
    Environment,
    Limits,
    PreflightAction,
    PreflightPolicy,
    StoreSettings,
    Timeouts,
    Trigger,
)
from ctgitops.core.environment.freeze import Freeze
from ctgitops.core.environment.receiver import Event
from ctgitops.core.environment.window import Window
from ctgitops.core.migration.selector import Selector
from ctgitops.core.workspace.workspace import problems_of
from ctgitops.files.manifest import duration
from tests.files.checkout import Checkout

FULL = """\
environment: production
database:
  url: ${PRODUCTION_DATABASE_URL}
target: 008
after: staging
bake: 24h
apply: {on: release, tags: "v*"}
reviewed: off
windows: [{days: [tue, wed], from: "02:00", to: "05:00", timezone: America/New_York}]
timeouts: {lock: 300ms, statement: 20min, retry_for: 10s}
preflight: {backups: refuse, wraparound: ignore, limits: {lag: 1min, connections: 5}}
backup:
  scope: database
  to: /var/backups
  verify: restore
  verify_server: ${VERIFY_URL}
  critical_tables: [public.projects]
seeds: [seeds/common/, ./seeds/production]
notify: []
"""


def test_a_whole_manifest_becomes_an_environment(repo: Checkout) -> None:
    repo.write("environments/production.yaml", FULL)
    repo.write("seeds/common/1.sql")
    repo.write("seeds/production/1.sql")
    workspace = repo.read()
    assert workspace.read_problems == ()
    assert workspace.environments == (
        Environment(
            name="production",
            url_secret="PRODUCTION_DATABASE_URL",
            target=Selector(number=8),
            after="staging",
            bake=timedelta(hours=24),
            trigger=Trigger.RELEASE,
            tags="v*",
            windows=(Window(frozenset({"tue", "wed"}), time(2), time(5), "America/New_York"),),
            timeouts=Timeouts(timedelta(milliseconds=300), timedelta(minutes=20), timedelta(seconds=10)),
            preflight=PreflightPolicy(
                backups=PreflightAction.REFUSE,
                wraparound=PreflightAction.IGNORE,
                limits=Limits(lag=timedelta(minutes=1), connections=5),
                asked=frozenset({"backups", "wraparound"}),
            ),
            backup=BackupPolicy("/var/backups", ("public.projects",), "VERIFY_URL"),
            seeds=("seeds/common", "seeds/production"),
            path="environments/production.yaml",
        ),
    )


def test_two_keys_are_enough(repo: Checkout) -> None:
    repo.write("environments/staging.yml", "environment: staging\ndatabase: {url: '${URL}'}\n")
    workspace = repo.read()
    assert workspace.read_problems == ()
    assert workspace.environments == (Environment("staging", "URL", path="environments/staging.yml"),)


def test_a_factor_may_be_a_decimal_number(repo: Checkout) -> None:
    repo.manifest("performance: {slower: 2.5}")
    workspace = repo.read()
    assert workspace.read_problems == ()
    assert [e.performance and e.performance.slower for e in workspace.environments] == [2.5]


def test_environments_come_by_name_and_without_a_folder_there_are_none(repo: Checkout) -> None:
    assert repo.read().environments == ()
    repo.manifest("", "zeta")
    repo.manifest("", "alpha")
    assert [e.name for e in repo.read().environments] == ["alpha", "zeta"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("targt: latest", "4:1: unknown key `targt` (did you mean `target`?)"),
        (
            "colour: red",
            "4:1: unknown key `colour` (known keys here: environment, database, target, after, bake, apply, reviewed, "
            "disposable, windows, freeze, timeouts, transaction, on_failure, parallel, maintenance_work_mem, health, "
            "performance, preflight, backup, "
            "shadow, flags, seeds, lint, data_preflight, drift, notify)",
        ),
        (
            "target: 1.10",
            "4:9: `target: 1.10` is not valid (expected `latest`, a schema version, or a migration's number, "
            "name or file, as in `latest`)",
        ),
        (
            "bake: 24 hours",
            "4:7: `bake: 24 hours` is not valid (expected a number with its unit (ms, s, min, h, d), as in `200ms`)",
        ),
        (
            "apply: {on: relase}",
            "4:13: `apply.on: relase` is not valid (expected one of push, release, schedule, manual; "
            "did you mean `release`?)",
        ),
        (
            "apply: push",
            "4:8: `apply: push` is not valid (expected a mapping with the keys `on` and `tags`, "
            'as in `{on: release, tags: "v*"}`)',
        ),
        (
            'apply: {on: push, tags: "v*"}',
            "4:19: `apply.tags` has no effect with `on: push` (remove `tags`, or write `on: release`)",
        ),
        (
            "shadow: {url: '${SHADOW_URL}', image: postgres:17}",
            "4:32: `shadow.url` and `shadow.image` are mutually exclusive (remove one of them)",
        ),
        ("windows: []", "4:10: `windows: a list` is empty (expected a list of windows, as in `[{days: [tue, wed, thu]"),
        (
            "windows: [{days: [tue], from: 2:00, to: 05:00, timezone: UTC}]",
            "4:31: `windows[0].from: 2:00` is not valid (expected a time of day, as in `02:00`)",
        ),
        (
            "windows: [{days: [tue], from: 02:00, to: 05:00, timezone: America/New_Yrok}]",
            "4:59: `windows[0].timezone: America/New_Yrok` is not valid (did you mean `America/New_York`?)",
        ),
        (
            "windows: [{days: [tue], from: 02:00, to: 05:00, timezone: ../../etc/passwd}]",
            "4:59: `windows[0].timezone: ../../etc/passwd` is not valid (expected a name as in",
        ),
        (
            "windows: [{days: [tue], from: 02:00, to: 02:00, timezone: UTC}]",
            "4:42: `windows[0].to: 02:00` is not valid (for a whole day write `from: 00:00` and `to: 00:00`)",
        ),
        (
            "timeouts: {lock: 0ms}",
            "4:18: `timeouts.lock: 0ms` is not valid (PostgreSQL reads zero as no timeout: choose a longer time)",
        ),
        (
            "transaction: one",
            "4:14: `transaction: one` is not valid (expected one of each, all)",
        ),
        (
            "on_failure: rolback",
            "4:13: `on_failure: rolback` is not valid (expected one of stop, rollback; did you mean `rollback`?)",
        ),
        ("health: {within: 1min}", "4:1: key `health.query` is missing (add `query: select count(*) < 100"),
        (
            "health: {query: delete from t}",
            "4:17: `health.query`: not a query (each statement of a verify query file must be a SELECT that returns "
            "true)",
        ),
        ("health: {query: selct 1}", "4:17: `health.query`: syntax error at or near"),
        (
            "health: {query: select true, every: 6min}",
            "4:37: `health.every: 6min` is not valid (expected at least 1s and at most `within`",
        ),
        ("health: {query: select true, within: 0s}", "4:38: `health.within: 0s` is not valid (expected at least 1s"),
        ("health: {query: select true, within: 25d}", "4:38: `health.within: 25d` is not valid (the maximum is 24d)"),
        ("timeouts: {statement: 25d}", "4:23: `timeouts.statement: 25d` is not valid (the maximum is 24d)"),
        ("bake: 999999999d", "4:7: `bake: 999999999d` is not valid (the maximum is 2400d)"),
        ("backup: {scope: database}", "4:1: key `backup.to` is missing (add `to: /var/backups/production`)"),
        (
            "backup: {to: b, critical_tables: [projects]}",
            "4:35: `backup.critical_tables[0]: projects` is not valid (expected a table with its schema, "
            "as in `public.projects`)",
        ),
        (
            "seeds: [../../etc]",
            "4:9: `seeds[0]: ../../etc` is not valid (name a folder inside the repository, relative to its root)",
        ),
        (
            "seeds: [/etc]",
            "4:9: `seeds[0]: /etc` is not valid (name a folder inside the repository, relative to its root)",
        ),
        (
            "seeds: [migrations]",
            "4:9: `seeds[0]: migrations` is not valid (seed files need a separate folder, such as `seeds/production`)",
        ),
        (
            "seeds: [seeds/none]",
            "4:9: `seeds[0]: seeds/none` is not valid (the folder does not exist: create the folder, or correct "
            "its name)",
        ),
        ("seeds: [a, a]", "4:8: `seeds: a list` contains a duplicate (expected a list of folders"),
        ("shadow: never", "4:9: `shadow: never` is not valid (expected `none`, or a mapping"),
        ("performance: {within: 6h}", "4:23: `performance.within: 6h` is not valid (expected from 1s to 5h)"),
        ("performance: {within: 0s}", "4:23: `performance.within: 0s` is not valid (expected from 1s to 5h)"),
        ("performance: {before: 2h}", "4:23: `performance.before: 2h` is not valid (expected from 0s to 1h)"),
        ("performance: {slower: 1}", "4:23: `performance.slower: 1` is not valid (expected a number from 1.2 to 100"),
        ("performance: {slower: 1.1}", "4:23: `performance.slower: 1.1` is not valid"),
        ("performance: {slower: 100.5}", "4:23: `performance.slower: 100.5` is not valid"),
        ("performance: {slower: fast}", "4:23: `performance.slower: fast` is not valid"),
        ("performance: {on_regression: rollback}", "4:30: `performance.on_regression: rollback` is not valid"),
        ("a: &x 1", "4:4: anchors (`&`) are not allowed (write the value itself; quote text that contains `&`)"),
        ("target: latest\ntarget: 1", "5:1: duplicate key `target` (keep one of them)"),
    ],
)
def test_an_error_names_its_place_the_value_and_what_was_expected(repo: Checkout, text: str, said: str) -> None:
    (found,) = repo.manifest(text)
    assert found.startswith(said)
    assert found == said or not said.endswith(")")


AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.mark.parametrize(
    ("backup", "said"),
    [
        ("{to: 's3://k:hunter2@b/c'}", "4:14: `backup.to` is not the address of a bucket"),
        ("{to: 's3://b/c?X-Amz-Signature=hunter2'}", "4:14: `backup.to` is not the address of a bucket"),
        ("{to: 'ftp://b/c'}", "4:14: `backup.to` is not the address of a bucket"),
        (
            "{to: b, encrypt_to: [age1hunter2]}",
            "4:30: `backup.encrypt_to[0]: age1hunter2` is not valid (not a",
        ),
        ("{to: b, encrypt_to: [AGE-SECRET-KEY-1hunter2]}", "4:30: `backup.encrypt_to[0]: "),
        ("{to: b, encrypt_to: ['-----BEGIN OPENSSH PRIVATE KEY----- hunter2']}", "4:30: `backup.encrypt_to[0]: "),
        (
            "{to: b, encrypt_to: ['ecdsa-sha2-nistp256 AAAA']}",
            "4:30: `backup.encrypt_to[0]: ecdsa-sha2-nistp256 AAAA` is not valid (expected a public key of age or SSH",
        ),
        ("{to: b, verify: count}", "4:25: `backup.verify: count` is not valid (expected one of restore"),
        ("{by: command}", "4:1: key `backup.command` is missing (add `command: [scripts/snapshot]`)"),
        ("{by: pgbackrest}", "4:1: key `backup.pgbackrest` is missing (add `pgbackrest: {stanza: main}`)"),
        ("{by: tape}", "4:14: `backup.by: tape` is not valid (expected one of pg_dump, pgbackrest, command"),
        ("{to: b, command: [x]}", "4:17: `backup.command` has no effect with `by: pg_dump` (remove `command`)"),
        ("{by: command, command: [x], to: b}", "4:37: `backup.to` has no effect with `by: command` (remove `to`)"),
        ("{to: b, scope: tables}", "4:24: `backup.scope: tables` is not valid (expected one of database, affected"),
        ("{to: b, max_size: 10}", "4:27: `backup.max_size: 10` is not valid (expected a size in `MB`, `GB` or `TB`"),
        ("{to: b, max_size: 0GB}", "4:27: `backup.max_size: 0GB` is not valid"),
        ("{to: b, max_time: 0s}", "4:27: `backup.max_time: 0s` is not valid (zero would refuse every backup"),
        ("{to: b, store: {region: r}}", "4:25: `backup.store.region` has no effect with this `backup.to`"),
        ("{to: 'az://b', store: {region: r}}", "4:32: `backup.store.region` has no effect with this `backup.to`"),
        ("{to: 's3://b', store: {endpoint: 'https://k:hunter2@h'}}", "4:42: `backup.store.endpoint"),
        ("{to: 's3://b', store: {object_lock: 0d}}", "4:45: `backup.store.object_lock: 0d` is not valid (zero locks"),
        (
            "{to: 'gs://b', store: {object_lock: 1d}}",
            "4:32: `backup.store.object_lock` has no effect with this `backup.to`",
        ),
        ("{to: b, export: {tables: []}}", "4:34: `backup.export.tables: a list` is empty"),
        (
            "{to: b, export: {tables: [projects]}}",
            "4:35: `backup.export.tables[0]: projects` is not valid (expected a t",
        ),
        ("{to: b, export: {tables: ['public.*']}}", "4:35: `backup.export.tables[0]: public.*` is not valid"),
        (
            "{to: b, export: {tables: [a.b], format: json}}",
            "4:49: `backup.export.format: json` is not valid (expected one",
        ),
        ("{by: command, command: [x], export: {tables: [a.b]}}", "4:37: `backup.export` has no effect with `by: comm"),
        ("{to: 's3://b', store: {secret_access_key: hunter2}}", "4:32: unknown key `backup.store.secret_access_key`"),
    ],
)
def test_an_unusable_store_or_key_is_refused(repo: Checkout, backup: str, said: str) -> None:
    (found,) = repo.manifest(f"backup: {backup}")
    assert found.startswith(said)
    assert "hunter2" not in found.replace("age1hunter2", "")


def test_a_bucket_and_keys_are_read(repo: Checkout) -> None:
    text = f"""backup: {{to: 's3://b/c', verify: restore-from-store, encrypt_to: [{AGE}],
  store: {{endpoint: 'https://h:9000', region: r, path_style: false, ca: ca.pem, server_side_encryption: AES256}}}}"""
    assert repo.manifest(text) == []
    backup = repo.read().environments[0].backup
    assert backup
    assert (backup.to, backup.from_store, backup.encrypt_to) == ("s3://b/c", True, (AGE,))
    assert backup.store == StoreSettings("https://h:9000", "r", False, "ca.pem", "AES256")


@pytest.mark.parametrize(
    "database",
    [
        "{url: 'postgres://anna:hunter2@db/prod'}",
        "{url: 'host=db password=hunter2'}",
        "{url: hunter2}",
        "{url: '${URL:-hunter2}'}",
        "{url: [hunter2]}",
        "postgres://anna:hunter2@db/prod",
        "hunter2",
        "{url: '${URL}', uri: 'postgres://anna:hunter2@db/prod'}",
        "{url: '${URL}', 'postgres://anna:hunter2@db/prod': 1}",
        "[hunter2]",
    ],
)
def test_a_password_in_a_manifest_is_never_repeated(repo: Checkout, database: str) -> None:
    repo.write("environments/staging.yaml", f"environment: staging\ndatabase: {database}\n")
    workspace = repo.read()
    assert workspace.read_problems
    assert "hunter2" not in str(workspace.read_problems)


def test_a_literal_url_is_told_to_become_a_secret(repo: Checkout) -> None:
    repo.write("environments/staging.yaml", "environment: staging\ndatabase:\n  url: postgres://a:b@c/d\n")
    assert repo.lines() == [
        "environments/staging.yaml:3:8: `database.url` is not the name of a secret (the value is not shown: it may "
        "contain a password) (put the URL into a secret and write its name, as in `${NAME}`; change the password if it "
        "was committed)"
    ]
    assert repo.read().environments == ()


def test_missing_keys_and_an_empty_manifest_say_what_to_add(repo: Checkout) -> None:
    repo.write("environments/a.yaml", "environment: a\n")
    repo.write("environments/b.yaml", "")
    assert repo.lines() == [
        'environments/a.yaml:1:1: key `database` is missing (add `database: {url: "${A_DATABASE_URL}"}`)',
        "environments/b.yaml:1: the file is not valid (expected a manifest: keys and values)",
    ]


def test_all_errors_of_a_manifest_are_told_at_once(repo: Checkout) -> None:
    found = repo.manifest("targt: 1\nbake: soon\nshadow: {postgres: 9}\ntimeouts: {lock: 0s}\nseeds: [/]\n")
    assert sorted(said.split(":")[0] for said in found) == ["4", "5", "6", "7", "8"]


def test_a_file_is_called_after_its_environment(repo: Checkout) -> None:
    repo.write("environments/prod.yaml", "environment: production\ndatabase:\n  url: ${URL}\n")
    assert repo.lines() == [
        "environments/prod.yaml:1:14: `environment: production` does not match the file name `prod.yaml` "
        "(rename the file to production.yaml, or the environment to `prod`)"
    ]


def test_two_manifests_of_one_environment_are_refused(repo: Checkout) -> None:
    repo.manifest("")
    repo.write("environments/staging.yml", "environment: staging\ndatabase:\n  url: ${URL}\n")
    assert repo.lines() == [
        "environments/staging.yml: environment `staging` is already defined in `environments/staging.yaml` "
        "(keep one of the two files)"
    ]


def test_an_ending_in_capitals_and_a_sub_folder_are_not_passed_over_in_silence(repo: Checkout) -> None:
    repo.write("environments/staging.YAML", "")
    repo.write("environments/eu/staging.yaml", "")
    repo.write("environments/README.md", "")
    assert repo.lines() == [
        "environments/eu: folder `environments/eu` is not read (move its files directly into environments/, "
        "or move the folder to another place)",
        "environments/staging.YAML: the file is ignored: a manifest ends in `.yaml` (rename the file to staging.yaml)",
    ]


def test_a_manifest_that_is_a_link_or_too_large_is_not_read(repo: Checkout) -> None:
    repo.write("environments/large.yaml", "#" * 100_001)
    (repo.root / "environments/linked.yaml").symlink_to("/proc/self/environ")
    assert [p.code for p in repo.read().read_problems] == ["too-large", "symlink"]


def test_a_manifest_that_cannot_be_read_is_not_called_missing(repo: Checkout) -> None:
    repo.manifest("after: staging\n", "production")
    repo.write("environments/staging.yaml", "environment: staging\n")
    assert [p.code for p in problems_of(repo.read())] == ["missing-key"]


@given(st.integers(0, 999_999_999), st.sampled_from(["ms", "s", "min", "h", "d"]))
def test_every_duration_that_the_schema_accepts_is_read(number: int, unit: str) -> None:
    seconds = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    read = duration(f"{number}{unit}")
    assert read == timedelta(milliseconds=number) if unit == "ms" else read.total_seconds() == number * seconds


@pytest.mark.parametrize(
    "written",
    [
        "target: |\n  008\n",
        'bake: "24h\\n"\nafter: other\n',
        'timeouts: {lock: "200ms\\n"}\n',
        "after: staging\nbake: |\n  1h\n",
    ],
)
def test_a_value_with_a_line_end_is_not_taken_for_the_one_without(repo: Checkout, written: str) -> None:
    """Python's `$` stands before a last line end too: `target: |` would have become `latest`."""
    repo.write("environments/staging.yaml", f"environment: staging\ndatabase: {{url: '${{A}}'}}\n{written}")
    assert [problem.code for problem in repo.read().read_problems] == ["value"]


@pytest.mark.parametrize(
    ("more", "line", "key"),
    [
        ("backup: {to: backups}", 5, "`backup`"),
        ("backup: {to: 7}", 5, "`backup`"),
        ("after: staging", 5, "`after`"),
        ("reviewed: required", 5, "`reviewed`"),
        ("reviewed: warn", 5, "`reviewed`"),
        ("apply: {on: push}", 5, "`apply` unless it is `on: manual`"),
        ("apply: {on: schedule}", 5, "`apply` unless it is `on: manual`"),
        ("apply: {on: release, tags: v*}", 5, "`apply` unless it is `on: manual`"),
    ],
)
def test_a_key_that_protects_data_excludes_disposable(repo: Checkout, more: str, line: int, key: str) -> None:
    repo.manifest("", "staging")
    said = repo.manifest(f"disposable: true\n{more}\n", "development")
    assert any(f"{line}" in each and f"`disposable: true` excludes {key} (remove" in each for each in said), said
    environment = repo.read().environment("development")
    assert environment
    assert not environment.disposable, "a manifest that contradicts itself is not disposable"
    assert not any("excludes" in each for each in repo.manifest(f"disposable: false\n{more}\n", "development"))


@pytest.mark.parametrize("more", ["", "apply: {on: manual}\n", "reviewed: off\n", "transaction: all\n"])
def test_a_database_is_disposable_where_its_manifest_says_so(repo: Checkout, more: str) -> None:
    assert repo.manifest(f"disposable: true\n{more}", "development") == []
    assert [e.disposable for e in repo.read().environments] == [True]
    assert repo.manifest(more, "development") == []
    assert [e.disposable for e in repo.read().environments] == [False]
    assert repo.manifest("disposable: yes please\n", "development") != []


def test_no_manifest_is_after_a_disposable_one(repo: Checkout) -> None:
    repo.manifest("disposable: true\n", "development")
    said = repo.manifest("after: development\n", "staging")
    assert said == [
        " `after: development` names an environment with `disposable: true` (remove `after`, or "
        "`disposable` from environments/development.yaml: a reset removes what development has applied)"
    ]


def test_receivers_are_read_with_their_events(repo: Checkout) -> None:
    assert (
        repo.manifest("notify:\n- {to: '${SLACK}', on: [failed, drift]}\n- {webhook: '${H}', signed_with: '${K}'}")
        == []
    )
    one, two = repo.read().environments[0].notify
    assert (one.secret, one.is_webhook, set(one.events)) == ("SLACK", False, {Event.FAILED, Event.DRIFT})
    assert (two.secret, two.is_webhook, two.signing_secret, set(two.events)) == ("H", True, "K", set(Event))


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ("{on: [failed]}", "must have exactly one of the keys `to` and `webhook`"),
        ("{to: '${A}', webhook: '${B}'}", "must have exactly one of the keys `to` and `webhook`"),
        ("{to: '${A}', signed_with: '${B}'}", "only a webhook's JSON document is signed"),
        ("{to: 'https://hunter2@hooks.example'}", "the value is not shown"),
        ("{to: '${A}', on: [fail]}", "did you mean `failed`?"),
        ("{to: '${A}', on: []}", "is empty"),
    ],
)
def test_a_receiver_that_cannot_be_used_is_an_error(repo: Checkout, receiver: str, said: str) -> None:
    (found,) = repo.manifest(f"notify: [{receiver}]")
    assert said in found
    assert "hunter2" not in found
    repo.write("migrations/policy.yaml", f"notify: [{receiver}]\n")
    assert any(said in problem.what + problem.hint for problem in repo.read().read_problems)


def test_freezes_of_policy_and_manifest_hold_both(repo: Checkout) -> None:
    freeze = "freeze: [{{from: '{}', to: 2026-12-27, timezone: Europe/Berlin, reason: holidays}}]\n"
    repo.write("migrations/policy.yaml", freeze.format("2026-12-24"))
    assert repo.manifest(freeze.format("2026-12-26 18:00")) == []
    periods = [each.period for each in repo.read().environments[0].freezes if isinstance(each, Freeze)]
    assert periods == ["2026-12-23 23:00 to 2026-12-27 23:00 UTC", "2026-12-26 17:00 to 2026-12-27 23:00 UTC"]


@pytest.mark.parametrize(
    ("freeze", "said"),
    [
        ("from: 2026-12-24, to: 2026-12-27, reason: x", "key `freeze[0].timezone` is missing"),
        ("from: 2026-12-24, to: 2026-12-27, timezone: UTC", "key `freeze[0].reason` is missing"),
        ("from: 2026-12-24, to: 2026-12-27, timezone: Mars, reason: x", "there is no time zone `Mars`"),
        ("from: 2026-02-30, to: 2026-12-27, timezone: UTC, reason: x", "day is out of range for month"),
        ("from: 2026-12-27, to: 2026-12-24, timezone: UTC, reason: x", "ends before it begins"),
        ("from: tomorrow, to: 2026-12-24, timezone: UTC, reason: x", "expected a date, or a date and a time of day"),
    ],
)
def test_a_freeze_that_cannot_be_understood_is_an_error(repo: Checkout, freeze: str, said: str) -> None:
    (found,) = repo.manifest(f"freeze: [{{{freeze}}}]")
    assert said in found
    repo.write("migrations/policy.yaml", f"freeze: [{{{freeze}}}]\n")
    assert any(said in f"{problem.what} {problem.hint}" for problem in repo.read().read_problems)

from __future__ import annotations

import pytest

from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.environment.policy import Band, HeaderRule, Numbering, Policy
from ctgitops.files.policy import layout_of
from tests.files.checkout import Checkout


def test_without_a_file_or_with_an_empty_one_the_defaults_hold(repo: Checkout) -> None:
    repo.write("migrations/policy.yaml", "# nothing yet\n")
    assert repo.read().policy == Policy()
    (repo.root / "migrations/policy.yaml").unlink()
    assert repo.read().policy == Policy()
    assert repo.lines() == []


def test_a_whole_policy_is_read(repo: Checkout) -> None:
    text = (
        "numbering: increasing\nheader: optional\nbands: {core: 1-99, authentication: 100-199}\n"
        "lint: {blocking-index: error, drop-column: off}\nexposed_schemas: [public, api]\nmax_file_size: 3MB\n"
    )
    repo.write("migrations/policy.yaml", text)
    assert repo.lines() == []
    assert repo.read().policy == Policy(
        numbering=Numbering.INCREASING,
        header=HeaderRule.OPTIONAL,
        bands=(Band("core", 1, 99), Band("authentication", 100, 199)),
        lint={"blocking-index": "error", "drop-column": "off"},
        exposed_schemas=("public", "api"),
        max_file_bytes=3_000_000,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "numbering: contigous",
            ":1:12: `numbering: contigous` is not valid (expected one of contiguous, increasing; "
            "did you mean `contiguous`?)",
        ),
        ("heder: required", ":1:1: unknown key `heder` (did you mean `header`?)"),
        (
            "bands: {core: 1..99}",
            ":1:15: `bands.core: 1..99` is not valid (expected a range of numbers, as in `1-99`)",
        ),
        (
            "bands: {core: 99-1}",
            ":1:15: band `core: 99-1` ends before it begins (write `core: 1-99`)",
        ),
        (
            "max_file_size: 10",
            ":1:16: `max_file_size: 10` is not valid (expected a size with its unit (kB, MB, GB), as in `10MB`)",
        ),
        (
            "lint: {drop-column: on}",
            ":1:21: `lint.drop-column: on` is not valid (expected one of error, warning, notice, off",
        ),
        ("- 1", ":1:1: the file is not valid (expected a policy: keys and values"),
        ("a: [", ":1:5: not YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_an_error_names_its_place_the_value_and_what_was_expected(repo: Checkout, text: str, said: str) -> None:
    repo.write("migrations/policy.yaml", text)
    (found,) = repo.lines()
    assert found.startswith(f"migrations/policy.yaml{said}")


def test_what_is_right_in_a_policy_holds_beside_what_is_wrong(repo: Checkout) -> None:
    repo.write("migrations/policy.yaml", "header: optional\nbands: {core: x}\n")
    repo.write("migrations/001_a.sql")
    assert len(repo.lines()) == 1
    assert repo.read().policy == Policy(header=HeaderRule.OPTIONAL)


def test_a_policy_with_the_other_ending_is_not_passed_over_in_silence(repo: Checkout) -> None:
    repo.write("migrations/policy.yml", "")
    assert repo.lines() == [
        "migrations/policy.yml: the file is ignored: the policy ends in `.yaml` (rename the file to "
        "migrations/policy.yaml)"
    ]


def test_a_policy_that_is_a_link_is_not_read(repo: Checkout) -> None:
    (repo.root / "migrations/policy.yaml").unlink()
    (repo.root / "migrations/policy.yaml").symlink_to("/nowhere")
    assert [p.code for p in repo.read().read_problems] == ["symlink"]


def test_the_layout_is_read_again_only_after_a_change(repo: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("migrations/policy.yaml", "layout: goose\n")
    assert layout_of(repo.root).name == "goose"
    with monkeypatch.context() as patched:
        patched.setattr("ctgitops.files.policy.read_policy", lambda _repository: pytest.fail("it was read again"))
        assert layout_of(repo.root).name == "goose"
    repo.write("migrations/policy.yaml", "layout: flyway\n")
    assert layout_of(repo.root).name == "flyway"
    (repo.root / "migrations/policy.yaml").unlink()
    assert layout_of(repo.root).is_own


def test_benchmarks_are_texts_or_files_of_the_repository(repo: Checkout) -> None:
    repo.write("bench/report.sql", "select 2")
    repo.write(
        "migrations/policy.yaml",
        "benchmark:\n- {name: a, sql: select 1}\n- {name: b, sql: bench/report.sql, slower: 1.25, severity: error}\n"
        "- {name: c, pgbench: 'select :client_id'}\n",
    )
    assert repo.lines() == []
    assert repo.read().policy.benchmarks == (
        Benchmark("a", "select 1", "sql"),
        Benchmark("b", "select 2", "bench/report.sql", slower=1.25, required=True),
        Benchmark("c", "select :client_id", "pgbench", pgbench=True),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name: a}", "`benchmark[0]` must have exactly one of the keys `sql` and `pgbench`"),
        ("{name: a, sql: select 1, pgbench: select 1}", "exactly one of the keys"),
        ("{name: a, sql: bench/none.sql}", "names bench/none.sql: there is no such file"),
        ("{name: a, sql: ../secret.sql}", "the path leaves the repository"),
        ("{name: a, sql: /etc/secret.sql}", "the path leaves the repository"),
        ("{name: a, sql: select 1}, {name: a, sql: select 2}", "two benchmarks with the name `a`"),
        ("{name: a, sql: select 1, slower: 1}", "slower: 1` is not valid"),
        ("{name: a, sql: select 1, slower: 1.04}", "slower: 1.04` is not valid"),
        ("{name: a, sql: select 1, slower: quick}", "slower: quick` is not valid"),
    ],
)
def test_a_wrong_benchmark_is_a_problem(repo: Checkout, text: str, said: str) -> None:
    repo.write("migrations/policy.yaml", f"benchmark: [{text}]\n")
    (line,) = repo.lines()
    assert said in line
    assert repo.read().policy.benchmarks == ()

"""Options that verbs share: the root that is found, and names that a shell completes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from ctgitops.cli.log_lines import say
from ctgitops.cli.main import ctgitops
from tests.files.checkout import Checkout
from tests.notify.test_json_lines import valid
from tests.servers import missing

MANIFEST = "environment: {0}\ndatabase: {{url: '${{{1}_URL_THAT_IS_NOT_SET}}'}}\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    repo = Checkout(tmp_path)
    repo.write("migrations/policy.yaml", "header: optional\n")
    repo.write("migrations/001_a.sql", "create table a (id int primary key);\n")
    for name in ("staging", "production"):
        repo.write(f"environments/{name}.yaml", MANIFEST.format(name, name.upper()))
    monkeypatch.chdir(tmp_path)
    return repo


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(ctgitops, list(arguments), standalone_mode=False)
    assert done.exception is None, done.exception
    return int(done.return_value or 0), done.stdout, done.stderr


def test_inside_migrations_the_root_is_found_and_told(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("check") == (0, "1 migration, 2 environments, no problems\n", "")
    monkeypatch.chdir(work.root / "migrations")
    status, said, told = run("check")
    assert (status, said) == (0, "1 migration, 2 environments, no problems\n")
    assert told == f"using the root {work.root}\n"
    assert json.loads(run("check", "--format", "json")[1])["problems"] == []
    run("new", "add b")
    assert (work.root / "migrations/002_add_b.sql").is_file()


def test_a_root_that_is_given_is_taken(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work.root / "migrations")
    assert run("check", "--root", "..")[2] == ""


def test_init_inside_migrations_begins_no_second_workspace(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work.root / "migrations")
    _, said, _ = run("init")
    assert "--- a/migrations/policy.yaml" in said
    assert "added /backups/ to .gitignore" not in said  # production.yaml was there, and has no backup
    assert not (work.root / "migrations/migrations").exists()


def test_init_keeps_its_backups_out_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "added /backups/ to .gitignore" in run("init")[1]
    assert run("init")[1] == "nothing to do: all files exist\n"


def test_a_manifest_that_cannot_be_read_is_not_left_out_in_silence(work: Checkout) -> None:
    work.write("environments/production.yaml", "environment: [")
    for verb in ("status", "verify", "drift"):
        status, _, told = run(verb)
        assert status == 3
        assert "environments/production.yaml" in told
        assert run(verb, "--env", "staging")[0] == 2  # its variable is not set


def test_an_environment_whose_variable_is_not_set_is_named_and_the_others_are_shown(work: Checkout) -> None:
    assert (work.root / "environments/staging.yaml").is_file()
    for verb in ("status", "plan", "verify", "drift"):
        status, said, _ = run(verb)
        assert status == 2
        for name in ("STAGING", "PRODUCTION"):
            assert f"{name}_URL_THAT_IS_NOT_SET" in said


@pytest.mark.parametrize(
    ("shell", "words", "found"),
    [
        ("bash", "ctgitops apply --env ", "plain,production\nplain,staging"),
        ("bash", "ctgitops status --env s", "plain,staging"),
        ("zsh", "ctgitops plan --env s", "plain\nstaging\n_"),
        ("fish", "ctgitops drift --env s", "plain,staging"),
        ("bash", "ctgitops repair --root elsewhere --env ", ""),
    ],
)
def test_a_shell_completes_the_names_of_environments(
    work: Checkout, monkeypatch: pytest.MonkeyPatch, shell: str, words: str, found: str
) -> None:
    monkeypatch.chdir(work.root / "migrations")
    last = words.rsplit(" ", 1)[-1]
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", last if shell == "fish" else str(len(words.split(" ")) - 1))
    kind = get_completion_class(shell)
    assert kind
    assert kind(ctgitops, {}, "ctgitops", "_CTGITOPS_COMPLETE").complete() == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_of_the_documentation_sets_completion_up(shell: str) -> None:
    page = (Path(__file__).parents[2] / "docs/cli.md").read_text()
    (line,) = re.findall(rf"^```{shell}\n(.*)\n```$", page, re.MULTILINE)
    if not (program := shutil.which(shell)):
        raise missing(shell, f"{shell} is not on the PATH")
    told = {"bash": "complete -p ctgitops", "zsh": "print $_comps[ctgitops]", "fish": "complete -c ctgitops"}[shell]
    start = "autoload -U compinit && compinit -u -D; " if shell == "zsh" else ""
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [program, "-c", f"{start}{line}; {told}"], env=environ, capture_output=True, text=True, check=False
    )
    assert "_ctgitops_completion" in done.stdout, done.stderr


def test_a_message_is_text_or_a_json_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["ctgitops", "apply"])
    say("using the root ..")
    say("not sent", "warning", "not-notified")
    assert capsys.readouterr().err == "using the root ..\nwarning[not-notified]: not sent\n"
    monkeypatch.setattr("sys.argv", ["ctgitops", "apply", "--log-format", "json"])
    say("using the root ..")
    say("not sent", "warning", "not-notified")
    lines = [valid(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [("info", "note"), ("warning", "warning")]


def test_an_interrupt_prints_no_empty_line_among_json_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "invoke", interrupted)
    for arguments, said in ((["status"], "\n"), (["status", "--log-format=json"], "")):
        monkeypatch.setattr("sys.argv", ["ctgitops", *arguments])
        with pytest.raises(click.exceptions.Abort):
            ctgitops.main(["status"], standalone_mode=False)
        assert capsys.readouterr().err == said


@pytest.mark.parametrize("given", ["nan", "inf", "1e300", "-1"])
@pytest.mark.parametrize("command", ["apply --env a --wait", "try --env a --time-limit", "watch --every"])
def test_a_number_of_seconds_is_finite(command: str, given: str) -> None:
    with pytest.raises(click.BadParameter):
        ctgitops.main([*command.split(), given], standalone_mode=False)

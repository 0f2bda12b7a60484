from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ctgitops.core.forge.forge import Annotation, Level
from ctgitops.github.runner import LONGEST_SUMMARY, MOST, Runner, log_safe
from ctgitops.github.secrets import forms_of, hidden, secrets_in

HOSTILE = (
    "::add-mask::x",
    "   ::error::x",
    "\t::set-env name=a::b",
    "\u00a0\u2003\u2028::stop-commands::t",
    "\ufeff::error::x",
    "\x1b::error::x",
    "x\r::stop-commands::t",
    "x\r\n::stop-commands::t",
    "a ##[error]x",
    "###[command]x",
    "####[endgroup]",
    ":::error::",
)
PIECES = st.sampled_from(
    ["::", ":", "#", "##[", "[", "\r", "\n", " ", "\t", "\u00a0", "error", "%0A", "\u200b", "\ufeff"]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join), st.sampled_from(HOSTILE))


def commands(log: str) -> list[str]:
    """The lines that the runner obeys, by its own rules (`ActionCommand.cs`)."""
    return [line for line in re.split(r"\r\n|\r|\n", log) if line.strip().startswith("::") or "##[" in line]


def outputs(text: str) -> dict[str, str]:
    """A file of outputs, as the runner reads it (`FileCommandManager.cs`)."""
    found, lines = {}, iter(re.split(r"\r\n|\r|\n", text))
    for line in lines:
        if not line:
            continue
        name, sign, end = line.partition("<<")
        assert sign, line
        assert "=" not in name, line
        value = []
        for inner in lines:
            if inner == end:
                break
            value.append(inner)
        else:
            raise AssertionError("no end of a value")
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def runner(tmp_path: Path, log: io.StringIO) -> Runner:
    environ = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    return Runner(environ, log)


@given(TEXTS)
@example("\u2066::error::x")
def test_no_text_becomes_a_command(text: str) -> None:
    assert commands(log_safe(text)) == []


@given(TEXTS)
def test_everything_said_and_grouped_is_no_command(text: str) -> None:
    log = io.StringIO()
    runner = Runner({}, log)
    runner.say(text)
    with runner.group(text):
        runner.say(text)
    found = commands(log.getvalue())
    assert len(found) == 2
    assert found[0].startswith("::group::")
    assert found[1] == "::endgroup::"


def test_ordinary_text_stays_as_it_is() -> None:
    text = "create table a (b int);\n  select '1'::int, a::text;\n\tx := 1; # [x] ##x"
    assert log_safe(text) == text


@given(TEXTS, TEXTS, TEXTS)
def test_an_annotation_is_one_command_with_the_properties_it_was_given(path: str, title: str, message: str) -> None:
    log = io.StringIO()
    Runner({}, log).annotate(Annotation(path, 3, Level.FAILURE, title, message, 7))
    (line,) = commands(log.getvalue())
    assert log.getvalue().count("\n") == 1
    properties = line.removeprefix("::error ").split("::", maxsplit=1)[0]
    assert [p.split("=", maxsplit=1)[0] for p in properties.split(",")] in (
        ["file", "line", "col", "title"],
        ["file", "line", "col"],
        ["line", "col", "title"],
        ["line", "col"],
    )


@given(st.one_of(TEXTS, st.text(alphabet="=<gha\n\rdelimiter_0")))
def test_an_output_comes_back_as_it_was_and_sets_no_other(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = tmp_path_factory.mktemp("runner") / "output"
    runner = Runner({"GITHUB_OUTPUT": str(path)}, io.StringIO())
    runner.output("plan", value)
    runner.output("pending", "3")
    text = path.read_bytes().decode()
    plain = value.encode(errors="replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert outputs(text) == {"plan": plain, "pending": "3"}


@pytest.mark.parametrize("name", ["a\nb", "a=b", "a<<b", "", "A"])
def test_a_name_of_an_output_is_one_of_ours(runner: Runner, name: str) -> None:
    with pytest.raises(ValueError, match="not a valid name of an output"):
        runner.output(name, "x")


def test_ten_annotations_of_a_level_are_shown_and_the_rest_is_said(runner: Runner, log: io.StringIO) -> None:
    for number in range(25):
        runner.annotate(Annotation("a.sql", number, Level.FAILURE, "code", "what"))
        runner.annotate(Annotation("a.sql", number, Level.WARNING, "code", "what"))
    found = commands(log.getvalue())
    assert [sum(line.startswith(f"::{word}") for line in found) for word in ("error", "warning")] == [MOST, MOST]
    assert log.getvalue().count("a.sql:") == 30


def test_a_summary_stays_below_what_the_runner_takes(runner: Runner, tmp_path: Path) -> None:
    for _ in range(3):
        runner.summarise("é" * 70 + "\n" + ("ß" * 99 + "\n") * 3000)
    written = (tmp_path / "summary").read_bytes()
    assert LONGEST_SUMMARY - 200_000 < len(written) <= LONGEST_SUMMARY + 300
    assert "too long for a summary" in written.decode()


def test_nothing_is_written_where_the_runner_gave_no_file(log: io.StringIO) -> None:
    runner = Runner({}, log)
    runner.output("plan", "x")
    runner.summarise("x")
    assert log.getvalue() == ""


# Secrets. ---------------------------------------------------------------------------------------------------------

URLS = (
    "postgresql://app:s3cr%2Ft%40x@db.example.com:5432/main",
    "postgresql://app:s3cr/t@x@db.example.com:5432/main",
    "host=db.example.com user=app password='s3cr/t@x' dbname=main",
    "host=db.example.com password=s3cr/t@x",
    "postgresql://db.example.com/main?user=app&password=s3cr%2Ft%40x",
)


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_known_however_it_is_written(url: str) -> None:
    assert {url, "s3cr/t@x", "s3cr%2Ft%40x"} <= forms_of(url)


@pytest.mark.parametrize("url", URLS)
def test_no_sink_shows_a_secret(runner: Runner, log: io.StringIO, tmp_path: Path, url: str) -> None:
    environ = {"DB": url, "UNNAMED": "postgres://x:fromanothervariable@h/d"}
    runner.mask(secrets_in(environ, ["DB"], "ghs_token"))
    masked = [line.removeprefix("::add-mask::").replace("%25", "%") for line in log.getvalue().splitlines()]
    assert {url, "s3cr/t@x", "s3cr%2Ft%40x", "ghs_token", "fromanothervariable"} <= set(masked)

    log.truncate(0)
    evil = f"{url} s3cr/t@x s3cr%2Ft%40x ghs_token fromanothervariable"
    runner.say(evil)
    runner.warn(evil)
    runner.fail(evil)
    runner.annotate(Annotation(evil, 1, Level.NOTICE, evil, evil))
    with runner.group(evil):
        runner.output("plan", evil)
    runner.summarise(evil)
    assert runner.keep("ctgitops-plan.json", evil)
    everything = log.getvalue() + "".join(path.read_text() for path in tmp_path.iterdir())
    for secret in ("s3cr", "ghs_token", "fromanothervariable"):
        assert secret not in everything


def test_what_is_masked_is_masked_once_and_first_lines_of_it_too(runner: Runner, log: io.StringIO) -> None:
    secrets = secrets_in({}, (), "first line\nsecond line")
    runner.mask(secrets)
    runner.mask(secrets)
    lines = [line.removeprefix("::add-mask::") for line in log.getvalue().splitlines()]
    assert len(set(lines)) == len(lines)
    assert {"first line%0Asecond line", "second line", "first line"} <= set(lines)


def test_a_short_text_is_not_hidden_everywhere() -> None:
    secrets = secrets_in({"DB": "postgresql://p:p@h/d"}, ["DB"], "")
    assert "p" not in secrets
    assert hidden("a plan of postgresql://p:p@h/d", secrets) == "a plan of ***"


WORDY = (
    "postgresql://postgres:postgres@db:5432/app",
    "host=db user=app password=app",
    "User Id=app;Password=abcd;Host=db",
)


@pytest.mark.parametrize("url", WORDY)
def test_a_word_that_is_also_a_password_is_hidden_only_as_a_password(url: str) -> None:
    """Links and pages stay whole. Seen to fail without the names of connection strings, and with a shorter minimum."""
    secrets = secrets_in({"DB": url}, ["DB"], "")
    page = "https://github.com/postgres/app/pull/1 of abcd, on db: password authentication failed for user postgres"
    assert hidden(page, secrets) == page
    (password,) = {"postgres", "app", "abcd"} & forms_of(url)
    said = f"{url} u:{password}@h password={password} PASSWORD '{password}'"
    assert password not in hidden(said, secrets).replace("***", "")


UNNAMED = {
    "host=db.example.com dbname=main user=app password='with a space'": "with a space",
    "host=db.example.com  password = s3cr3t-of-it": "s3cr3t-of-it",
    "Host=db;Username=app;Password=s3cr3t-of-it;SSL Mode=Require": "s3cr3t-of-it",
    "Driver={PostgreSQL};Server=db;Uid=app;Pwd=s3cr3t-of-it;": "s3cr3t-of-it",
    "jdbc:postgresql://db/main?user=app&password=s3cr3t-of-it": "s3cr3t-of-it",
    "postgresql+asyncpg://app:s3cr3t-of-it@db/main": "s3cr3t-of-it",
    "redis://default:s3cr3t-of-it@cache:6379/0": "s3cr3t-of-it",
}


@pytest.mark.parametrize(("value", "password"), UNNAMED.items())
def test_a_connection_string_in_any_variable_is_a_secret(value: str, password: str) -> None:
    """Seen to fail where only URLs of PostgreSQL were."""
    secrets = secrets_in({"SOME_VARIABLE": value, "PATH": "/usr/bin", "LANG": "C"}, (), "")
    assert hidden(f"it is {password}; {value}", secrets) == "it is ***; ***"
    assert hidden(f"x {quote(password)}", secrets) == "x ***"


ORDINARY = ("https://github.example/a/b@v1?x=1", "a=b c=d", "http://127.0.0.1:8080/x@y", "password", "--with=x", "")


@pytest.mark.parametrize("value", ORDINARY)
def test_an_ordinary_variable_is_not_a_secret(value: str) -> None:
    assert secrets_in({"SOME_VARIABLE": value}, (), "") == ()


def test_a_variable_that_is_named_a_password_is_a_secret() -> None:
    assert hidden("it is s3cr3t-of-it", secrets_in({"POSTGRES_PASSWORD": "s3cr3t-of-it"}, (), "")) == "it is ***"


@given(st.binary(max_size=8), st.text(min_size=8, alphabet=string.printable), st.binary(max_size=8))
def test_a_secret_is_known_in_base64_wherever_it_begins(before: bytes, secret: str, after: bytes) -> None:
    """What is left at its ends has bits of what is beside it. Seen to fail with one offset left out."""
    assume(len(secret.strip()) >= 8)
    secrets = secrets_in({}, (), secret)
    for encode in (b64encode, urlsafe_b64encode):
        shown = hidden(encode(before + secret.encode() + after).decode(), secrets)
        assert "***" in shown
        assert len(shown.replace("***", "")) <= (len(before) + len(after)) * 4 // 3 + 6
    assert hidden(f"Basic {b64encode(secret.encode()).decode()}.", secrets) == "Basic ***."


# A file in a workspace that a stranger filled. --------------------------------------------------------------------


def test_a_link_in_the_workspace_is_not_followed(runner: Runner, tmp_path: Path) -> None:
    outputs_file = tmp_path / "output"
    outputs_file.write_text("")
    (tmp_path / "ctgitops-plan.json").symlink_to(outputs_file)
    assert runner.keep("ctgitops-plan.json", "fingerprint=evil\n") == "ctgitops-plan.json"
    assert outputs_file.read_text() == ""
    assert not (tmp_path / "ctgitops-plan.json").is_symlink()


def test_a_folder_in_the_way_costs_a_warning(runner: Runner, tmp_path: Path, log: io.StringIO) -> None:
    (tmp_path / "ctgitops-plan.json").mkdir()
    assert runner.keep("ctgitops-plan.json", "{}") == ""
    assert "cannot be written" in log.getvalue()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_a_file_belongs_to_who_owns_the_workspace(runner: Runner, tmp_path: Path) -> None:
    os.chown(tmp_path, 1001, 1001)
    runner.keep("ctgitops-plan.json", json.dumps({}))
    assert (tmp_path / "ctgitops-plan.json").stat().st_uid == 1001


def test_nobody_can_know_where_a_value_ends(runner: Runner, tmp_path: Path) -> None:
    for _ in range(2):
        runner.output("plan", "x")
    ends = re.findall(r"<<(ghadelimiter_[0-9a-f]{32})$", (tmp_path / "output").read_text(), re.MULTILINE)
    assert len(set(ends)) == 2


def test_half_an_output_is_taken_back_where_the_disk_is_full(
    runner: Runner, log: io.StringIO, tmp_path: Path, limited: Callable[[int], None]
) -> None:
    """The runner would end the step over a delimiter that is missing, or take the next output for a part of it."""
    runner.output("plan", "x")
    before = (tmp_path / "output").read_bytes()
    limited(len(before) + 50)
    runner.output("pending", "3" * 200)
    runner.summarise("word " * 200)
    assert (tmp_path / "output").read_bytes() == before
    assert runner.unwritten == {"pending"}
    said = log.getvalue()
    assert "the runner's file for GITHUB_OUTPUT cannot be written: File too large" in said
    assert "the runner's file for GITHUB_STEP_SUMMARY cannot be written: File too large" in said


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Gives no file of this process more than so many bytes, as a disk does that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)

"""A person overrides a gate: with a reason, on the record, and every receiver hears of it."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.notify.receiver import serving
from tests.servers import fetch
from tests.stories.house import House, has

WHO = {"GITHUB_ACTOR": "anna"}
SHUT = 'windows: [{days: [mon], from: "00:00", to: "00:01", timezone: Pacific/Kiritimati}]\n'
FROZEN = "freeze: [{from: 2020-01-01, to: 2099-01-01, timezone: UTC, reason: sale}]\n"
APPLY = ("apply", "--env", "staging")


@pytest.mark.slow
def test_an_override_is_on_the_ledger_in_the_status_and_at_every_receiver(house: House, database_url: str) -> None:
    with serving() as heard:
        house.secrets["HOOK_URL"] = heard.url
        wants = 'notify: [{webhook: "${HOOK_URL}", on: [drift]}]\n'
        house.environment("staging", database_url, SHUT + FROZEN + wants)
        house.migration("001_one", "create table one (id int);")
        waits = house.run(*APPLY)
        assert (waits.status, "waits[window]" in waits.out, "waits[freeze]" in waits.out) == (5, True, True)
        part = house.run(*APPLY, "--override", "window", "--reason", "orders fail")
        assert (part.status, "waits[freeze]" in part.out, "waits[window]" in part.out) == (5, True, False)
        hint = part.out.partition("override the wait: ")[2].splitlines()[0].strip("`")
        assert shlex.split(hint)[4:] == ["--override", "window", "--override", "freeze", "--reason", "…"], hint
        assert heard.requests == []
        assert not has(database_url, "one")
        both = ("--override", "window", "--override", "freeze", "--reason", "orders  fail\n until this")
        done = house.run(*APPLY, *both, "--format", "json", environ=WHO)
        assert done.status == 0, done.said
        assert done.json["override"]["gates"] == ["window", "freeze"]
        assert "OVERRIDE: window, freeze overridden by anna: orders fail until this" in done.err
        (told,) = (json.loads(body) for _, body in heard.requests)
    assert (told["event"], told["summary"]) == ("override", "OVERRIDE of window, freeze by anna")
    assert told["facts"][0] == "reason: orders fail until this"
    same = "plan = (select plan from ctgitops.ledger where number = 1)"
    rows = fetch(
        database_url, f"select number, mark, error, actor, {same} from ctgitops.ledger where name = 'override'"
    )
    assert rows == [(None, "started", "orders fail until this", "anna", True)]
    assert house.run("verify", "--env", "staging").status == 0, "the hash chain is unbroken"
    status = house.run("status", "--env", "staging", "--format", "json").json["environments"][0]
    assert (status["override"]["reason"], status["last"]["name"]) == ("orders fail until this", "001_one")
    text = house.run("status").out
    assert "window, freeze overridden by anna: orders fail until this\n  ignored[window]: " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--override", "window"), "needs a reason"),
        (("--override", "window", "--reason", "  "), "needs a reason"),
        (("--override", "reviewed", "--reason", "x"), "the gate `reviewed` cannot be overridden"),
        (("--override", "fingerprint", "--reason", "x"), "cannot be overridden"),
        (("--reason", "x"), "has an effect only with `--override`"),
    ],
)
def test_what_is_no_override_is_refused(house: House, arguments: tuple[str, ...], said: str) -> None:
    refused = house.run(*APPLY, *arguments)
    assert (refused.status, said in refused.said) == (2, True), refused.said

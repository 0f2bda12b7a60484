"""Parses the inputs of the Action. The runner passes each input as text, and validates none."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from ..core.migration.selector import Selector
from ..core.view.preview import FailOn
from ..errors import UsageError


class Command(StrEnum):
    """The input `command` of the workflow. `auto` chooses the command from the event."""

    AUTO = "auto"
    PLAN = "plan"
    APPLY = "apply"
    ROLLBACK = "rollback"
    STATUS = "status"
    CHECK = "check"
    DRIFT = "drift"
    DRILL = "drill"
    RESUME = "resume"
    TRAFFIC = "traffic"
    UNLOCK = "unlock"
    REPAIR = "repair"
    TESTS = "tests"


class CommentMode(StrEnum):
    """The input `comment`: whether and how plans and records are posted on the pull request."""

    UPDATE = "update"
    RECREATE = "recreate"
    OFF = "off"


class OnWait(StrEnum):
    """The input `on-wait`: the result of a step whose plan waits.

    A plan waits for a window, a bake time or the environment in `after`.
    """

    AUTO = "auto"
    """The step succeeds for a plan and on a schedule. Otherwise, the step fails."""
    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - not a password


@dataclass(frozen=True)
class Inputs:
    """All inputs in `action.yml`. A field has the name of its input, with `_` in place of `-`."""

    command: Command = Command.AUTO
    environment: str = ""
    root: str = "."
    github_token: str = field(default="", repr=False)
    comment: CommentMode = CommentMode.UPDATE
    fingerprint: str = ""
    to: str = ""
    dry_run: bool = False
    fail_on: FailOn = FailOn.ERROR
    wait: float = 300
    on_wait: OnWait = OnWait.AUTO
    require_fingerprint: bool = False
    accept_data_loss: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    reason: str = ""
    workflow: str = ""
    tests: str = ""
    benchmark: str = ""

    def named(self) -> Inputs:
        """Returns the inputs, if all inputs that the command requires are present. Raises UsageError."""
        if self.command in _ONE_ENVIRONMENT and not self.environment:
            raise _wrong("environment", f"is required for `{self.command}`", "set it to the name in the manifest")
        selector = Selector.parse(self.to)
        if self.command is Command.ROLLBACK and (selector is None or selector.latest):
            raise _wrong(
                "to", "is required for `rollback`", "set it to the last migration to keep, such as 008 or 1.4.0"
            )
        if self.command is Command.REPAIR and not (self.again and all(map(Selector.parse, self.again))):
            raise _wrong("again", "is required for `repair`", "set it to a migration that was rolled back, such as 003")
        if self.override and self.command is not Command.APPLY:
            raise _wrong("override", f"has no effect on `{self.command}`", "use it with `apply` only, or remove it")
        if self.command is Command.REPAIR and not self.reason:
            raise _wrong(
                "reason",
                "is required for `repair`",
                "set it to the reason to apply the migration again, for the ledger",
            )
        return self

    @property
    def approved(self) -> str | None:
        """The approved fingerprint. None if no approval is required. Raises UsageError if a required one is missing."""
        if self.require_fingerprint and not self.fingerprint:
            raise _wrong(
                "fingerprint",
                "is empty, and `require-fingerprint` requires the fingerprint of the approved plan",
                _APPROVE,
            )
        return self.fingerprint or None

    def filled(self, given: Mapping[str, str]) -> Inputs:
        """Fills empty inputs of the workflow with the inputs of a manual run (workflow_dispatch)."""
        known = {name: text for name, text in given.items() if name in BY_PEOPLE and text.strip()}
        asked = parse(known)
        defaults = Inputs()
        left = [f.name for f in fields(self) if getattr(self, f.name) == getattr(defaults, f.name)]
        return replace(self, **{name: getattr(asked, name) for name in left if name.replace("_", "-") in known})


_ONE_ENVIRONMENT = frozenset({Command.APPLY, Command.ROLLBACK, Command.UNLOCK, Command.REPAIR})
_APPROVE = "set it to the output `fingerprint` of the plan step, which is `none` if there is nothing to approve"

BY_PEOPLE = (
    "command",
    "environment",
    "fingerprint",
    "to",
    "dry-run",
    "fail-on",
    "wait",
    "on-wait",
    "accept-data-loss",
    "again",
    "override",
    "reason",
)
"""The inputs that a manual run may set. All other inputs can be set only in the workflow file."""


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Reads the inputs of this step. Raises a UsageError that names an invalid input."""
    return parse({name: environ.get(f"INPUT_{name.upper()}", "") for name in names()})


def names() -> tuple[str, ...]:
    """The names of all inputs, in the spelling of workflows."""
    return tuple(f.name.replace("_", "-") for f in fields(Inputs))


def parse(given: Mapping[str, str]) -> Inputs:
    """Parses inputs. An empty input gets its default. Raises a UsageError that names an invalid input."""
    text = {name: value.strip() for name, value in given.items()}
    return Inputs(
        command=Command(_one_of("command", text, [c.value for c in Command])),
        environment=text.get("environment", ""),
        root=text.get("root", "") or ".",
        github_token=text.get("github-token", ""),
        comment=CommentMode(_one_of("comment", text, [c.value for c in CommentMode])),
        fingerprint=text.get("fingerprint", ""),
        require_fingerprint=_one_of("require-fingerprint", text, ["false", "true"]) == "true",
        to=text.get("to", ""),
        dry_run=_one_of("dry-run", text, ["false", "true"]) == "true",
        fail_on=FailOn(_one_of("fail-on", text, [f.value for f in FailOn])),
        wait=_seconds("wait", text),
        on_wait=OnWait(_one_of("on-wait", text, [each.value for each in OnWait])),
        accept_data_loss=_listed("accept-data-loss", text),
        again=_listed("again", text),
        override=_listed("override", text),
        reason=text.get("reason", ""),
        workflow=text.get("workflow", ""),
        tests=text.get("tests", ""),
        benchmark=text.get("benchmark", ""),
    )


def _one_of(name: str, text: Mapping[str, str], choices: list[str]) -> str:
    """Parses `text` as one of `choices`. An empty text means the first choice. Raises UsageError."""
    value = text.get(name, "") or choices[0]
    if value not in choices:
        near = difflib.get_close_matches(value, choices, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(choices)}"
        raise _wrong(name, f"is `{value}`, which is not a valid value", hint)
    return value


def _listed(name: str, text: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(text.get(name, "").replace(",", " ").split())


def _seconds(name: str, text: Mapping[str, str]) -> float:
    value = text.get(name, "") or "300"
    if not (value.isascii() and value.isdecimal() and len(value) <= 6):
        raise _wrong(name, f"is `{value}`", "expected a whole number of seconds")
    return float(value)


def _wrong(name: str, what: str, hint: str) -> UsageError:
    return UsageError(f"the input `{name}` {what}", hint=hint)

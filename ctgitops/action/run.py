"""The Action's entry: inputs and an event become one verb, and however it ends, the summary says so."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from ..core.ask import Applying, Asking, Checking, Finalising, Ground, Planning, decide, ground_of
from ..core.environment import Environment
from ..core.event import Event, Nothing, PullRequest, Refused
from ..errors import CtgitopsError, UsageError
from ..github.event import read_event
from ..github.inputs import Command, Inputs, read_inputs
from ..github.runner import Runner
from ..github.secrets import secrets_in
from ..report.escape import fence, plain
from ..wiring import Wiring
from . import change, look, planning
from .job import Job
from .telling import Teller

LONGEST_EVENT = 30 << 20
UNEXPECTED = 1


def main(environ: Mapping[str, str] = os.environ) -> int:
    """One step of a workflow; returns its exit status."""
    runner = Runner(environ, sys.stdout)
    runner.mask(secrets_in(environ, (), environ.get("INPUT_GITHUB-TOKEN", "").strip()))
    try:
        return _run(environ, runner)
    except CtgitopsError as error:
        _job(environ, runner, Inputs()).show_error(error)
        return error.exit_status
    except KeyboardInterrupt:
        runner.summarise(
            "### ⛔ The run was asked to stop\n\nWhat was reported as done is done; nothing else was kept."
        )
        raise
    except Exception as error:  # noqa: BLE001 - a summary that says nothing would look like success
        _unexpected(runner, error)
        return UNEXPECTED


def _run(environ: Mapping[str, str], runner: Runner) -> int:
    inputs = read_inputs(environ)
    job = _job(environ, runner, inputs)
    event = _event(environ)
    secrets = [name for e in job.wiring.workspace.environments for name in _secrets_of(e)]
    runner.mask(secrets_in(environ, secrets, inputs.github_token))
    if not inputs.github_token:
        runner.warn("the input `github-token` is empty, so there is no comment, no check and no deployment")
    return _asked(job, event)


def _job(environ: Mapping[str, str], runner: Runner, inputs: Inputs) -> Job:
    root = Path(environ.get("GITHUB_WORKSPACE", "") or ".") / inputs.root
    teller = Teller(runner)
    job = Job(environ, inputs, Wiring(root, environ), runner, teller)
    if inputs.github_token:
        teller.forge = job.wiring.forge(inputs.github_token, teller.warn)
    return job


def _secrets_of(environment: Environment) -> tuple[str, ...]:
    backup = environment.backup
    return (environment.url_secret, *([backup.verify_server] if backup and backup.verify_server else []))


def _event(environ: Mapping[str, str]) -> Event | Nothing | Refused:
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        raise UsageError("GITHUB_EVENT_PATH is not set", hint="`ctgitops action` is what a GitHub runner calls")
    try:
        payload = json.loads(Path(path).read_bytes()[:LONGEST_EVENT])
    except (OSError, ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise UsageError("the file at GITHUB_EVENT_PATH cannot be read as JSON", hint="GitHub's runner writes it")
    return read_event(environ.get("GITHUB_EVENT_NAME", ""), payload)


def _asked(job: Job, event: Event | Nothing | Refused) -> int:
    """By the command, else by the event."""
    if isinstance(event, PullRequest) and event.outside:
        return look.check(job, Checking(event.outside))
    match job.inputs.command:
        case Command.AUTO:
            return _by_event(job, event)
        case Command.PLAN:
            return planning.plan(job, _planning(event))
        case Command.APPLY | Command.ROLLBACK:
            return _change(job, event)
        case Command.STATUS:
            return look.status(job)
        case Command.CHECK:
            return look.check(job)


def _planning(event: Event | Nothing | Refused) -> Planning:
    asked = event if isinstance(event, Nothing | Refused) else decide(event, ())
    return asked if isinstance(asked, Planning) else Planning(())


def _by_event(job: Job, event: Event | Nothing | Refused) -> int:
    asked = event if isinstance(event, Nothing | Refused) else decide(event, job.wiring.workspace.environments)
    match asked:
        case Planning():
            return planning.plan(job, asked)
        case Applying():
            return _apply(job, asked)
        case Checking():
            return look.check(job, asked)
        case Finalising():
            return look.finalise(job, asked)
        case Asking(inputs=inputs):
            return _as_a_person_says(job, event, dict(inputs))
        case Nothing() | Refused():
            return _nothing(job, asked)


def _as_a_person_says(job: Job, event: Event | Nothing | Refused, given: Mapping[str, str]) -> int:
    asked = job.inputs.filled(given)
    if asked.command is Command.AUTO:
        hint = "give the workflow an input `command`, or this step `with: {command: …}`"
        raise UsageError("a workflow that is started by hand must say what to do", hint=hint)
    return _asked(job.asking(asked), event)


def _change(job: Job, event: Event | Nothing | Refused) -> int:
    inputs = job.inputs.named()
    ground = event if isinstance(event, Nothing | Refused) else ground_of(event)
    if not isinstance(ground, Ground):
        return _nothing(job, ground)
    if inputs.command is Command.ROLLBACK:
        return change.rollback(job, ground)
    return _apply(job, Applying((job.wiring.environment(inputs.environment),), ground))


def _apply(job: Job, ask: Applying) -> int:
    if job.inputs.environment:
        ask = Applying(tuple(e for e in ask.environments if e.name == job.inputs.environment), ask.ground)
    if not ask.environments:
        return _nothing(job, Nothing(f"the event is not for `{job.inputs.environment}`"))
    if job.inputs.dry_run:
        return planning.plan(job, Planning(ask.environments))
    return change.apply(job, ask)


def _nothing(job: Job, asked: Nothing | Refused) -> int:
    """A step that did nothing says that it did nothing, and why."""
    if isinstance(asked, Refused):
        raise UsageError(asked.why, hint=asked.hint)
    job.runner.say(f"Nothing was done: {asked.why}.")
    job.runner.summarise(f"### Nothing was done\n\n{plain(asked.why)}.")
    return 0


def _unexpected(runner: Runner, error: Exception) -> None:
    told = "".join(traceback.format_exception(error))
    with runner.group("Unexpected error"):
        runner.say(told)
    runner.fail(f"unexpected: {type(error).__name__}: {error}")
    runner.summarise(f"### ⛔ Something unexpected happened, please report it\n\n{fence(told, 'text')}")

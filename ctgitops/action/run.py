"""Entry point of the Action. Chooses one command from the inputs and the event. The job summary shows every result."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..core.environment.environment import Environment
from ..core.forge.event import (
    Comment,
    Dispatch,
    Event,
    Ignored,
    MergeGroup,
    OutsideRun,
    PullRequest,
    Push,
    Refused,
    Release,
    Schedule,
    TagPush,
)
from ..core.forge.intent import (
    Applying,
    Checking,
    Finalising,
    ManualRun,
    PlanFromApi,
    Planning,
    Provenance,
    Unlocking,
    decide,
    provenance_of,
)
from ..errors import CtgitopsError, UsageError
from ..files.parser_process import parsing_apart
from ..github.event import read_event
from ..github.inputs import Command, Inputs, read_inputs
from ..github.runner import Runner
from ..github.secrets import secrets_in
from ..report.escape import fence, plain
from ..wiring.wiring import Wiring
from . import change, comment_command, corrections, drill, fork_plan, planning, read_only, resume, traffic
from .base_branch import BaseCommit
from .github_writer import GitHubWriter
from .job import Job
from .project_tests import show_tests
from .provenance import check_manifests, prove
from .records import record_failure

Happened = Event | Ignored | Refused

LONGEST_EVENT = 30 << 20
UNEXPECTED, UNWRITTEN = 1, 2
CHANGES = "applied"
"""An output that is set only by steps that change a database. Their exit status ignores unwritten outputs."""


def main(environ: Mapping[str, str] = os.environ, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Runs one step of a workflow. Returns its exit status. `stopping` returns whether a signal was received."""
    runner = Runner(environ, sys.stdout)
    runner.mask(secrets_in(environ, (), environ.get("INPUT_GITHUB-TOKEN", "").strip()))
    try:
        with parsing_apart():  # the files can be a stranger's, and this process knows secrets
            return _with_outputs(runner, _run(environ, runner, stopping))
    except CtgitopsError as error:
        _job(environ, runner, Inputs()).show_error(error)
        return error.exit_status
    except KeyboardInterrupt:
        runner.summarise(
            "### ⛔ The run was asked to stop\n\nSteps that were reported as done are done; nothing else was kept."
        )
        raise
    except Exception as error:  # noqa: BLE001 - an empty summary would look like success
        _unexpected(runner, error)
        return UNEXPECTED


def _with_outputs(runner: Runner, status: int) -> int:
    """The exit status. It is UNWRITTEN if a successful read-only step could not write its outputs."""
    if not runner.unwritten:
        return status
    runner.fail(f"outputs of this step are missing: {', '.join(sorted(runner.unwritten))}")
    return UNWRITTEN if status == 0 and CHANGES not in runner.unwritten else status


def _run(environ: Mapping[str, str], runner: Runner, stopping: Callable[[], bool]) -> int:
    inputs = read_inputs(environ)
    job = replace(_job(environ, runner, inputs), stopping=stopping)
    event = _event(environ)
    if not inputs.github_token:
        runner.warn("the input `github-token` is empty, so there is no comment, no check and no deployment")
    try:
        secrets = [name for e in _environments(job, event) for name in _secrets_of(e)]
        runner.mask(secrets_in(environ, secrets, inputs.github_token))
        return _run_command(job, event)
    except CtgitopsError as error:
        _record_failure(job, event, error)
        raise


def _record_failure(job: Job, event: Happened, error: CtgitopsError) -> None:
    """Records on a merged pull request that the run after the merge ended before it read any environment."""
    applies = job.inputs.command in (Command.AUTO, Command.APPLY)
    if applies and isinstance(event, Push) and event.branch == event.default_branch:
        number = job.github_writer.pull_request_of(event.sha)
        if number is not None:
            record_failure(job, number, event.sha, error)


def _job(environ: Mapping[str, str], runner: Runner, inputs: Inputs) -> Job:
    root = Path(environ.get("GITHUB_WORKSPACE", "") or ".") / inputs.root
    github_writer = GitHubWriter(runner)
    job = Job(environ, inputs, Wiring(root, environ), runner, github_writer)
    if inputs.github_token:
        github_writer.forge = job.wiring.forge(inputs.github_token, github_writer.warn)
    return job


def _environments(job: Job, event: Happened) -> tuple[Environment, ...]:
    """The environments of the checkout. Does not read the migrations if the event is about another commit."""
    elsewhere = isinstance(event, Comment | OutsideRun)
    return job.wiring.environments if elsewhere else job.wiring.workspace.environments


def _secrets_of(environment: Environment) -> tuple[str, ...]:
    backup = environment.backup
    others = (environment.shadow.url_secret, (backup.verify_server or "") if backup else "")
    return (environment.url_secret, *filter(None, others))


def _event(environ: Mapping[str, str]) -> Happened:
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        raise UsageError("GITHUB_EVENT_PATH is not set", hint="run `ctgitops action` in a GitHub workflow")
    try:
        payload = json.loads(Path(path).read_bytes()[:LONGEST_EVENT])
    except (OSError, ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise UsageError(
            "the file at GITHUB_EVENT_PATH cannot be read as JSON",
            hint="the GitHub runner writes it: run the job again",
        )
    return read_event(environ.get("GITHUB_EVENT_NAME", ""), payload)


def _run_command(job: Job, event: Happened) -> int:
    """Runs the command that the input names or, by default, the command for the event."""
    if isinstance(event, PullRequest) and event.outside:
        return _outside(job, event)
    if isinstance(event, Comment):
        done = comment_command.run_comment_command(job, event, lambda: _commanded(job, event))
        return _nothing(job, done) if isinstance(done, Ignored) else done
    return _commanded(job, event)


def _outside(job: Job, event: PullRequest) -> int:
    ask = Checking(event.outside, event.number)
    return read_only.check(job, ask) if job.inputs.command is Command.CHECK else read_only.files_only(job, ask)


def _commanded(job: Job, event: Happened) -> int:
    match job.inputs.command:
        case Command.AUTO:
            return _nothing(job, event) if isinstance(event, Ignored | Refused) else _by_event(job, event)
        case Command.PLAN:
            return _plan(job, event)
        case Command.APPLY | Command.ROLLBACK:
            return _change(job, event)
        case Command.STATUS:
            _prove_tag(job, event)
            unmerged = event if isinstance(event, PullRequest | MergeGroup) else None
            return read_only.status(job, BaseCommit(unmerged.base_sha, unmerged.instead) if unmerged else None)
        case Command.CHECK | Command.TESTS:
            return read_only.check(job) if job.inputs.command is Command.CHECK else show_tests(job, event)
        case Command.DRIFT | Command.DRILL | Command.RESUME | Command.TRAFFIC | Command.UNLOCK | Command.REPAIR:
            return _on_merged(job, event)


def _on_merged(job: Job, event: Happened) -> int:
    """Runs a command that connects to addresses in the checkout's manifests. Requires a merged checkout."""
    provenance = event if isinstance(event, Ignored | Refused) else provenance_of(event)
    if not isinstance(provenance, Provenance):
        return _nothing(job, provenance)
    prove(job, provenance)
    alone = {Command.DRIFT: read_only.drift, Command.DRILL: drill.drill, Command.RESUME: resume.resume}
    alone[Command.TRAFFIC] = traffic.traffic
    if command := alone.get(job.inputs.command):
        return command(job)
    if job.inputs.command is Command.REPAIR:
        return corrections.repair(job, provenance)
    return corrections.unlock(job, Unlocking((job.wiring.environment(job.inputs.named().environment),)))


def _applied(job: Job, event: Event, ask: Applying | Ignored | Refused) -> int:
    """Runs `apply`. A scheduled run first checks for drift, but drift does not prevent the apply."""
    if isinstance(ask, Ignored) and isinstance(event, Push | TagPush | Release):
        check_manifests(job)
    drifted = read_only.drift(job) if isinstance(event, Schedule) else 0
    done = _nothing(job, ask) if isinstance(ask, Ignored | Refused) else _apply(job, ask, event)
    return done or drifted


def _prove_tag(job: Job, event: Happened) -> None:
    """Verifies a tag's commit before its manifests are read. The manifests decide which databases to connect to."""
    if not isinstance(event, TagPush | Release | Dispatch):
        return
    provenance = provenance_of(event)
    if isinstance(provenance, Refused) and isinstance(event, TagPush):
        raise UsageError(provenance.why, hint=provenance.hint)
    if isinstance(provenance, Provenance):
        prove(job, provenance)


def _plan(job: Job, event: Happened) -> int:
    _prove_tag(job, event)
    if isinstance(event, Ignored | Refused):
        return _planned(job, Planning((), event=event if isinstance(event, Refused) else None))
    ask = decide(event, ())
    return _planned(job, ask if isinstance(ask, Planning | PlanFromApi) else Planning((), event=event))


def _planned(job: Job, ask: Planning | PlanFromApi) -> int:
    if isinstance(ask, Planning):
        return planning.plan(job, ask)
    done = fork_plan.plan(job, ask)
    return _nothing(job, done) if isinstance(done, Ignored) else done


def _by_event(job: Job, event: Event) -> int:
    ask = decide(event, _environments(job, event))
    match ask:
        case Planning() | PlanFromApi():
            return _planned(job, ask)
        case Unlocking():
            return corrections.unlock(job, ask)
        case Checking():
            return read_only.files_only(job, ask)
        case Finalising():
            return read_only.finalise(job, ask)
        case ManualRun(inputs=inputs):
            return _run_manual(job, event, dict(inputs))
        case Applying() | Ignored() | Refused():
            return _applied(job, event, ask)


def _run_manual(job: Job, event: Event | Ignored | Refused, given: Mapping[str, str]) -> int:
    filled = job.inputs.filled(given)
    if filled.command is Command.AUTO:
        hint = "add an input `command` to the workflow, or `with: {command: …}` to this step"
        raise UsageError("a workflow that is started manually needs a command", hint=hint)
    return _commanded(job.asking(filled), event)


def _change(job: Job, event: Happened) -> int:
    inputs = job.inputs.named()
    if isinstance(event, Ignored | Refused):
        return _nothing(job, event)
    provenance = provenance_of(event)
    if not isinstance(provenance, Provenance):
        return _nothing(job, provenance)
    if inputs.command is Command.ROLLBACK:
        return change.rollback(job, provenance)
    return _apply(job, Applying((job.wiring.environment(inputs.environment),), provenance), event)


def _apply(job: Job, ask: Applying, event: Event) -> int:
    if job.inputs.environment:
        ask = Applying(tuple(e for e in ask.environments if e.name == job.inputs.environment), ask.provenance)
    if not ask.environments:
        return _nothing(job, Ignored(f"the event is not for `{job.inputs.environment}`"))
    if job.inputs.dry_run:
        prove(job, ask.provenance)
        return planning.plan(job, Planning(ask.environments, event=event))
    return change.apply(job, ask)


def _nothing(job: Job, why: Ignored | Refused) -> int:
    """Reports that the step did nothing, and why."""
    if isinstance(why, Refused):
        raise UsageError(why.why, hint=why.hint)
    job.undone.append(why.why)
    job.runner.say(f"Nothing was done: {why.why}.")
    job.runner.summarise(f"### Nothing was done\n\n{plain(why.why)}.")
    return 0


def _unexpected(runner: Runner, error: Exception) -> None:
    text = "".join(traceback.format_exception(error))
    with runner.group("Unexpected error"):
        runner.say(text)
    runner.fail(f"unexpected: {type(error).__name__}: {error}")
    runner.summarise(f"### ⛔ Unexpected error, please report it\n\n{fence(text, 'text')}")

"""Reads the override of gates that a person requests when starting a workflow."""

from __future__ import annotations

from ..core.gate.override import Override
from ..errors import UsageError
from .job import Job

MANUAL = "workflow_dispatch"


def override_in(job: Job) -> Override | None:
    """The override in the workflow's inputs. None if the inputs contain no override. Raises UsageError.

    Only a person who starts a run by hand can override gates. A push, label, comment or schedule cannot.
    """
    if not job.inputs.override:
        return None
    event = job.environ.get("GITHUB_EVENT_NAME", "")
    if event != MANUAL:
        what = f"the input `override` is set in a run that the event `{event}` started"
        hint = "start the workflow by hand (`workflow_dispatch`), and enter `override` and `reason` there"
        raise UsageError(what, state="nothing was changed", hint=hint)
    return Override.parse(job.inputs.override, job.inputs.reason)

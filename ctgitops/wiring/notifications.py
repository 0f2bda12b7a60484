"""Sends notifications to the receivers of an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ..core.run.progress import InterruptedRunFound, Listener
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.backup.drill import DrillResult
    from ..core.environment.environment import Environment
    from ..core.environment.receiver import Receiver
    from ..core.gate.request import Origin
    from ..core.run.outcome import Outcome
    from ..core.view.drift import DriftResult
    from ..core.workspace.workspace import Workspace
    from ..errors import CtgitopsError
    from ..notify.alerts import Alert
    from ..notify.delivery import Delivery
    from ..report.notification import Notification


@dataclass(frozen=True)
class Notifications:
    """The receivers of one checkout. The methods return warnings about receivers that were not reached."""

    workspace: Workspace
    origin: Origin
    environ: Mapping[str, str] = field(repr=False)

    def result(
        self,
        environment: Environment,
        result: Outcome | CtgitopsError,
        pull_request: int | None = None,
        command: str = "",
    ) -> tuple[str, ...]:
        """Sends the result of a run. `pull_request` is used in place of the number in the run's origin.

        `command` is the command line that a person can run again. Empty on GitHub, where the run itself is linked.
        """
        if not self._receivers(environment):
            return ()
        from ..core.gate.wait import wait_of
        from ..errors import CtgitopsError
        from ..report.notification import of_error, of_load, of_outcome

        origin = self._origin(pull_request)
        if isinstance(result, CtgitopsError):
            return self._send(environment, of_error(result, environment.name, origin).of_command(command))
        ended = None if result.announced else of_outcome(result, origin, wait_of(environment, result.reasons))
        ended = ended and ended.of_command(command)
        return (*self._send(environment, ended), *self._send(environment, of_load(result, origin)))

    def drift(self, result: DriftResult) -> tuple[str, ...]:
        """Sends the result of a comparison, but only if there is drift or the comparison was impossible."""
        if not self._receivers(result.environment):
            return ()
        from ..report.notification import of_drift

        return self._send(result.environment, of_drift(result, self.origin))

    def drill(self, environment: Environment, result: DrillResult) -> tuple[str, ...]:
        """Sends the result of a drill. Sends nothing if the backup was restored and verified."""
        if not self._receivers(environment):
            return ()
        from ..report.notification import of_drill

        return self._send(environment, of_drill(result, self.origin))

    @contextmanager
    def alerting(
        self, environment: Environment, warn: Callable[[str], None], pull_request: int | None = None
    ) -> Iterator[Listener]:
        """Yields a listener that notifies receivers during a run. `pull_request` has the meaning as in `result`.

        Calls `warn` for each receiver that was not reached, possibly from another thread.
        """
        if not self._receivers(environment):
            yield lambda _: None
            return
        from ..notify.alerts import Alerts

        origin = self._origin(pull_request)

        def send(alert: Alert) -> None:
            for warning in self._send(environment, _of_alert(alert, environment, origin)):
                warn(warning)

        with Alerts(send) as alerts:
            yield alerts.hear

    def test(self, environment: Environment) -> tuple[Delivery, ...]:
        """Sends a test to each receiver of an environment, whichever events the receiver wants."""
        from ..core.environment.receiver import Event
        from ..notify.delivery import deliver
        from ..report.notification import Notification

        summary = "this is a test; nothing was run"
        test = Notification(Event.APPLIED, environment.name, summary, origin=self.origin)
        every = tuple(replace(each, events=frozenset(Event)) for each in self._receivers(environment))
        return deliver(test, every, self.environ)

    def _origin(self, pull_request: int | None) -> Origin:
        return replace(self.origin, pull_request=pull_request or self.origin.pull_request)

    def _receivers(self, environment: Environment) -> tuple[Receiver, ...]:
        return (*self.workspace.policy.notify, *environment.notify)

    def _send(self, environment: Environment, notification: Notification | None) -> tuple[str, ...]:
        if notification is None:
            return ()
        from ..github.secrets import hidden, secrets_in
        from ..notify.delivery import deliver

        receivers = self._receivers(environment)
        names = {environment.url_secret, *(name for each in receivers for name in (each.secret, each.signing_secret))}
        secrets = secrets_in(self.environ, names, self.environ.get("INPUT_GITHUB-TOKEN", ""))
        sent = deliver(notification.changed(lambda text: hidden(text, secrets)), receivers, self.environ)
        return tuple(f"the notification to {each.receiver} was not sent: {each.error}" for each in sent if each.error)


def _of_alert(alert: Alert, environment: Environment, origin: Origin) -> Notification | None:
    from ..core.run.outcome import Outcome
    from ..notify.alerts import LONG_WAIT_SECONDS
    from ..report.notification import LongWait, of_interrupted, of_long_wait, of_outcome, of_override

    match alert:
        case LongWait():
            return of_long_wait(alert, LONG_WAIT_SECONDS, environment.name, origin)
        case InterruptedRunFound(run=run):
            return of_interrupted(run, environment.name, origin)
        case Outcome():
            return of_outcome(alert, origin)
        case _:
            return of_override(alert.override, environment.name, origin)

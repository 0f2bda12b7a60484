"""The command `doctor`. Runs all checks, each with a time limit. A missing result never counts as a success."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from ..core.doctor.check_list import CHECKS
from ..core.doctor.diagnosis import Checkup, Diagnosis, ensured, unknown
from ..errors import CtgitopsError

if TYPE_CHECKING:
    from ..ports.examination import Examination, Look

LONGEST = 10.0
"""Maximum seconds for one check."""


def doctor(examinations: tuple[Examination, ...], families: tuple[str, ...], longest: float = LONGEST) -> Checkup:
    """Runs the checks of `families`. Examinations run at the same time. Read-only, except for a probe in the store."""
    found: list[list[Diagnosis]] = [[] for _ in examinations]

    def examine(at: int) -> None:
        found[at].extend(_examined(examinations[at], families, longest))

    threads = [Thread(target=examine, args=(at,), daemon=True) for at in range(len(examinations))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Checkup(tuple(each for results in found for each in results))


def _examined(examination: Examination, families: tuple[str, ...], longest: float) -> Iterator[Diagnosis]:
    """The results of one examination. After a check that hangs, the results of the remaining checks are unknown."""
    late = ""
    for check, look in examination.looks.items():
        if CHECKS[check].family not in families:
            continue
        results = None if late else _looked(check, look, longest)
        if results is None:
            why = (
                f"the check `{late}` did not end, and this check needs the same connection"
                if late
                else f"no result within {longest:g} s"
            )
            results = (unknown(check, why, "run the command again"),)
            late = late or check
        yield from (replace(each, subject=each.subject or examination.subject) for each in results)
    if not late:
        examination.close()


def _looked(check: str, look: Look, longest: float) -> tuple[Diagnosis, ...] | None:
    """The results of one check. None if the check takes too long. Does not stop the thread of the check."""
    answers: SimpleQueue[tuple[Diagnosis, ...]] = SimpleQueue()
    Thread(target=lambda: answers.put(_tried(check, look)), daemon=True).start()
    try:
        return answers.get(timeout=longest)
    except Empty:
        return None


def _tried(check: str, look: Look) -> tuple[Diagnosis, ...]:
    found: list[Diagnosis] = []
    try:
        found.extend(look())
    except CtgitopsError as error:
        found.append(unknown(check, error.what, error.hint))
    except Exception as error:  # noqa: BLE001 - a check that fails must not hide the results of the others
        # The text of an unexpected error can contain a secret
        found.append(unknown(check, f"the check failed: {type(error).__name__}"))
    return ensured(check, found)

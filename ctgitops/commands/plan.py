"""Plan: what apply would do, for one environment or for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ..core.gate import reasons_to_wait, with_warnings
from ..core.mention import goes, mention_problems
from ..core.plan import make_plan
from ..core.preview import Look, Preview, Unseen, beside_each_other, with_problems
from ..core.request import Request
from ..errors import CtgitopsError
from ..ports import Code, Databases


def plan(requests: tuple[Request, ...], *, databases: Databases, code: Code) -> tuple[Look, ...]:
    """One look per request, in their order; an environment that cannot be read does not cost the others. Read-only."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        looks = tuple(pool.map(lambda request: _look(request, databases), requests))
    return _with_mentions(beside_each_other(looks), code)


def _with_mentions(looks: tuple[Look, ...], code: Code) -> tuple[Look, ...]:
    """What the code still uses; it is searched once, and only for what goes."""
    those = dict.fromkeys(each for look in looks if isinstance(look, Preview) for each in goes(look.plan))
    if not those:
        return looks
    searched = code.mentions(tuple(those))
    return tuple(
        one
        for look in looks
        for one in with_problems((look,), mention_problems(look.plan, searched) if isinstance(look, Preview) else ())
    )


def _look(request: Request, databases: Databases) -> Look:
    environment = request.environment
    try:
        ledger = databases.of(environment).ledger()
        made = with_warnings(make_plan(request.workspace, environment, ledger, request.target), request)
        if made.empty or made.blocked:
            return Preview(environment, made)
        return Preview(environment, made, reasons_to_wait(made, request, databases.predecessor(request)))
    except CtgitopsError as error:
        return Unseen(environment, error)

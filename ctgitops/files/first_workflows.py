"""The workflows that `ctgitops init` writes for GitHub Actions, and that this repository uses itself."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from .. import __version__
from ..core.doctor.variables import IDENTITY, wanted
from ..core.environment.environment import Environment, Trigger
from ..lazy import dataclass
from .scaffold import NewFile

if TYPE_CHECKING:
    from jinja2 import Environment as Templates

    from ..core.environment.policy import Policy

FOLDER = ".github/workflows"
ALWAYS = ("plan", "deploy", "drift", "commands")
DRILL, FORK = "drill", "fork"
PLAN, BACKUPS = "plan", "backups"
"""The environments on GitHub of the jobs that only read databases, and of the drill."""
ACTION = f"constructtrack/ctgitops@v{__version__.partition('.')[0]}"
_LOCAL = re.compile(r"dev|local|test", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./*-]*")
_INDENT = "\n          "
_BY_HAND = ("plan", "apply")
"""The IDs of the jobs that a person can start by hand."""


@dataclass(frozen=True)
class WorkflowStyle:
    """How the workflows are named, and how they get ctgitops."""

    action: str = ACTION
    package: str = "'ctgitops[embedded]'"
    prefix: str = "ctgitops"
    """The beginning of the names of the files and workflows, so that they differ from other workflows."""
    unmerged_permissions: str = "permissions: {contents: read} # the checkout of a private repository"


@dataclass(frozen=True)
class WorkflowOrder:
    """The workspace for which workflows are written."""

    environments: tuple[Environment, ...]
    policy: Policy
    root: str = ""
    """The folder of the workspace, relative to the top of the repository. Empty for the top."""
    branch: str = "main"
    style: WorkflowStyle = WorkflowStyle()
    tests: bool | None = None
    """Whether plan.yml runs the project's own tests. None if the policy decides."""

    @property
    def prefix(self) -> str:
        """The beginning of file names and of concurrency groups, which differs for each workspace."""
        return "-".join(filter(None, (self.style.prefix, _words(self.root))))

    @property
    def deployed(self) -> tuple[Environment, ...]:
        """The environments that GitHub deploys to, each after its predecessor.

        Leaves out the databases of developers if other databases exist.
        """
        ordered = _in_order(self.environments)
        return tuple(each for each in ordered if not _is_local(each)) or ordered

    @property
    def stores_backups(self) -> bool:
        """Whether a backup is in a store that another machine can read."""
        return any(e.backup and not e.backup.in_folder and not e.backup.provider for e in self.deployed)

    @property
    def github_environments(self) -> dict[str, tuple[str, ...]]:
        """Maps the environments on GitHub that the workflows use to the names of their secrets."""
        receivers = (r for e in self.deployed for r in (*e.notify, *self.policy.notify))
        notified = (name for each in receivers for name in (each.secret, each.signing_secret) if name)
        found = {PLAN: tuple(dict.fromkeys((*self.read_secrets, *notified)))}
        found |= {each.name: self.secrets_of(each) for each in self.deployed}
        if self.stores_backups:
            found[BACKUPS] = (IDENTITY,) if any(e.backup and e.backup.encrypt_to for e in self.deployed) else ()
        return found

    def file(self, name: str) -> str:
        """The name of the file of one workflow."""
        return f"{self.prefix}-{name}.yml" if self.prefix else f"{name}.yml"

    def triggered_by(self, trigger: Trigger) -> tuple[Environment, ...]:
        """The environments that an event applies to."""
        return tuple(each for each in self.deployed if each.trigger is trigger)

    @property
    def read_secrets(self) -> tuple[str, ...]:
        """The secrets of a job that only reads databases."""
        pairs = ((each.url_secret, each.shadow.url_secret) for each in self.deployed)
        return tuple(dict.fromkeys(name for pair in pairs for name in pair if name))

    def secrets_of(self, *environments: Environment) -> tuple[str, ...]:
        """The secrets of a job that changes these environments. It also reads their predecessors."""
        found = dict.fromkeys(
            e.url_secret for each in environments for e in _with_predecessors(each, self.environments)
        )
        for each in environments:
            found |= dict.fromkeys(wanted(each, (*each.notify, *self.policy.notify)))
        return tuple(found)


@dataclass(frozen=True)
class Pair:
    """Two jobs of the workflow that deploys: one makes a plan, and the other applies exactly that plan."""

    plan: str
    apply: str
    target: str
    event: str
    """The condition for the name of the event."""
    environments: tuple[Environment, ...]

    @property
    def backup(self) -> bool:
        """Whether an environment has a backup."""
        return any(each.backup for each in self.environments)


def workflow_file(order: WorkflowOrder, name: str) -> NewFile:
    """One workflow for a workspace. `name` is the name of its template, such as `deploy`."""
    return NewFile(f"{FOLDER}/{order.file(name)}", _templates().get_template(f"{name}.yml").render(_values(order)))


def with_pins_of(text: str, existing: str) -> str:
    """The text with the versions of actions that an existing workflow uses, as Dependabot or a person chose them."""
    pins = {m[1]: m[2] for m in _USES.finditer(existing)}
    return _USES.sub(lambda m: f"uses: {m[1]}@{pins.get(m[1], m[2])}", text)


_USES = re.compile(r"(?m)(?<!# - )uses: ([^\s@]+)@(\S+(?: # v\S+)?)[ \t]*$")


def _values(order: WorkflowOrder) -> dict[str, Any]:
    pushed, released = order.triggered_by(Trigger.PUSH), order.triggered_by(Trigger.RELEASE)
    tests = order.tests if order.tests is not None else bool(order.policy.tests or order.policy.benchmarks)
    return {
        "action": order.style.action,
        "package": order.style.package,
        "unmerged_permissions": order.style.unmerged_permissions,
        "root": scalar(order.root) if order.root else "",
        "root_option": f" --root {shlex.quote(order.root)}" if order.root else "",
        "label": _label(order.root),
        "group": "-".join(filter(None, ("ctgitops", _words(order.root)))),
        "branches": in_list(order.branch),
        "paths": in_list(*_paths(order)),
        "readers": order.read_secrets,
        "checkers": order.github_environments[PLAN],
        "drill": (IDENTITY,),
        "tests": (pushed or order.deployed)[-1].name if tests else "",
        "pushed": pushed,
        "released": released,
        "commanded": next((each for each in pushed if not each.after), None),
        "offered": tuple(each.name for each in order.deployed),
        "waits": any(
            e.windows or e.freezes or e.bake or e.after or e.trigger is Trigger.SCHEDULE for e in order.deployed
        ),
        "on_a_tag": f"; for {_names(released)}, start the workflow on a tag" if released else "",
        "pairs": tuple(_pairs(order, released)),
        "file": order.file,
        "title": lambda title: _title(order, title),
        "names": _names,
        "env": lambda names: _INDENT.join(("env:", *(f"{n}: ${{{{ secrets.{n} }}}}" for n in names))),
        "secrets_of": order.secrets_of,
        "job": _job,
        "heading": lambda each: each.name[:1].upper() + each.name[1:],
        "pushed_before": lambda each: next((_job(e) for e in pushed if e.name == each.after), ""),
        "in_list": in_list,
    }


def _title(order: WorkflowOrder, title: str) -> str:
    return f"{order.style.prefix} {title.lower()}{_label(order.root)}" if order.prefix else title


def _label(root: str) -> str:
    """The end of the names of workflows and jobs, if a repository has several workspaces."""
    return f" {re.sub(r'[^A-Za-z0-9_./-]+', '-', root)}" if root else ""


def _names(environments: tuple[Environment, ...]) -> str:
    return " and ".join(each.name for each in environments)


def _pairs(order: WorkflowOrder, released: tuple[Environment, ...]) -> Iterable[Pair]:
    """The first pair of jobs also serves the runs that a person starts by hand."""
    first = f"inputs.environment || '{released[0].name}'" if released else "inputs.environment"
    yield Pair(*_BY_HAND, f"${{{{ {first} }}}}", "!= 'push'", order.deployed)
    for each in released[1:]:
        yield Pair(f"plan-{each.name}", f"apply-{each.name}", each.name, "== 'release'", (each,))


def _paths(order: WorkflowOrder) -> tuple[str, ...]:
    start = f"{order.root}/" if order.root else ""
    seeds = (folder for each in order.environments for folder in each.seeds if not folder.startswith("seeds/"))
    folders = dict.fromkeys((order.policy.layout.folder, "migrations", "environments", "seeds", *seeds))
    return tuple("**/*.sql" if folder == "." else f"{_escaped(start + folder)}/**" for folder in folders)


def _escaped(path: str) -> str:
    """A folder as a pattern of GitHub. In a pattern, some characters have a meaning."""
    return re.sub(r"([*?+\[\]!])", r"\\\1", path)


def _job(environment: Environment) -> str:
    """The ID of the job that applies a merge. An ID begins with a letter."""
    taken = environment.name in _BY_HAND or not environment.name[0].isalpha()
    return f"merge-{environment.name}" if taken else environment.name


def _words(root: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", root).strip("-")


def _is_local(each: Environment) -> bool:
    return each.trigger is Trigger.MANUAL and (each.disposable or bool(_LOCAL.search(each.name)))


def _with_predecessors(each: Environment, among: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """The environment after its predecessors. A cycle, which `check` reports, ends the chain."""
    by_name, chain = {e.name: e for e in among}, [each]
    while (before := by_name.get(chain[-1].after or "")) and before not in chain:
        chain.append(before)
    return tuple(reversed(chain))


def _in_order(environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """Each environment after its predecessors, those that merges change first."""
    rank = {Trigger.PUSH: 0, Trigger.SCHEDULE: 1, Trigger.MANUAL: 2, Trigger.RELEASE: 3}
    ranked = sorted(environments, key=lambda each: (rank[each.trigger], each.name))
    return tuple({e.name: e for each in ranked for e in _with_predecessors(each, environments)}.values())


def scalar(text: str) -> str:
    """A text as a YAML scalar, with quotation marks where YAML requires them."""
    plain = all(_PLAIN.fullmatch(word) for word in text.split(" ")) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


def in_list(*texts: str) -> str:
    """Texts as a YAML list on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


@cache
def _templates() -> Templates:
    from jinja2 import Environment as Templates  # noqa: PLC0415 - takes 40 ms, used only by `init`
    from jinja2 import FunctionLoader, StrictUndefined  # noqa: PLC0415

    folder = resources.files("ctgitops.files") / "workflow_templates"
    templates = Templates(  # noqa: S701 - the text is YAML, and each value is quoted for YAML
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        undefined=StrictUndefined,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["scalar"] = scalar
    return templates

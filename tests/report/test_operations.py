"""Pages about a run that works, an override, and the issue about an environment: complete, and inert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.activity.lock_holder import Holder
from ctgitops.core.activity.run_activity import Gauge, Look, RunActivity, SessionSeen
from ctgitops.core.forge.environment_issue import IssueMemory, Topic, Trouble
from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.status import EnvironmentStatus
from ctgitops.report.environment_issue import issue_text
from ctgitops.report.json import outcome_json, plan_json
from ctgitops.report.markdown import outcome_markdown, plans_markdown
from ctgitops.report.outcome_text import outcome_text
from ctgitops.report.page import MAX
from ctgitops.report.status_json import status_json, watch_json
from ctgitops.report.watch import activity_line, activity_lines, state_of
from tests.fakes import STAGING, migration, workspace
from tests.report.test_json import valid

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
PLAN = make_plan(workspace(migration("001_one", "1.0.0")), STAGING, Ledger())
HOSTILE = "<b>@team</b> ](https://evil.example)\x1b[2J\n::error::x"
USED = UsedOverride((OverriddenWait("window", f"outside {HOSTILE}"),), f"orders {HOSTILE}", "anna", AT)
HOLDER = Holder(
    7, AT, "app", "ctgitops/lock", "local", actor="anna", run_url="https://x.example/1", step="007_index", silent=1.0
)
BUILD = Gauge(8, "CREATE INDEX", "building index: scanning table", 100, 1000, "blocks", "public.big")
SENT = "begin; select set_config('ctgitops.run', 'x');\ncreate index i on big (a)\n;insert into l"
WORKS = RunActivity(
    AT,
    HOLDER,
    "a" * 64,
    AT - timedelta(seconds=130),
    (SessionSeen(8, "ctgitops/007", "app", "active", 118.0, SENT),),
    (BUILD,),
    (
        SessionSeen(9, "psql", "ana", "idle in transaction", 724.0, f"select 'secret' {HOSTILE}"),
        SessionSeen(0, "", ""),
    ),
    tuple(SessionSeen(20 + n, "app", "web", "active", 3.0, "update t set a = 1", "Lock", (8,)) for n in range(7)),
)
LATER = replace(WORKS, at=AT + timedelta(seconds=10), gauges=(replace(BUILD, done=400),))


def test_a_look_says_who_what_how_far_and_who_else() -> None:
    assert "\n".join(activity_lines(Look(LATER, (WORKS,)), "production")) == (
        "production: run by anna, https://x.example/1, plan aaaaaaaaaaaa, for 2 min 20 s\n"
        "  step: 007_index\n"
        "  statement: create index i on big (a), for 1 min 58 s\n"
        "  progress: CREATE INDEX on public.big, building index: scanning table, 40 % of 1,000 blocks, "
        "30 blocks a second, about 20.0 s left in this phase\n"
        "  blocked by: backend 9, psql, user ana, idle in transaction, for 12 min 4 s: select ? <b>@team</b> "
        "](https://evil.example) [?J ::error::x\n"
        "  blocked by: a prepared transaction\n"
        + "".join(
            f"  waiting for the run: backend {20 + n}, app, user web, for 3.0 s: update t set a = ?\n" for n in range(5)
        )
        + "  waiting for the run: and 2 more"
    )


def test_the_progress_of_a_step_is_shown_once_and_a_killed_run_with_the_command_that_tells_more() -> None:
    stale = replace(HOLDER, step="007_index: building index: scanning table, 10 %", silent=900.0)
    said = activity_lines(Look(replace(WORKS, holder=stale)), "production")
    assert "  step: 007_index" in said
    assert any(line.endswith("see `ctgitops unlock --env production`") for line in said), said


def test_a_log_has_a_line_for_a_tenth_and_not_for_each_look() -> None:
    assert state_of(Look(WORKS)) == state_of(Look(replace(LATER, gauges=(replace(BUILD, done=199),))))
    assert state_of(Look(WORKS)) != state_of(Look(LATER))
    assert activity_line(Look(LATER)).startswith("007_index; CREATE INDEX on public.big, building index")


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=6))
def test_a_rate_and_a_rest_are_never_negative_and_need_progress(done: list[int]) -> None:
    looks = [
        replace(WORKS, at=AT + timedelta(seconds=n), gauges=(replace(BUILD, done=count),))
        for n, count in enumerate(done)
    ]
    rest = Look(looks[-1], tuple(looks[:-1])).rest(looks[-1].gauges[0])
    if done[-1] <= done[0]:
        assert rest is None
    else:
        assert rest is not None
        assert rest.rate == (done[-1] - done[0]) / (len(done) - 1)
        assert rest.seconds == (1000 - done[-1]) / rest.rate


def test_a_log_names_the_progress_once_and_the_rest() -> None:
    def at(percent: int, seconds: int) -> RunActivity:
        step = f"007_index: building index: scanning table, {percent // 10 * 10} %"
        holder, gauge = replace(HOLDER, step=step), replace(BUILD, done=10 * percent)
        return replace(WORKS, at=AT + timedelta(seconds=seconds), holder=holder, gauges=(gauge,))

    lagging = replace(at(20, 10), holder=at(10, 0).holder)  # the run reports later than PostgreSQL's view
    assert state_of(Look(lagging)) == state_of(Look(at(20, 11)))
    assert activity_line(Look(lagging, (at(10, 0),))).startswith(
        "007_index; CREATE INDEX on public.big, building index: scanning table, 20 % of 1,000 blocks, "
        "10 blocks a second, about 1 min 20 s left in this phase"
    )
    other = replace(lagging, holder=replace(HOLDER, step="007_index: statement 2 of 3"))
    assert activity_line(Look(other)).startswith("007_index: statement 2 of 3; CREATE INDEX")


def test_documents_keep_their_schemas() -> None:
    found = valid("watch", watch_json("production", Look(LATER, (WORKS,))))
    assert found["run"]["progress"][0]["seconds_left"] == 20
    assert found["run"]["in_the_way"][1]["pid"] is None
    assert valid("watch", watch_json("production", None))["run"] is None
    outcome = valid("outcome", outcome_json(Outcome(PLAN, Status.APPLIED, override=USED)))
    assert outcome["override"]["gates"] == ["window"]
    assert valid("plan", plan_json(Preview(STAGING, PLAN, override=USED)))["override"]["actor"] == "anna"
    status = EnvironmentStatus("staging", override=USED, run=WORKS)
    assert valid("status", status_json((status,)))["environments"][0]["run"]["step"] == "007_index"


def test_an_override_is_shown_and_its_reason_is_inert() -> None:
    outcome = Outcome(PLAN, Status.APPLIED, override=USED)
    assert "  OVERRIDE: window overridden by anna: orders <b>@team</b>" in outcome_text(outcome)
    assert "\x1b" not in outcome_text(outcome)
    first = plans_markdown((Preview(STAGING, PLAN, override=USED),)).split("\n", 1)[0]
    assert "staging OVERRIDES window" in first, "seen to fail with a verdict that asks only for an approval"
    for page in (outcome_markdown(outcome), plans_markdown((Preview(STAGING, PLAN, override=USED),))):
        assert "🔓 <b>OVERRIDE</b>: window overridden by anna: orders" in page
        assert "<b>@team" not in page
        assert "](https://evil" not in page


def test_an_issue_remembers_other_topics_and_tells_changes_alone() -> None:
    drift, drill = Trouble("3 changes", ("+ table a",), "see `ctgitops drift`"), Trouble("no backup")
    first = issue_text("production", "", Topic.DRIFT, drift)
    assert first is not None
    second = issue_text("production", first.memory, Topic.DRILL, drill)
    assert second is not None
    assert (second.title, bool(second.comment)) == ("production: drift and failed drill", True)
    again = issue_text("production", second.memory, Topic.DRIFT, replace(drift, what="4 changes"))
    assert again is not None
    assert (again.comment, "4 changes" in again.body, "no backup" in again.body) == ("", True, True)
    less = issue_text("production", again.memory, Topic.DRIFT, None)
    assert less is not None
    assert (less.open, "closed" in less.comment) == (True, False)
    done = issue_text("production", less.memory, Topic.DRILL, None)
    assert done is not None
    assert (done.open, done.title) == (False, "production: no problem")
    assert issue_text("production", done.memory, Topic.RUN, None) is None
    assert issue_text("production", "", Topic.RUN, None) is None


@given(st.text(max_size=40))
def test_a_memory_that_cannot_be_read_is_no_trouble(text: str) -> None:
    assert IssueMemory.parse(text).troubles == {} or text.startswith("{")


def test_an_issue_is_inert_and_fits() -> None:
    trouble = Trouble(HOSTILE, tuple(f"{n} {HOSTILE}" for n in range(5000)), HOSTILE, "javascript:alert(1)", HOSTILE)
    text = issue_text(HOSTILE, "", Topic.DRIFT, trouble)
    assert text is not None
    assert len(text.body) <= MAX
    outside = text.body.split("```")[0] + text.body.split("```")[-1]
    assert "<b>@team" not in outside
    assert "](https://evil" not in outside
    assert "javascript:" not in text.body
    assert "and 4800 more" in text.body
    assert "\n" not in text.title

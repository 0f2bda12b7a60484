"use strict";
/* The views of runs: environments, lanes, the list of runs, one run, and migrations beside environments. */
{
  const PAGE = 100;
  const WORDS = { "rolled-back": "rolled back" };
  H.word = (result) => WORDS[result] || result;

  H.badge = (result, text) => H.h("span", { class: `badge ${result}` }, text || H.word(result));

  /* What an environment is like now. */
  const card = (environment) => {
    const title = H.h("h3", {}, H.name(environment.environment));
    if (environment.unreadable) {
      return H.h("article", { class: "card bad" }, title, H.badge("failed", "cannot be read"),
        H.h("p", {}, environment.unreadable.what), environment.unreadable.hint && H.h("p", { class: "muted" }, environment.unreadable.hint));
    }
    const { drift } = environment;
    const states = {
      none: () => H.badge("applied", "no drift"),
      drift: () => H.h("a", { href: H.address(["compare", environment.schema, `live-${environment.environment}`]) },
        H.badge("failed", `drift: ${H.count(drift.changes.length, "difference")}`)),
      unknown: () => H.badge("unfinished", "drift unknown"),
      "not-checked": () => H.badge("seeded", "drift not checked"),
    };
    const last = environment.runs[environment.runs.length - 1];
    return H.h("article", { class: "card" }, title,
      H.h("p", { class: "large" }, environment.version || "no version"),
      H.h("p", {}, H.count(environment.migrations, "migration"), ", ", H.count(environment.runs.length, "run")),
      H.h("p", {}, states[drift.state](),
        environment.unfinished.map((name) => H.badge("unfinished", `unfinished: ${name}`)),
        environment.broken_at !== null && H.badge("failed", `ledger changed by hand at entry ${environment.broken_at}`)),
      drift.error && H.h("p", { class: "muted" }, drift.error.what),
      last && H.h("p", { class: "muted" }, "last run ", H.h("a", { href: runAddress(last) }, H.day(last.finished_at)), ` ${H.word(last.result)}`));
  };
  const runAddress = (run) => H.address(["run", run.environment.environment, run.id]);

  H.commit = (sha) => (sha ? H.link(H.data.repository_url && `${H.data.repository_url}/commit/${sha}`, H.h("code", {}, sha.slice(0, 12))) : "–");
  H.pull = (number) => (number ? H.link(H.data.repository_url && `${H.data.repository_url}/pull/${number}`, `#${number}`) : "–");

  const some = (run) => [H.name(H.cut(run.names.slice(0, 3).join(", "), 120)), run.names.length > 3 && ` and ${run.names.length - 3} more`];
  const summary = (run) => [
    H.badge(run.result),
    H.h("span", { class: "where" }, H.name(run.environment.environment)),
    H.h("span", { class: "what" }, some(run)),
    H.h("span", { class: "facts" }, run.version && `v${run.version} · `, H.name(run.actor || "unknown"), run.pull_request && ` · #${run.pull_request}`,
      ` · ${H.duration(run.millis)}`, run.backup && " · backup"),
    H.h("time", { datetime: run.finished_at || "" }, H.time(run.finished_at).slice(0, 16)),
  ];
  const row = (run) => {
    const details = H.h("details", { class: "run", ontoggle: () => {
      if (details.open && !details.lastChild.classList.contains("body")) details.append(body(run));
    } }, H.h("summary", {}, summary(run)));
    return details;
  };

  const facts = (pairs) => H.h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value, wide]) => H.h("div", { class: wide && "wide" }, H.h("dt", {}, name), H.h("dd", {}, value))));

  const backup = (run) => {
    const found = run.backup;
    if (!found) return "none";
    const size = [found.bytes && H.bytes(found.bytes), found.tables !== null && found.tables !== undefined && H.count(found.tables, "table"),
      found.rows !== null && found.rows !== undefined && H.count(found.rows, "row")].filter(Boolean).join(", ");
    const proof = found.by && found.by !== "pg_dump" ? `taken by ${found.by}` : "restored and compared before the run";
    return [H.h("code", {}, found.id), size && ` (${size})`, `, ${proof}`,
      found.restore_with && H.h("div", {}, "restore with ", H.h("code", {}, found.restore_with))];
  };

  const body = (run, alone) => H.h("div", { class: "body" },
    facts([
      ["Started", H.time(run.started_at)], ["Duration", H.duration(run.millis)], ["By", H.name(run.actor || "unknown")],
      ["Pull request", H.pull(run.pull_request)], ["Commit", H.commit(run.commit_sha)],
      ["Run", run.run_url ? H.link(run.run_url, "on GitHub") : "on a command line"],
      ["Plan", run.plan ? H.h("code", {}, run.plan.slice(0, 12)) : "–"], ["Version after", run.version || "–"],
      ["Backup", backup(run), run.backup !== null], ["Recovery point", run.recovery_point, true],
      ["Made with", [run.tool_version && `ctgitops ${run.tool_version}`, run.server_version && `PostgreSQL ${run.server_version}`].filter(Boolean).join(", "), true],
    ]),
    alone || H.h("p", {}, H.h("a", { href: runAddress(run) }, "Link to this run")),
    run.entries.map((each) => entry(each, alone ? "h3" : "h4")));

  const entry = (each, heading) => {
    const text = each.text === null ? null : H.data.texts[each.text];
    if (each.override) return H.h("section", { class: "entry" }, H.h(heading, {}, "Override"), H.h("p", {}, each.override.text),
      H.h("ul", {}, each.override.waits.map((what) => H.h("li", {}, `ignored: ${what}`))));
    return H.h("section", { class: "entry" },
      H.h(heading, {}, H.badge(each.mark), H.name(each.name), each.version && H.h("span", { class: "muted" }, ` ${each.version}`),
        H.h("span", { class: "muted" }, ` ${H.duration(each.millis)}`)),
      each.error && H.h("pre", { class: "error", tabindex: "0", "aria-label": "Error" }, each.error),
      text && texts(text), schemaOf(each));
  };

  const texts = (text) => [
    text.findings === null
      ? H.h("p", { class: "muted" }, "Findings: unknown, because this checkout has no file with this text")
      : text.findings.length === 0 ? H.h("p", { class: "muted" }, "Findings: none")
      : H.h("ul", { class: "findings" }, text.findings.map((finding) => H.h("li", {}, H.badge(finding.severity), H.h("code", {}, finding.rule), ` ${finding.what}`))),
    text.locks === null ? H.h("p", { class: "muted" }, "Locks: unknown, because the SQL cannot be parsed")
      : text.locks.length > 0 && H.h("p", {}, "Locks on relations that the statements name: ",
        text.locks.slice(0, 20).map((lock, at) => [at > 0 && ", ", H.h("code", {}, lock.relation), ` ${lock.mode}`]), text.locks.length > 20 && ` and ${text.locks.length - 20} more`),
    folded("SQL", text.sql, text.left_out), text.rollback_sql && folded("Rollback SQL", text.rollback_sql, 0),
  ];
  const folded = (title, sql, left) => H.h("details", { class: "sql" },
    H.h("summary", {}, title, sql !== null && H.h("span", { class: "muted" }, ` ${H.count(sql.split("\n").length, "line")}`)),
    sql === null ? H.h("p", {}, `This page leaves out the SQL (${left.toLocaleString("en")} characters) to limit its size. The ledger has it.`)
      : H.h("pre", { tabindex: "0", "aria-label": title }, sql),
    sql !== null && left > 0 && H.h("p", {}, `${left.toLocaleString("en")} more characters are in the ledger.`));

  const schemaOf = (each) => {
    if (each.number === null || ["failed", "interrupted", "deferred"].includes(each.mark)) return null;
    const why = H.unknown(each.schema);
    if (why) return H.h("p", { class: "muted" }, `Schema after it: unknown, because ${why}`);
    if (!H.nodes.has(String(each.schema))) return null;
    const { parent } = H.nodes.get(String(each.schema));
    const forwards = ["applied", "baselined"].includes(each.mark) && parent !== null;
    const changes = forwards ? H.nodes.get(String(each.schema)).changes : [];
    return H.h("div", {}, forwards && H.changeList(changes, "Schema changes"),
      H.h("p", {}, H.h("a", { href: H.address(["schema", each.schema]) }, "Schema after it"),
        forwards && [" · ", H.h("a", { href: H.address(["compare", parent, each.schema]) }, "side by side with the schema before")]));
  };

  /* A list that grows on demand, so that ten thousand rows stay usable. */
  const growing = (items, make, noun, plural) => {
    const list = H.h("div", { class: "list" });
    let shown = 0;
    const more = H.button("", () => grow(true), { class: "more" });
    const grow = (focus) => {
      const made = make(items.slice(shown, shown + PAGE), list);
      list.append(...made);
      shown = Math.min(items.length, shown + PAGE);
      more.hidden = shown >= items.length;
      more.textContent = `Show ${Math.min(PAGE, items.length - shown)} more of ${H.count(items.length - shown, noun, plural)}`;
      if (focus && made.length) (made[0].querySelector("summary, a") || made[0]).focus();
    };
    grow(false);
    return [list, more];
  };

  const months = () => {
    let month = "";
    return (runs) => runs.flatMap((run) => {
      const here = run.finished_at ? new Date(run.finished_at).toLocaleDateString("en", { year: "numeric", month: "long", timeZone: "UTC" }) : "Unknown time";
      if (here === month) return [row(run)];
      month = here;
      return [H.h("h3", { class: "month" }, here), row(run)];
    });
  };

  const matching = (query) => {
    const words = (query.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    const from = query.from ? Date.parse(query.from) : -Infinity;
    const to = query.to ? Date.parse(query.to) : Infinity;
    return H.runs.filter((run) => (!query.env || run.environment.environment === query.env) && (!query.result || run.result === query.result) &&
      (run.time === null ? !query.from : run.time >= from && run.time <= to) && words.every((word) => run.words.includes(word)));
  };

  H.runsView = (main, query) => {
    const place = H.h("div", {});
    const show = (changed, keep) => {
      query = { ...query, ...changed };
      if (!keep) window.history.replaceState(null, "", H.address(["runs"], query));
      const found = matching(query);
      place.replaceChildren(...growing(found, months(), "run"));
      H.say(`${H.count(found.length, "run")} of ${H.runs.length.toLocaleString("en")}${query.from ? ", in the chosen period" : ""}`);
      period.hidden = !query.from;
    };
    const period = H.button("All times", () => show({ from: "", to: "" }));
    const all = [["", "all"]];
    const results = [...new Set(H.runs.map((run) => run.result))].sort();
    main.append(
      H.h("h2", { class: "unseen" }, "Runs"),
      H.h("div", { class: "cards" }, H.data.environments.map(card)), H.lanes(),
      H.h("div", { class: "tools", role: "search", "aria-label": "Runs" },
        H.field("Environment", H.select([...all, ...H.data.environments.map((each) => [each.environment, each.environment])], query.env || "", (env) => show({ env }))),
        H.field("Result", H.select([...all, ...results.map((each) => [each, H.word(each)])], query.result || "", (result) => show({ result }))),
        H.field("Search", H.h("input", { type: "search", value: query.q || "", placeholder: "migration, person, #42",
          oninput: H.later((event) => show({ q: event.target.value })) })), period),
      place);
    show({}, true);
  };

  H.runView = (main, environment, id) => {
    const run = H.findRun(environment, id);
    if (!run) { main.append(H.h("p", { class: "note bad" }, `There is no run ${id} on ${environment}. `, H.h("a", { href: "#runs" }, "All runs"))); return; }
    const others = run.environment.runs;
    const at = others.indexOf(run);
    main.append(H.h("h2", {}, H.badge(run.result), " ", some(run), " on ", H.name(environment)),
      H.h("p", { class: "bar" }, H.h("a", { href: H.address(["runs"], { env: environment }) }, "All runs of this environment"),
        at > 0 && H.h("a", { href: runAddress(others[at - 1]) }, "◀ Run before"), at < others.length - 1 && H.h("a", { href: runAddress(others[at + 1]) }, "Run after ▶")),
      H.h("section", { class: "panel" }, body(run, true)));
    H.say(`Run ${id} on ${environment}: ${H.word(run.result)}`);
  };

  const migrations = () => {
    const rows = new Map();
    for (const run of [...H.runs].reverse()) {
      for (const each of run.entries) {
        if (each.number === null || each.mark === "started") continue;
        const key = `${each.number} ${each.name}`;
        if (!rows.has(key)) rows.set(key, { number: each.number, name: each.name, version: each.version, cells: new Map() });
        const cells = rows.get(key).cells;
        const environment = run.environment.environment;
        cells.set(environment, [...(cells.get(environment) || []), { run, entry: each }]);
      }
    }
    return [...rows.values()].sort((a, b) => b.number - a.number || (a.name < b.name ? 1 : -1));
  };
  const cell = (environment, each) => {
    const events = each.cells.get(environment.environment);
    if (environment.unreadable) return H.h("td", { class: "muted" }, "unknown");
    if (!events) return H.h("td", { class: "muted" }, "–");
    const { run, entry: last } = events[events.length - 1];
    return H.h("td", {}, H.badge(last.mark), H.h("a", { href: runAddress(run) }, H.day(last.at)),
      events.length > 1 && H.h("span", { class: "muted" }, ` ${H.count(events.length, "attempt")}`));
  };

  H.migrationsView = (main, query) => {
    const all = migrations();
    const place = H.h("div", {});
    const show = (q, keep) => {
      if (!keep) window.history.replaceState(null, "", H.address(["migrations"], { q }));
      const words = q.toLowerCase().split(/\s+/).filter(Boolean);
      const found = all.filter((each) => words.every((word) => `${each.number} ${each.name} ${each.version || ""}`.toLowerCase().includes(word)));
      const table = H.h("table", {}, H.h("caption", { class: "unseen" }, "Migrations and environments"),
        H.h("thead", {}, H.h("tr", {}, ["Migration", "Version", ...H.data.environments.map((each) => H.name(each.environment))].map((each) => H.h("th", { scope: "col" }, each)))));
      const [list, more] = growing(found, (some) => some.map((each) => H.h("tr", { tabindex: "-1" }, H.h("th", { scope: "row" }, H.name(each.name)),
        H.h("td", {}, each.version || "–"), H.data.environments.map((environment) => cell(environment, each)))), "migration");
      const rows = H.h("tbody", {});
      rows.append(...list.children);
      list.append = (...made) => rows.append(...made);
      table.append(rows);
      place.replaceChildren(H.h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Migrations and environments" }, table), more);
      H.say(H.count(found.length, "migration"));
    };
    const deprecated = H.data.environments.flatMap((each) => each.deprecations.map((one) =>
      H.h("li", {}, H.name(one.object), `, remove after ${one.remove_after}: in `, H.name(each.environment), ` since ${H.day(one.since)}, by `, H.name(one.migration))));
    main.append(H.h("h2", {}, "Migrations and environments"), deprecated.length > 0 && H.h("section", {}, H.h("h3", {}, "Deprecated"), H.h("ul", {}, deprecated)) || "",
      H.h("div", { class: "tools", role: "search", "aria-label": "Migrations" }, H.field("Search", H.h("input", { type: "search", value: query.q || "", oninput: H.later((event) => show(event.target.value)) }))), place);
    show(query.q || "", true);
  };
}

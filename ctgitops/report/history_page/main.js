"use strict";
/* Shows the view that the address names. */
{
  const { data } = H;
  const main = document.getElementById("main");
  const about = [data.repository_url && H.link(data.repository_url, data.repository_url.replace(/^https?:\/\//, "")), H.count(data.environments.length, "environment"),
    H.count(H.runs.length, "run"), `as of ${H.time(data.generated_at)}`].filter(Boolean);
  document.getElementById("about").append(...about.flatMap((each, at) => (at ? [" · ", each] : [each])));
  document.getElementById("foot").append(`Made by ctgitops ${data.tool_version}. Times are in UTC.`,
    ...(data.unmatched.length ? [H.h("details", {}, H.h("summary", {}, "Differences between the throw-away server and the real one"), H.h("ul", {}, data.unmatched.map((note) => H.h("li", {}, note))))] : []));

  const VIEWS = {
    runs: (parts, query) => H.runsView(main, query),
    run: (parts) => H.runView(main, parts[1] || "", parts[2] || ""),
    migrations: (parts, query) => H.migrationsView(main, query),
    schema: (parts, query) => H.schemaView(main, parts[1], query),
    compare: (parts, query) => H.compareView(main, parts[1], parts[2], query),
  };
  let first = true;
  const show = () => {
    const { parts, query } = H.route();
    const view = VIEWS[parts[0]] ? parts[0] : "runs";
    main.replaceChildren();
    H.refit = null;
    VIEWS[view](parts, query);
    for (const link of document.querySelectorAll("#views a")) {
      const here = link.getAttribute("href") === `#${view === "run" ? "runs" : view}`;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${main.querySelector("h2")?.textContent || "Schema history"} – Schema history`;
    if (!first) { main.focus({ preventScroll: true }); window.scrollTo(0, 0); }
    first = false;
  };
  document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  window.addEventListener("hashchange", show);
  window.addEventListener("resize", H.later(() => H.refit && H.refit(), 200));
  window.matchMedia("print").addEventListener("change", () => H.refit && H.refit());
  show();
  document.body.getBoundingClientRect(); // the layout is part of the time until the page is there
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

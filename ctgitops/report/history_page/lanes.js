"use strict";
/* The overview: one lane per environment, and a mark for each run, or for several runs that are close together. */
{
  const LANE = 46;
  const LEFT = 8;
  const NEAR = 16;
  const BAD = ["failed", "interrupted", "unfinished"];
  const RANK = ["seeded", "deferred", "repaired", "baselined", "applied", "rolled-back", "interrupted", "unfinished", "failed"];
  const SHAPES = {
    applied: d3.symbolCircle, seeded: d3.symbolCircle, failed: d3.symbolTimes, interrupted: d3.symbolTimes,
    unfinished: d3.symbolDiamond, "rolled-back": d3.symbolTriangle, baselined: d3.symbolSquare,
    repaired: d3.symbolSquare, deferred: d3.symbolPlus,
  };
  H.BAD = BAD;

  H.symbol = (result, size = 70) =>
    H.s("path", { d: d3.symbol(SHAPES[result], size)(), class: `mark ${result}` });

  const clusters = (runs, x) => {
    const found = [];
    for (const run of runs.filter((each) => each.time !== null)) {
      const at = x(run.time);
      const last = found[found.length - 1];
      if (last && at - last.at < NEAR) last.runs.push(run);
      else found.push({ at, runs: [run] });
    }
    return found;
  };
  const worst = (runs) => runs.map((run) => run.result).reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a));
  const label = (cluster) => {
    const [run] = cluster.runs;
    const lane = run.environment.environment;
    if (cluster.runs.length === 1) {
      return `${lane}, ${H.time(run.finished_at)}: ${run.result}, ${H.cut(run.names.join(", "), 80)}`;
    }
    const last = cluster.runs[cluster.runs.length - 1];
    const bad = cluster.runs.filter((each) => BAD.includes(each.result)).length;
    return `${lane}, ${H.day(run.finished_at)} to ${H.day(last.finished_at)}: ${H.count(cluster.runs.length, "run")}` +
      `${bad ? `, ${bad} of them failed or unfinished` : ""}`;
  };
  const open = (cluster) => {
    const [run] = cluster.runs;
    const lane = run.environment.environment;
    const last = cluster.runs[cluster.runs.length - 1];
    window.location.hash = cluster.runs.length === 1
      ? H.address(["run", lane, run.id])
      : H.address(["runs"], { env: lane, from: new Date(run.time).toISOString(), to: new Date(last.time).toISOString() });
  };

  const mark = (cluster, y) => {
    const many = cluster.runs.length > 1;
    const group = H.s("g", {
      class: "cluster", role: "button", tabindex: "-1", "aria-label": label(cluster),
      transform: `translate(${cluster.at},${y})`, onclick: () => open(cluster),
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(cluster); } },
    }, H.s("title", {}, label(cluster)), H.s("circle", { r: 11, class: "halo" }));
    group.append(H.symbol(worst(cluster.runs), many ? 150 : 80));
    if (many && cluster.runs.length < 1000) {
      group.append(H.s("text", { class: "amount", dy: "-13" }, cluster.runs.length));
    }
    return group;
  };

  const versions = (runs, x, y) => {
    const texts = [];
    let last = -Infinity;
    let before = null;
    for (const run of runs) {
      if (run.time === null || run.version === before) continue;
      before = run.version;
      const at = x(run.time);
      if (run.version && at - last > 52) {
        last = at;
        texts.push(H.s("text", { class: "version", x: at, y: y + 21, "text-anchor": "middle" }, run.version));
      }
    }
    return texts;
  };

  /* Moves the focus between the marks with the arrow keys. Only one mark is in the order of the Tab key. */
  H.rove = (container, items, next) => {
    if (!items.length) return;
    let current = items[items.length - 1];
    const move = (to) => {
      if (!to) return;
      current.setAttribute("tabindex", "-1");
      current = to;
      current.setAttribute("tabindex", "0");
      current.focus();
    };
    current.setAttribute("tabindex", "0");
    container.addEventListener("focusin", (event) => {
      const item = items.find((each) => each === event.target);
      if (item && item !== current) { current.setAttribute("tabindex", "-1"); current = item; current.setAttribute("tabindex", "0"); }
    });
    container.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow") || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      move(next(current, event.key, items));
    });
  };

  const DAY = 864e5;
  const format = (span) => (span < 2 * DAY ? "%b %-d %H:%M" : span < 120 * DAY ? "%b %-d" : span < 1200 * DAY ? "%b %Y" : "%Y");

  const draw = (box, domain) => {
    const environments = H.data.environments.filter((each) => each.runs.some((run) => run.time !== null));
    const width = Math.max(300, box.clientWidth || 900);
    const height = environments.length * LANE + 34;
    const longest = Math.max(...environments.map((each) => each.environment.length));
    const gutter = LEFT + Math.min(longest * 8 + 14, 150, width * 0.28);
    const x = d3.scaleUtc().domain(domain).range([gutter + 14, width - 22]);
    const svg = H.s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group",
      "aria-label": "Runs over time, one lane per environment. The arrow keys move between the marks." });
    const marks = [];
    environments.forEach((environment, row) => {
      const y = row * LANE + 26;
      const shown = environment.runs.filter((run) => run.time !== null && run.time >= +domain[0] && run.time <= +domain[1]);
      svg.append(H.s("line", { class: "lane", x1: gutter, x2: width - 8, y1: y, y2: y }));
      svg.append(H.s("text", { class: "lane-name", x: LEFT, y: y + 5 }, H.cut(environment.environment, Math.floor((gutter - LEFT) / 8))));
      svg.append(...versions(shown, x, y));
      for (const cluster of clusters(shown, x)) { const made = mark(cluster, y); marks.push({ made, row, at: cluster.at }); svg.append(made); }
    });
    const axis = H.s("g", { class: "axis", transform: `translate(0,${height - 24})`, "aria-hidden": "true" });
    svg.append(axis);
    d3.select(axis).call(d3.axisBottom(x).ticks(Math.max(2, Math.floor(width / 120))).tickFormat(d3.utcFormat(format(domain[1] - domain[0]))).tickSizeOuter(0));
    const places = new Map(marks.map((each) => [each.made, each]));
    H.rove(svg, marks.map((each) => each.made), (current, arrow) => {
      const { row, at } = places.get(current);
      const same = marks.filter((each) => each.row === row);
      const here = same.findIndex((each) => each.made === current);
      if (arrow === "ArrowLeft") return same[here - 1]?.made;
      if (arrow === "ArrowRight") return same[here + 1]?.made;
      const rows = marks.map((each) => each.row).filter((each) => (arrow === "ArrowUp" ? each < row : each > row));
      const to = arrow === "ArrowUp" ? Math.max(...rows) : Math.min(...rows);
      const others = marks.filter((each) => each.row === to);
      return others.sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0]?.made;
    });
    box.replaceChildren(svg);
  };

  H.lanes = () => {
    const times = H.runs.map((run) => run.time).filter((time) => time !== null);
    if (!times.length) return H.h("p", { class: "note" }, "No run has a time.");
    const last = times[0];
    const least = times.reduce((a, b) => Math.min(a, b), last);
    const pad = Math.max(3600e3, (last - least) * 0.02);
    const whole = [new Date(least - pad), new Date(times.reduce((a, b) => Math.max(a, b), last) + pad)];
    let domain = whole;
    const box = H.h("div", { class: "lanes" });
    const show = (to) => { domain = to; draw(box, domain); };
    const scaled = (factor) => {
      const middle = (+domain[0] + +domain[1]) / 2;
      const half = Math.max(1800e3, ((domain[1] - domain[0]) / 2) * factor);
      show([new Date(Math.max(+whole[0], middle - half)), new Date(Math.min(+whole[1], middle + half))]);
    };
    const moved = (by) => {
      const span = domain[1] - domain[0];
      const start = Math.max(+whole[0], Math.min(+whole[1] - span, +domain[0] + span * by));
      show([new Date(start), new Date(start + span)]);
    };
    const buttons = H.h("div", { class: "buttons", role: "group", "aria-label": "Period" },
      H.button("◀", () => moved(-0.5), { "aria-label": "Earlier" }), H.button("▶", () => moved(0.5), { "aria-label": "Later" }),
      H.button("+", () => scaled(0.5), { "aria-label": "Shorter period" }),
      H.button("−", () => scaled(2), { "aria-label": "Longer period" }), H.button("All", () => show(whole)));
    const again = H.later(() => box.isConnected && draw(box, domain), 60);
    new ResizeObserver(() => (box.firstChild ? again() : draw(box, domain))).observe(box);
    return H.h("section", { class: "panel", "aria-labelledby": "lanes-title" },
      H.h("div", { class: "bar" }, H.h("h2", { id: "lanes-title" }, "Environments over time"), legend(), buttons), box);
  };
  const legend = () => H.h("ul", { class: "legend", "aria-label": "Marks" },
    ["applied", "rolled-back", "failed", "baselined"].map((result) =>
      H.h("li", {}, H.s("svg", { viewBox: "-9 -9 18 18", width: 14, height: 14, "aria-hidden": "true" }, H.symbol(result)),
        { applied: "applied", "rolled-back": "rolled back", failed: "failed", baselined: "baselined, repaired" }[result])));
}

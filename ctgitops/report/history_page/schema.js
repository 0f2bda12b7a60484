"use strict";
/* The view of one schema: the diagram, what changed, the list of objects, and the details of one object. */
{
  H.nodeOptions = () => [...H.nodes.values()].reverse().map((node) => [node.id, `${H.cut(node.title, 90)}${H.unknown(node.id) ? " – unknown" : ""}`]);
  H.newestNode = () => {
    const known = H.data.environments.map((each) => each.schema).filter((id) => id !== null && !H.unknown(id));
    return String(known.length ? Math.max(...known) : 0);
  };
  const DETAIL = [["keys", "keys and changes"], ["all", "all"], ["names", "none"]];
  const SCOPE = [["all", "all tables"], ["near", "changed, and their neighbours"], ["changed", "changed tables"]];
  H.DETAIL = DETAIL;
  H.SCOPE = SCOPE;

  /* The tables of the chosen schemas, and only changed ones if so chosen. */
  H.scoped = (entities, schema, scope) => {
    const kept = new Map([...entities].filter(([name]) => !schema || H.schemaOf(name) === schema));
    if (scope !== "near" && scope !== "changed") return kept;
    const changed = new Set([...kept.values()].filter((entity) => entity.mark).map((entity) => entity.name));
    const near = new Set(changed);
    if (scope === "near") {
      for (const entity of kept.values()) for (const link of entity.links) {
        if (changed.has(entity.name) && kept.has(link.to)) near.add(link.to);
        if (changed.has(link.to)) near.add(entity.name);
      }
    }
    return new Map([...kept].filter(([name]) => near.has(name)));
  };
  H.schemaOptions = (...schemas) => {
    const names = new Set(schemas.flatMap((objects) => [...objects.values()].filter(H.isEntity).map((object) => H.schemaOf(object.name))));
    return [["", "all"], ...[...names].sort().map((name) => [name, name])];
  };
  H.why = (id) => H.h("p", { class: "note bad" }, `This schema is unknown: ${H.unknown(id)}.`);
  H.zoomButtons = (diagram) => H.h("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
    H.button("+", () => diagram.by(1.4), { "aria-label": "Zoom in" }), H.button("−", () => diagram.by(1 / 1.4), { "aria-label": "Zoom out" }), H.button("Fit", () => diagram.fit()), H.button("Changes", () => diagram.fitChanges()));
  H.colours = () => H.h("ul", { class: "legend", "aria-label": "Colours" }, ["added", "altered", "removed"].map((kind) =>
    H.h("li", {}, H.h("span", { class: `swatch ${kind}`, "aria-hidden": "true" }, H.sign(kind)), kind)),
    H.h("li", {}, H.h("code", {}, "?"), "may be null"));

  const around = (id) => {
    const node = H.nodes.get(id);
    const next = [...H.nodes.values()].find((each) => each.parent !== null && String(each.parent) === id && !each.live);
    return { before: node && node.parent !== null ? String(node.parent) : null, after: next ? next.id : null };
  };

  const objectList = (objects, changes, choose) => {
    const known = new Map();
    for (const change of changes) {
      const object = H.objectOf(change);
      const of = object.of || object.name;
      known.set(of, object.of || known.has(of) ? "altered" : H.kindOfChange(change));
    }
    const kinds = new Map();
    for (const object of objects.values()) {
      if (object.of || object.kind === "grant" || object.kind === "default privileges") continue;
      kinds.set(object.kind, [...(kinds.get(object.kind) || []), object.name]);
    }
    const item = (name) => H.h("li", { class: known.get(name) || "" }, H.h("button", { type: "button", class: "plain", onclick: () => choose(name) },
      known.get(name) && [H.h("span", { class: "sign", "aria-hidden": "true" }, `${H.sign(known.get(name))} `), H.h("span", { class: "unseen" }, `${known.get(name)} `)], H.name(name)));
    return [...kinds].sort(([a], [b]) => Number(b === "table") - Number(a === "table")).map(([kind, names]) => H.h("details", { open: kind === "table" && names.length <= 60 },
      H.h("summary", {}, `${kind} (${names.length})`), H.h("ul", { class: "objects" }, names.sort().map(item))));
  };

  H.schemaView = (main, given, query) => {
    main.append(H.h("h2", { class: "unseen" }, "Schema"));
    if (H.data.without_schemas) { main.append(H.h("p", { class: "note" }, `This page has no schemas: ${H.data.without_schemas}.`)); return; }
    const id = H.nodes.has(String(given)) ? String(given) : H.newestNode();
    const { before, after } = around(id);
    const ask = (changed, to = id) => { window.location.hash = H.address(["schema", to], { ...query, table: "", ...changed }); };
    const chooser = H.select(H.nodeOptions(), id, (to) => ask({}, to));
    const tools = H.h("div", { class: "tools" }, H.field("Version", chooser),
      H.h("div", { class: "buttons", role: "group", "aria-label": "Versions" },
        H.button("◀ Before", () => ask({}, before), { disabled: before === null }), H.button("After ▶", () => ask({}, after), { disabled: after === null })));
    main.append(tools);
    if (H.unknown(id)) { main.append(H.why(id)); H.say("unknown schema"); return; }

    const objects = H.schemaAt(id);
    const previous = query.since !== undefined && H.nodes.has(query.since) && !H.unknown(query.since) ? query.since : before;
    const old = previous === null ? objects : H.schemaAt(previous);
    const changes = previous === null ? [] : H.differences(old, objects);
    const detail = query.columns || "keys";
    const entities = H.scoped(H.entities(old, objects, detail), query.schema, query.show);
    const layout = H.layout(entities, 1.4);
    const tables = [...objects.values()].filter(H.isEntity).length;

    const side = H.h("div", { class: "side" });
    const choose = (name, quiet) => {
      diagram.mark(name);
      diagram.focus(name);
      if (!quiet) window.history.replaceState(null, "", H.address(["schema", id], { ...query, table: name }));
      const title = H.h("h3", { tabindex: "-1" }, H.name(name));
      side.replaceChildren(H.h("div", { class: "bar" }, title, H.button("All objects", list)), H.h("div", {}, ...H.objectDetails(name, objects, changes).flat().filter(Boolean)));
      title.focus({ preventScroll: true });
      H.say(`${name} is shown beside the diagram`);
    };
    const list = () => side.replaceChildren(H.h("h3", {}, "Objects"), H.changeList(changes, `Changes since ${previous === null ? "nothing" : H.cut(H.nodes.get(previous).title, 60)}`), ...objectList(objects, changes, choose));
    const diagram = H.diagram(layout, { label: `Entity diagram of ${H.nodes.get(id).title}: ${H.count(layout.entities.size, "table")}. The arrow keys move between tables, Enter shows one, + - 0 zoom.`, onselect: choose });

    let matches = [];
    let at = -1;
    const find = (text) => {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      matches = words.length ? [...entities.values()].filter((entity) => { const all = [entity.name, ...entity.columns.map((column) => column.name)].join(" ").toLowerCase(); return words.every((word) => all.includes(word)); }).map((entity) => entity.name) : [];
      at = -1;
      diagram.search(words.length ? new Set(matches) : null);
      H.say(words.length ? `${H.count(matches.length, "table")} found; Enter shows the next one` : `${H.count(tables, "table")}, ${H.count(changes.length, "change")}`);
    };
    const next = (event) => { if (event.key === "Enter" && matches.length) { at = (at + 1) % matches.length; diagram.focus(matches[at]); diagram.mark(matches[at]); H.say(`${matches[at]}: ${at + 1} of ${matches.length}`); } };
    tools.append(
      H.field("Changes since", H.select([["", "the version before"], ...H.nodeOptions().filter(([other]) => other !== id)], query.since || "", (since) => ask({ since }))),
      H.field("Schema", H.select(H.schemaOptions(objects, old), query.schema || "", (schema) => ask({ schema }))),
      H.field("Show", H.select(SCOPE, query.show || "all", (show) => ask({ show }))),
      H.field("Columns", H.select(DETAIL, detail, (columns) => ask({ columns }))),
      H.field("Search", H.h("input", { type: "search", oninput: H.later((event) => find(event.target.value)), onkeydown: next, placeholder: "table or column" })));
    main.append(H.h("div", { class: "split" },
      H.h("div", { class: "canvas" }, H.h("div", { class: "bar" }, H.colours(), H.zoomButtons(diagram)), diagram.svg,
        !layout.entities.size && H.h("p", { class: "note" }, changes.length ? "No table to show. The list shows the changed objects." : "No table to show.")), side));
    list();
    diagram.begin();
    H.refit = diagram.begin;
    H.say(`${H.count(tables, "table")}, ${H.count(changes.length, "change")}`);
    if (query.table) choose(query.table, true);
  };
}

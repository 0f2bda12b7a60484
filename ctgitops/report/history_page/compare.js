"use strict";
/* Two schemas side by side. Both diagrams have the same places, and zoom together. */
{
  const pane = (title, diagram) => H.h("section", { class: "canvas", "aria-label": title }, H.h("h3", {}, H.name(title)), diagram.svg);

  H.compareView = (main, left, right, query) => {
    main.append(H.h("h2", { class: "unseen" }, "Compare two schemas"));
    if (H.data.without_schemas) { main.append(H.h("p", { class: "note" }, `This page has no schemas: ${H.data.without_schemas}.`)); return; }
    const newest = H.newestNode();
    const b = H.nodes.has(String(right)) ? String(right) : newest;
    const parent = H.nodes.get(b).parent;
    const a = H.nodes.has(String(left)) ? String(left) : String(parent === null ? b : parent);
    const ask = (changed, from = a, to = b) => { window.location.hash = H.address(["compare", from, to], { ...query, ...changed }); };
    const tools = H.h("div", { class: "tools" },
      H.field("Before", H.select(H.nodeOptions(), a, (from) => ask({}, from))),
      H.field("After", H.select(H.nodeOptions(), b, (to) => ask({}, a, to))), H.button("⇄ Swap", () => ask({}, b, a)));
    main.append(tools);
    const unknown = [a, b].filter((id) => H.unknown(id));
    if (unknown.length) { main.append(...unknown.map(H.why)); H.say("unknown schema"); return; }

    const [before, after] = [H.schemaAt(a), H.schemaAt(b)];
    const changes = H.differences(before, after);
    const detail = query.columns || "keys";
    const scope = query.show || "near";
    const layout = H.layout(H.scoped(H.entities(before, after, detail), query.schema, scope), 1.1);
    const side = H.h("div", { class: "side below" });
    const panes = [];
    const choose = (name) => {
      for (const each of panes) each.mark(name);
      const title = H.h("h3", { tabindex: "-1" }, H.name(name));
      side.replaceChildren(H.h("div", { class: "bar" }, title, H.button("All changes", list)), H.h("div", {}, ...H.objectDetails(name, after.size ? after : before, changes).flat().filter(Boolean)));
      title.focus({ preventScroll: true });
    };
    const list = () => side.replaceChildren(H.changeList(changes, "Changes"));
    const label = (id) => `Entity diagram of ${H.nodes.get(id).title}`;
    panes.push(H.diagram(layout, { label: label(a), hide: "added", onselect: choose, onzoom: (transform) => panes[1]?.to(transform) }));
    panes.push(H.diagram(layout, { label: label(b), hide: "removed", onselect: choose, onzoom: (transform) => panes[0].to(transform) }));
    tools.append(
      H.field("Schema", H.select(H.schemaOptions(before, after), query.schema || "", (schema) => ask({ schema }))),
      H.field("Show", H.select(H.SCOPE, scope, (show) => ask({ show }))),
      H.field("Columns", H.select(H.DETAIL, detail, (columns) => ask({ columns }))));
    main.append(H.h("div", { class: "bar" }, H.colours(), H.zoomButtons(panes[0])),
      layout.entities.size ? H.h("div", { class: "pair" }, pane(H.nodes.get(a).title, panes[0]), pane(H.nodes.get(b).title, panes[1]))
        : H.h("p", { class: "note" }, changes.length ? "No table changed. The list shows the changed objects." : "Both schemas are the same."), side);
    list();
    H.refit = () => { panes[1].begin(); panes[0].begin(); };
    H.refit();
    H.say(H.count(changes.length, "difference"));
  };
}

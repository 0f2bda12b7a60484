"use strict";
/* Lists of schema changes, and the details of one object. */
{
  const SIGN = { added: "+", removed: "−", altered: "±" };
  const SHOWN = 200;
  H.sign = (kind) => SIGN[kind] || "";

  const short = (value) => H.cut(value.replace(/\s+/g, " "), 200);
  const said = (object) => Object.entries(object.attributes).filter(([name]) => name !== "owner" && name !== "comment")
    .map(([name, value]) => (["definition", "type", "privileges", "labels"].includes(name) ? short(value) : value === "yes" ? name.replace(/_/g, " ") : `${name.replace(/_/g, " ")} ${short(value)}`)).join(", ");

  const line = (change) => {
    const kind = H.kindOfChange(change);
    const object = H.objectOf(change);
    const name = object.of && object.name.startsWith(`${object.of}.`) ? object.name.slice(object.of.length + 1) : object.name;
    const what = kind === "altered"
      ? H.h("ul", { class: "values" }, H.altered(change.before, change.after).map((each) => H.h("li", {}, `${each.replace(/_/g, " ")}: `,
        H.h("del", {}, short(change.before.attributes[each] || "none")), " → ", H.h("ins", {}, short(change.after.attributes[each] || "none")))))
      : H.h("span", { class: "muted" }, ` ${H.cut(said(object), 300)}`);
    return H.h("li", { class: `change ${kind}` }, H.h("span", { class: "sign", "aria-hidden": "true" }, SIGN[kind]),
      H.h("span", { class: "unseen" }, `${kind} `), H.h("span", { class: "kind" }, `${object.kind} `), H.name(name), what);
  };

  /* Changes below the table, view or function that they belong to. */
  H.changeList = (changes, title, open = true) => {
    if (!changes.length) return H.h("p", { class: "muted" }, `${title}: none`);
    const groups = new Map();
    for (const change of changes) {
      const object = H.objectOf(change);
      const of = object.of || object.name;
      groups.set(of, [...(groups.get(of) || []), change]);
    }
    const counts = ["added", "removed", "altered"].map((kind) => [kind, changes.filter((each) => H.kindOfChange(each) === kind).length])
      .filter(([, number]) => number).map(([kind, number]) => `${number} ${kind}`).join(", ");
    const items = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, SHOWN).map(([of, those]) => {
      const whole = those.filter((each) => !H.objectOf(each).of);
      const parts = those.filter((each) => H.objectOf(each).of);
      return [whole.length ? whole.map(line) : H.h("li", { class: "change of" }, H.name(of)), parts.length > 0 && H.h("li", { class: "parts" }, H.h("ul", {}, parts.map(line)))];
    });
    return H.h("details", { class: "changes", open: open && changes.length <= 40 }, H.h("summary", {}, `${title}: ${counts}`),
      H.h("ul", { class: "changelist" }, items), groups.size > SHOWN && H.h("p", {}, `${groups.size - SHOWN} more objects changed.`));
  };

  /* One object with all its parts, as it is in `objects`, and how it changed. */
  H.objectDetails = (name, objects, changes) => {
    const own = [...objects.values()].filter((object) => object.name === name && !object.of);
    const parts = [...objects.values()].filter((object) => object.of === name);
    const changed = changes.filter((change) => { const object = H.objectOf(change); return object.of === name || (!object.of && object.name === name); });
    const kinds = [...new Set(parts.map((object) => object.kind))];
    const known = new Map(changed.map((change) => [H.key(H.objectOf(change)), H.kindOfChange(change)]));
    const item = (object) => {
      const kind = known.get(H.key(object)) || "";
      return H.h("li", { class: kind }, kind && H.h("span", { class: "sign" }, `${SIGN[kind]} `), H.name(object.name.startsWith(`${name}.`) ? object.name.slice(name.length + 1) : object.name),
        H.h("span", { class: "muted" }, ` ${H.cut(said(object), 400)}`), object.attributes.comment && H.h("div", { class: "muted" }, object.attributes.comment));
    };
    return [
      ...own.map((object) => [H.h("p", { class: "muted" }, [object.kind, object.attributes.owner && `owner ${object.attributes.owner}`].filter(Boolean).join(", ")),
        object.attributes.comment && H.h("p", {}, object.attributes.comment),
        object.attributes.definition && H.h("pre", { tabindex: "0", "aria-label": "Definition" }, object.attributes.definition)]),
      H.changeList(changed, "Changes"),
      ...kinds.map((kind) => [H.h("h4", {}, kind), H.h("ul", { class: "parts" }, parts.filter((object) => object.kind === kind).map(item))]),
      !own.length && !parts.length && H.h("p", {}, "This version does not contain the object."),
    ];
  };
}

"use strict";
/* The entity diagram. d3 draws the foreign keys, zooms and pans. */
{
  const { LINE, HEAD, LONGEST } = H.SIZES;
  const FAR = 0.45;
  const LEGIBLE = 0.6;
  const AROUND = 120;

  const text = (content, attributes) => H.s("text", attributes, content);
  /* The name in the largest letters that the box has room for: for a diagram that is far away. */
  const far = (entity, mark) => {
    const schema = H.schemaOf(entity.name);
    const lines = [schema === "public" ? "" : schema, `${H.sign(mark)}${H.shortName(entity.name)}`].filter(Boolean).map((line) => H.cut(line, 24));
    const letters = Math.min(44, (entity.width - 10) / (Math.max(...lines.map((line) => line.length)) * 0.62), (entity.height - 4) / (lines.length * 1.15));
    const top = (entity.height - lines.length * letters * 1.15) / 2;
    return H.s("text", { class: "big", "font-size": letters.toFixed(1), "text-anchor": "middle", "aria-hidden": "true" },
      lines.map((line, at) => H.s("tspan", { x: entity.width / 2, y: top + letters * (0.95 + at * 1.15) }, line)));
  };
  const box = (entity, hide) => {
    const { width, height } = entity;
    const mark = entity.mark === hide ? "" : entity.mark;
    const label = `${entity.table.kind} ${entity.name}${mark ? `, ${mark}` : ""}, ${H.count(entity.columns.length, "column")}`;
    return H.s("g", { class: `entity ${mark}`, transform: `translate(${entity.x},${entity.y})` },
      H.s("rect", { width, height, rx: 5, class: "hit", role: "button", tabindex: "-1", "aria-label": label }));
  };
  const drawing = (entity, hide) => {
    const { width, height, rows, notes } = entity;
    const mark = entity.mark === hide ? "" : entity.mark;
    const title = `${H.sign(mark)}${mark ? " " : ""}${H.cut(entity.name, LONGEST)}`;
    const group = H.s("g", { "aria-hidden": "true" }, H.s("rect", { width, height, rx: 5, class: "body" }),
      H.s("rect", { width, height: HEAD, rx: 5, class: "head" }), text(title, { x: 10, y: 18, class: "title" }));
    rows.forEach((row, at) => {
      if (hide && row.mark === hide) return;
      const y = HEAD + at * LINE + 16;
      if (row.mark) group.append(H.s("rect", { x: 1, y: y - 13, width: width - 2, height: LINE, class: `cell ${row.mark}` }));
      group.append(text([H.s("tspan", { class: "sign" }, H.sign(row.mark) || " "), ` ${H.cut(row.name, LONGEST)}`], { x: 8, y, class: `column ${row.mark === "removed" ? "gone" : ""}` }),
        text([H.cut(row.type, 24), row.required ? "" : "?", row.keys.length ? H.s("tspan", { class: "keys" }, ` ${row.keys.join(" ")}`) : ""], { x: width - 10, y, class: "type", "text-anchor": "end" }));
    });
    notes.forEach((note, at) => {
      if (hide && note.mark === hide) return;
      const y = HEAD + (rows.length + at) * LINE + 16;
      if (note.mark) group.append(H.s("rect", { x: 1, y: y - 13, width: width - 2, height: LINE, class: `cell ${note.mark}` }));
      group.append(text(`${H.sign(note.mark) || " "} ${H.cut(note.text, LONGEST)}`, { x: 8, y, class: "more" }));
    });
    group.append(far(entity, mark));
    return group;
  };

  /* Draws a layout. `hide` is the kind of change that this side does not have: "added" before, "removed" after. */
  H.diagram = (layout, { label, onselect, onzoom, hide }) => {
    const { entities, edges } = layout;
    const curve = d3.line().curve(d3.curveBasis);
    const content = H.s("g", {});
    const svg = H.s("svg", { class: "diagram", role: "group", "aria-label": label }, H.s("title", {}, label), content);
    const present = (entity) => !(entity.mark === hide && hide);
    const lines = edges.filter(({ from, to, link }) => present(entities.get(from)) && present(entities.get(to)) && !(hide && link.mark === hide)).map((edge) => {
      const { link } = edge;
      const line = H.s("path", { d: curve(edge.points), class: `edge ${link.mark} ${link.inherits ? "inherits" : ""} ${link.across ? "across" : ""}` });
      const [ex, ey] = edge.points[edge.points.length - 1];
      const [px, py] = edge.points[edge.points.length - 2];
      const angle = (Math.atan2(ey - py, ex - px) * 180) / Math.PI;
      const arrow = H.s("path", { d: "M-9,-4.5L0,0L-9,4.5", class: `arrow ${link.mark}`, transform: `translate(${ex},${ey})rotate(${angle})` });
      return { edge, elements: [line, arrow] };
    });
    content.append(...lines.flatMap((each) => each.elements));
    const boxes = new Map();
    for (const entity of entities.values()) {
      if (!present(entity)) continue;
      const made = box(entity, hide);
      made.addEventListener("click", () => onselect(entity.name));
      made.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onselect(entity.name); } });
      boxes.set(entity.name, made);
      content.append(made);
    }

    /* Draws the tables that are in sight, and hides the others: hundreds of tables would be slow. */
    const draw = ({ x, y, k }) => {
      const { width, height } = room();
      for (const [name, made] of boxes) {
        const entity = entities.get(name);
        const seen = entity.x * k + x < width && (entity.x + entity.width) * k + x > 0 && entity.y * k + y < height && (entity.y + entity.height) * k + y > 0;
        if (seen && !made.drawing) { made.drawing = drawing(entity, hide); made.prepend(made.drawing); }
        if (made.drawing) made.drawing.style.display = seen ? "" : "none";
      }
    };
    let size = { width: 900, height: 560 };
    const room = () => size;
    const zoom = d3.zoom().scaleExtent([0.02, 3]).on("zoom", (event) => {
      content.setAttribute("transform", event.transform);
      svg.classList.toggle("far", event.transform.k < FAR);
      draw(event.transform);
      if (event.sourceEvent && onzoom) onzoom(event.transform);
    });
    const selection = d3.select(svg).call(zoom).on("dblclick.zoom", null);
    const go = (transform) => { selection.call(zoom.transform, transform); if (onzoom) onzoom(transform); };
    const around = (x, y, w, h) => {
      const { width, height } = room();
      const k = Math.min(1, Math.max(0.02, Math.min((width - 24) / Math.max(1, w), (height - 24) / Math.max(1, h))));
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      go(d3.zoomIdentity.translate((width - w * k) / 2 - x * k, (height - h * k) / 2 - y * k).scale(k));
      return k;
    };
    const fit = () => around(0, 0, layout.width, layout.height);
    const fitChanges = () => {
      const changed = [...entities.values()].filter((entity) => entity.mark);
      if (!changed.length) return fit();
      const left = Math.min(...changed.map((each) => each.x)) - AROUND;
      const top = Math.min(...changed.map((each) => each.y)) - AROUND;
      return around(left, top, Math.max(...changed.map((each) => each.x + each.width)) + AROUND - left, Math.max(...changed.map((each) => each.y + each.height)) + AROUND - top);
    };
    /* Everything, or what changed if everything would be too small to read. On paper, everything. */
    const begin = () => {
      size = { width: svg.clientWidth || 900, height: svg.clientHeight || 560 };
      if (fit() < LEGIBLE && !window.matchMedia("print").matches) fitChanges();
    };
    const focus = (name, least = 0.7) => {
      const entity = entities.get(name);
      if (!entity || !boxes.has(name)) return;
      const { width, height } = room();
      const k = Math.max(d3.zoomTransform(svg).k, least);
      go(d3.zoomIdentity.translate(width / 2 - (entity.x + entity.width / 2) * k, height / 2 - (entity.y + entity.height / 2) * k).scale(k));
    };
    const mark = (name) => {
      for (const [each, made] of boxes) { made.classList.toggle("chosen", each === name); made.classList.remove("near"); }
      for (const { edge, elements } of lines) {
        const touches = edge.from === name || edge.to === name;
        for (const element of elements) element.classList.toggle("chosen", touches);
        if (touches) for (const other of [edge.from, edge.to]) boxes.get(other)?.classList.add("near");
      }
    };
    const search = (wanted) => {
      svg.classList.toggle("searching", wanted !== null);
      for (const [name, made] of boxes) made.classList.toggle("found", wanted !== null && wanted.has(name));
    };
    H.rove(svg, [...boxes.values()].map((made) => made.lastElementChild), (current, arrow) => {
      const at = [...boxes].find(([, made]) => made.lastElementChild === current)[0];
      const next = H.nearest(entities, at, arrow, boxes);
      if (next) focus(next, d3.zoomTransform(svg).k);
      return boxes.get(next)?.lastChild;
    });
    svg.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") selection.call(zoom.scaleBy, 1.4);
      else if (event.key === "-") selection.call(zoom.scaleBy, 1 / 1.4);
      else if (event.key === "0") fit();
      else return;
      event.preventDefault();
    });
    return { svg, fit, fitChanges, begin, focus, mark, search, by: (factor) => { selection.call(zoom.scaleBy, factor); if (onzoom) onzoom(d3.zoomTransform(svg)); },
      to: (transform) => { if (String(d3.zoomTransform(svg)) !== String(transform)) selection.call(zoom.transform, transform); } };
  };

  /* The table that is nearest in the direction of an arrow key. */
  H.nearest = (entities, name, arrow, among) => {
    const from = entities.get(name);
    const across = arrow === "ArrowLeft" || arrow === "ArrowRight";
    const sign = arrow === "ArrowRight" || arrow === "ArrowDown" ? 1 : -1;
    let best = null;
    for (const entity of entities.values()) {
      if (entity === from || !among.has(entity.name)) continue;
      const dx = entity.x + entity.width / 2 - from.x - from.width / 2;
      const dy = entity.y + entity.height / 2 - from.y - from.height / 2;
      const [along, aside] = across ? [dx * sign, Math.abs(dy)] : [dy * sign, Math.abs(dx)];
      const far = along + aside * 2;
      if (along > 4 && (!best || far < best.far)) best = { far, name: entity.name };
    }
    return best && best.name;
  };
}

"use strict";
/* The tables of one or two schemas with their columns and foreign keys, and their places, which dagre computes. */
{
  const LINE = 17;
  const HEAD = 26;
  const CHAR = 7.25;
  const GAP = 48;
  const LONGEST = 44;
  const DIVIDED = 80;
  const ENTITIES = new Set(["table", "foreign table", "materialized view"]);
  const REFERENCES = /REFERENCES ((?:"(?:[^"]|"")*"|[^\s("])+)\(/;
  const KEY_COLUMNS = /^(PRIMARY KEY|FOREIGN KEY|UNIQUE)[^(]*\(([^)]*)\)/;

  H.isEntity = (object) => ENTITIES.has(object.kind);

  const partsOf = (objects) => {
    const found = new Map();
    for (const object of objects.values()) {
      if (!object.of) continue;
      if (!found.has(object.of)) found.set(object.of, []);
      found.get(object.of).push(object);
    }
    return found;
  };
  const keysOf = (parts) => {
    const keys = new Map();
    for (const each of parts.filter((object) => object.kind === "constraint")) {
      const [, kind, columns] = (each.attributes.definition || "").match(KEY_COLUMNS) || [];
      if (!kind) continue;
      const mark = { "PRIMARY KEY": "PK", "FOREIGN KEY": "FK", UNIQUE: "UQ" }[kind];
      for (const column of columns.split(", ")) keys.set(column, [...new Set([...(keys.get(column) || []), mark])]);
    }
    return keys;
  };

  /* The tables of two schemas together. `side` chooses the schema that the rows show where both have an object. */
  H.entities = (before, after, detail) => {
    const old = partsOf(before);
    const parts = partsOf(after);
    const tables = new Map();
    for (const objects of [after, before]) {
      for (const object of objects.values()) if (H.isEntity(object) && !tables.has(object.name)) tables.set(object.name, object);
    }
    const state = (id, object) => {
      const was = before.get(id);
      if (!was) return "added";
      const is = after.get(id);
      return !is ? "removed" : was !== is && H.altered(was, is).length ? "altered" : "";
    };
    const found = new Map();
    for (const table of tables.values()) {
      const here = new Map([...(parts.get(table.name) || []), ...(old.get(table.name) || [])].map((object) => [H.key(object), object]));
      for (const object of parts.get(table.name) || []) here.set(H.key(object), object);
      const marks = [...here].map(([id, object]) => [object, state(id, object)]);
      const own = state(H.key(table), table);
      const whole = own || (marks.some(([, mark]) => mark) ? "altered" : "");
      const keys = keysOf([...here.values()]);
      const columns = marks.filter(([object]) => object.kind === "column").map(([object, mark]) => {
        const name = object.name.slice(table.name.length + 1);
        return { name, type: object.attributes.type || "", mark, keys: keys.get(name) || [], required: Boolean(object.attributes.not_null) };
      }).sort((a, b) => Number(b.keys.includes("PK")) - Number(a.keys.includes("PK")));
      const others = marks.filter(([object, mark]) => mark && object.kind !== "column");
      const news = own !== "added" && own !== "removed";
      if (!news) for (const column of columns) column.mark = "";
      const rows = detail === "names" ? [] : columns.filter((column) => detail === "all" || column.keys.length || column.mark);
      const notes = [];
      if (rows.length < columns.length && detail !== "names") notes.push({ text: `${columns.length - rows.length} more`, mark: "" });
      if (detail !== "names" && news) for (const [object, mark] of others.slice(0, 6)) notes.push({ text: `${object.kind} ${H.shortName(object.name.slice(object.of.length + 1) || object.name)}`, mark });
      found.set(table.name, { name: table.name, table, mark: whole, rows, notes, columns, partitions: 0,
        links: [...here.values()].filter((object) => object.kind === "constraint").map((object) => ({
          to: ((object.attributes.definition || "").match(REFERENCES) || [])[1], mark: state(H.key(object), object), name: H.shortName(object.name) }))
          .filter((link) => link.to) });
    }
    for (const entity of [...found.values()]) {
      const parents = (entity.table.attributes.inherits || "").split(", ").filter(Boolean);
      const parent = found.get(parents[0]);
      if (entity.table.attributes.partition_bound && parent && !entity.mark) { parent.partitions += 1; found.delete(entity.name); }
      else for (const to of parents) entity.links.push({ to, mark: "", name: "inherits", inherits: true });
    }
    for (const entity of found.values()) if (entity.partitions) entity.notes.push({ text: H.count(entity.partitions, "partition"), mark: "" });
    return found;
  };

  const size = (entity) => {
    const lines = [...entity.rows.map((row) => H.cut(row.name, LONGEST).length + H.cut(row.type, 24).length + row.keys.join(" ").length + 6),
      ...entity.notes.map((note) => H.cut(note.text, LONGEST).length + 3), H.cut(entity.name, LONGEST).length + 4];
    entity.width = Math.max(110, Math.ceil(Math.max(...lines) * CHAR) + 20);
    entity.height = HEAD + (entity.rows.length + entity.notes.length) * LINE + (entity.rows.length + entity.notes.length ? 8 : 0);
  };

  /* The connected parts of the diagram. dagre places each, and then they stand side by side like words in lines. */
  const components = (entities, together) => {
    const group = new Map([...entities.keys()].map((name) => [name, name]));
    const root = (name) => { let at = name; while (group.get(at) !== at) { group.set(at, group.get(group.get(at))); at = group.get(at); } return at; };
    for (const entity of entities.values()) for (const link of entity.links) if (entities.has(link.to) && together(entity.name, link.to)) group.set(root(entity.name), root(link.to));
    const found = new Map();
    for (const name of entities.keys()) { const at = root(name); found.set(at, [...(found.get(at) || []), name]); }
    return [...found.values()].sort((a, b) => (together(a[0], b[0]) ? b.length - a.length : H.schemaOf(a[0]) < H.schemaOf(b[0]) ? -1 : 1));
  };
  const place = (names, entities, aspect) => {
    const scale = (block) => Math.min(aspect / block.width, 1 / block.height);
    if (names.length > 60 || names.length < 3) return placed(names, entities, "LR");
    return [placed(names, entities, "LR"), placed(names, entities, "TB")].sort((a, b) => scale(b) - scale(a))[0];
  };
  const placed = (names, entities, rankdir) => {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir, nodesep: 22, ranksep: 70, ranker: names.length > 80 ? "tight-tree" : "network-simplex" });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const name of names) graph.setNode(name, { width: entities.get(name).width, height: entities.get(name).height });
    const here = new Set(names);
    for (const name of names) entities.get(name).links.forEach((link, at) => { if (here.has(link.to) && link.to !== name) graph.setEdge(name, link.to, { link }, `${at}`); });
    if (names.length > 1) dagre.layout(graph);
    else Object.assign(graph.node(names[0]), { x: entities.get(names[0]).width / 2, y: entities.get(names[0]).height / 2 });
    const box = names.length > 1 ? graph.graph() : entities.get(names[0]);
    return { graph, names, width: box.width, height: box.height };
  };

  const across = (from, to, link) => {
    const right = from.x + from.width / 2 < to.x + to.width / 2;
    const [ax, bx] = right ? [from.x + from.width, to.x] : [from.x, to.x + to.width];
    const [ay, by] = [from.y + from.height / 2, to.y + to.height / 2];
    const bend = right ? 60 : -60;
    return { from: from.name, to: to.name, link: { ...link, across: true }, points: [[ax, ay], [ax + bend, ay], [bx - bend, by], [bx, by]] };
  };

  H.layout = (entities, aspect) => {
    for (const entity of entities.values()) size(entity);
    /* A large diagram is divided by schema. In one piece, it would be a narrow strip. */
    const together = (a, b) => entities.size <= DIVIDED || H.schemaOf(a) === H.schemaOf(b);
    const blocks = components(entities, together).map((names) => place(names, entities, aspect));
    const area = blocks.reduce((sum, each) => sum + (each.width + GAP) * (each.height + GAP), 0);
    const wide = Math.max(...blocks.map((each) => each.width), Math.sqrt(area * aspect * 1.3), 0);
    const edges = [];
    let x = 0;
    let y = 0;
    let tall = 0;
    let right = 0;
    for (const block of blocks) {
      if (x > 0 && x + block.width > wide) { x = 0; y += tall + GAP; tall = 0; }
      for (const name of block.names) {
        const at = block.graph.node(name);
        Object.assign(entities.get(name), { x: x + at.x - at.width / 2, y: y + at.y - at.height / 2 });
      }
      for (const edge of block.graph.edges()) {
        const { points, link } = block.graph.edge(edge);
        edges.push({ from: edge.v, to: edge.w, link, points: points.map((point) => [point.x + x, point.y + y]) });
      }
      x += block.width + GAP;
      right = Math.max(right, x);
      tall = Math.max(tall, block.height);
    }
    for (const entity of entities.values()) {
      for (const link of entity.links) if (entities.has(link.to) && !together(entity.name, link.to)) edges.push(across(entity, entities.get(link.to), link));
    }
    return { entities, edges, width: right - GAP, height: y + tall };
  };
  H.SIZES = { LINE, HEAD, LONGEST };
}

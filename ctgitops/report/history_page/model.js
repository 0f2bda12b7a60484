"use strict";
/* The document of the page: runs, migrations, and the schema at each version. */
{
  const data = JSON.parse(document.getElementById("data").textContent);
  H.data = data;

  for (const environment of data.environments) {
    for (const run of environment.runs) {
      run.environment = environment;
      run.time = Date.parse(run.finished_at || run.started_at || "") || null;
      run.names = [...new Set(run.entries.filter((entry) => !entry.override).map((entry) => entry.name))];
      run.words = [environment.environment, run.result, run.version, run.actor, run.commit_sha,
        run.pull_request ? `#${run.pull_request}` : "", ...run.names].join(" ").toLowerCase();
    }
  }
  /* Newest first. A run without a time stays beside its neighbour in the ledger. */
  const placed = data.environments.flatMap((environment) => {
    let last = 0;
    return environment.runs.map((run) => { last = run.time || last; return { run, at: last }; });
  });
  H.runs = placed.sort((a, b) => b.at - a.at || b.run.id - a.run.id).map((each) => each.run);
  H.findRun = (environment, id) =>
    H.runs.find((run) => run.environment.environment === environment && String(run.id) === id);

  /* Schemas: nodes of a tree, and one node for each live schema that has drifted. */
  const nodes = new Map(data.schemas.map((node) => [String(node.id), { ...node, id: String(node.id), title: "" }]));
  H.nodes = nodes;
  for (const environment of data.environments) {
    if (environment.drift.state === "drift" && environment.schema !== null && nodes.has(String(environment.schema))) {
      const id = `live-${environment.environment}`;
      nodes.set(id, { id, parent: environment.schema, name: null, version: null, unknown: "",
        changes: environment.drift.changes, live: environment.environment });
    }
  }
  const now = new Map();
  for (const environment of data.environments) {
    if (environment.schema !== null) {
      const key = String(environment.schema);
      now.set(key, [...(now.get(key) || []), environment.environment]);
    }
  }
  for (const node of nodes.values()) {
    const here = now.get(node.id);
    if (node.live) node.title = `${node.live}: live schema, with drift`;
    else if (node.parent === null) node.title = "empty schema";
    else node.title = `${node.version ? `${node.version} · ` : ""}${node.name}`;
    if (here) node.title += ` (now: ${here.join(", ")})`;
  }

  const key = (object) => `${object.kind}\u0000${object.name}`;
  H.key = key;

  const path = (id) => {
    const found = [];
    for (let node = nodes.get(String(id)); node; node = nodes.get(String(node.parent))) found.push(node);
    return found.reverse();
  };
  /* Why a schema is unknown. Empty if it is known. */
  H.unknown = (id) => {
    if (data.without_schemas) return data.without_schemas;
    if (!nodes.has(String(id))) return "a migration was unfinished at this time";
    return (path(id).find((node) => node.unknown) || { unknown: "" }).unknown;
  };

  const kept = new Map();
  const KEPT = 6;
  /* All objects of a schema, by kind and name. */
  H.schemaAt = (id) => {
    const wanted = String(id);
    if (kept.has(wanted)) return kept.get(wanted);
    const nodesOfPath = path(wanted);
    let from = -1;
    nodesOfPath.forEach((node, at) => { if (kept.has(node.id)) from = at; });
    const objects = new Map(from < 0 ? [] : kept.get(nodesOfPath[from].id));
    for (const node of nodesOfPath.slice(from + 1)) {
      for (const change of node.changes) {
        if (change.removed) objects.delete(key(change.removed));
        else objects.set(key(change.added || change.after), change.added || change.after);
      }
    }
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
    kept.set(wanted, objects);
    return objects;
  };

  H.altered = (before, after) => {
    const names = new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)]);
    return [...names].filter((name) => before.attributes[name] !== after.attributes[name]);
  };
  /* The changes from one schema to another. */
  H.differences = (before, after) => {
    const found = [];
    for (const [id, object] of before) {
      const other = after.get(id);
      if (!other) found.push({ removed: object });
      else if (other !== object && H.altered(object, other).length) found.push({ before: object, after: other });
    }
    for (const [id, object] of after) if (!before.has(id)) found.push({ added: object });
    return found;
  };
  H.kindOfChange = (change) => (change.added ? "added" : change.removed ? "removed" : "altered");
  H.objectOf = (change) => change.added || change.removed || change.after;

  /* `public` of `public.project`. A quoted name may contain a point. */
  H.schemaOf = (name) => (name.match(/^("(?:[^"]|"")*"|[^".\s]+)\./) || ["", ""])[1];
  H.shortName = (name) => {
    const schema = H.schemaOf(name);
    return schema ? name.slice(schema.length + 1) : name;
  };
}

"use strict";
/* Creates elements and formats values. Texts become text nodes, never markup. */
const H = {};
{
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked" || name === "open" || name === "selected") element[name] = value;
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false || child === true) continue;
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
  };
  H.h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  H.s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  H.name = (text) => H.h("bdi", { class: "name" }, text);

  /* A link to the web, or only its text if the address is not a plain https or http one. */
  H.link = (url, text) =>
    /^https?:\/\/[^\s"'<>]+$/i.test(url || "") ? H.h("a", { href: url, rel: "noopener noreferrer" }, text) : text;

  H.count = (number, noun, plural) =>
    `${number === 0 ? "no" : number.toLocaleString("en")} ${number === 1 ? noun : plural || `${noun}s`}`;
  H.time = (iso) => (iso ? `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")} UTC` : "unknown time");
  H.day = (iso) => (iso ? new Date(iso).toISOString().slice(0, 10) : "unknown");
  H.duration = (millis) => {
    if (millis === null || millis === undefined) return "–";
    if (millis < 1000) return `${millis} ms`;
    if (millis < 60000) return `${(millis / 1000).toFixed(1)} s`;
    const seconds = Math.round(millis / 1000);
    return seconds < 3600
      ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
      : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  };
  H.bytes = (number) => {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let value = number;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
    return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
  };
  H.cut = (text, longest) => ([...text].length > longest ? `${[...text].slice(0, longest - 1).join("")}…` : text);

  /* The address of a view: `#view/part?key=value`. */
  H.address = (parts, query) => {
    const given = Object.entries(query || {}).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const search = given.length ? `?${new URLSearchParams(given)}` : "";
    return `#${parts.map((part) => encodeURIComponent(part)).join("/")}${search}`;
  };
  H.route = () => {
    const [path, search] = window.location.hash.slice(1).split("?");
    const decode = (part) => { try { return decodeURIComponent(part); } catch { return part; } };
    return { parts: path.split("/").map(decode), query: Object.fromEntries(new URLSearchParams(search || "")) };
  };

  H.say = (text) => { document.getElementById("status").textContent = text; };

  H.field = (label, control, hidden) =>
    H.h("label", { class: "field" }, H.h("span", { class: hidden ? "unseen" : "label" }, label), control);
  H.select = (options, value, onchange, attributes) => {
    const select = H.h("select", { ...attributes, onchange: () => onchange(select.value) },
      options.map(([key, text]) => H.h("option", { value: key, selected: String(key) === String(value) }, text)));
    return select;
  };
  H.button = (text, onclick, attributes) => H.h("button", { type: "button", onclick, ...attributes }, text);

  /* Calls `then` when typing has stopped for a moment. */
  H.later = (then, millis = 150) => {
    let timer = 0;
    return (...values) => { window.clearTimeout(timer); timer = window.setTimeout(() => then(...values), millis); };
  };
}

// What the pages do with their elements: create and find them, show JSON, move between tabs.

// Create elements from nested arrays: ["dt", "text"], ["a", {href: "/"}, "text"] or ["dd", ["mark",
// "text"]]. Text is never HTML.

export function element([tag, ...children]) {
  const made = document.createElement(tag);
  for (const child of children) {
    if (Array.isArray(child)) made.append(element(child));
    else if (child instanceof Node || typeof child === "string") made.append(child);
    else setAll(made, child);
  }
  return made;
}

// Attributes, and handlers as {onclick: function}. False leaves an attribute out.
function setAll(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
}

export function fill(parent, children) {
  parent.replaceChildren(...children.map((child) => (Array.isArray(child) ? element(child) : child)));
}

export function find(selector, parent = document) {
  return parent.querySelector(selector);
}

// Show a JSON body with one member per line, and mark the members at the given JSON Pointers.
export function renderJSON(parent, text, pointers) {
  let value;
  try {
    value = JSON.parse(text, keepSource);
  } catch {
    value = undefined;
  }
  // JavaScript keeps one of two members with the same name, sorts members that are named by numbers,
  // and in older browsers rounds numbers. Such a body is shown as it was sent.
  if (value === undefined || compact(value) !== withoutSpaces(text)) {
    fill(parent, [pointers.length ? ["mark", { class: "whole" }, text] : text]);
    return;
  }
  parent.replaceChildren(...nodes(value, "", "", pointers));
}

// A number in its original spelling, because JavaScript's numbers cannot hold every id.
class Literal {
  constructor(source) { this.source = source; }
}

function keepSource(_key, value, context) {
  return typeof value === "number" && context ? new Literal(context.source) : value;
}

function compact(value) {
  if (value instanceof Literal) return value.source;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(compact).join()}]`;
  const members = Object.entries(value);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${compact(member)}`).join()}}`;
}

// The text without spaces between its parts, and with the same escapes as compact().
function withoutSpaces(text) {
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) =>
    part.startsWith('"') ? JSON.stringify(JSON.parse(part)) : "");
}

function nodes(value, pointer, indent, pointers) {
  const made = [...inner(value, pointer, indent, pointers)];
  if (!pointers.includes(pointer)) return made;
  return [element(["mark", { class: pointer ? "" : "whole" }, ...made])];
}

function* inner(value, pointer, indent, pointers) {
  if (value instanceof Literal) return yield coloured("number", value.source);
  if (typeof value === "string") return yield coloured("string", JSON.stringify(value));
  if (value === null || typeof value !== "object") return yield coloured("word", JSON.stringify(value));
  const list = Array.isArray(value);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  const members = Object.entries(value);
  if (members.length === 0) return yield open + close;
  yield open;
  for (const [place, [key, member]] of members.entries()) {
    const below = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    yield `\n${indent}  `;
    if (!list) yield* [coloured("key", JSON.stringify(key)), ": "];
    yield* nodes(member, below, `${indent}  `, pointers);
    if (place < members.length - 1) yield ",";
  }
  yield `\n${indent}${close}`;
}

function coloured(kind, text) {
  return element(["span", { class: `json-${kind}` }, text]);
}

// Tabs by the pattern of the ARIA Authoring Practices: keys move, one tab is in the tab order.
export function prepareTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => tabs.forEach((one) => {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    find(`#${one.getAttribute("aria-controls")}`).hidden = one !== tab;
  });
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const place = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[event.key];
      if (place === undefined) return;
      event.preventDefault();
      const next = tabs.at(place % tabs.length);
      select(next);
      next.focus();
    });
  });
}

// Close a menu on Escape, and on a click elsewhere.
export function closeMenus() {
  const menus = [...document.querySelectorAll("details.menu")];
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of menus.filter((one) => one.open)) {
      if (menu.contains(document.activeElement)) find("summary", menu).focus();
      menu.open = false;
    }
  });
  document.addEventListener("click", ({ target }) => {
    for (const menu of menus) if (!menu.contains(target)) menu.open = false;
  });
}

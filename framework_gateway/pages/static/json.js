// A body with one member a line; the members at the given JSON Pointers are marked.

import { element, fill } from "./dom.js";

export function renderJSON(parent, text, pointers) {
  let value;
  try {
    value = JSON.parse(text, keepSource);
  } catch {
    fill(parent, [pointers.includes("") ? ["mark", text] : text]);
    return;
  }
  parent.replaceChildren(...nodes(value, "", "", pointers));
}

// JavaScript's numbers cannot hold every id, so a number is shown as it was written.
class Literal {
  constructor(source) { this.source = source; }
}

function keepSource(_key, value, context) {
  return typeof value === "number" && context ? new Literal(context.source) : value;
}

function nodes(value, pointer, indent, pointers) {
  const made = [...inner(value, pointer, indent, pointers)];
  return pointers.includes(pointer) ? [element(["mark", ...made])] : made;
}

function* inner(value, pointer, indent, pointers) {
  if (value instanceof Literal) return yield value.source;
  if (value === null || typeof value !== "object") return yield JSON.stringify(value);
  const list = Array.isArray(value);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  const members = Object.entries(value);
  if (members.length === 0) return yield open + close;
  yield open;
  for (const [place, [key, member]] of members.entries()) {
    const below = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    yield `\n${indent}  ${list ? "" : `${JSON.stringify(key)}: `}`;
    yield* nodes(member, below, `${indent}  `, pointers);
    if (place < members.length - 1) yield ",";
  }
  yield `\n${indent}${close}`;
}

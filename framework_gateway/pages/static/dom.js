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

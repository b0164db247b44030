// Create elements from nested arrays: ["dt", "text"] or ["dd", ["mark", "text"]]. Text is never HTML.

export function element([tag, ...children]) {
  const made = document.createElement(tag);
  for (const child of children) made.append(Array.isArray(child) ? element(child) : child);
  return made;
}

export function fill(parent, children) {
  parent.replaceChildren(...children.map((child) => (Array.isArray(child) ? element(child) : child)));
}

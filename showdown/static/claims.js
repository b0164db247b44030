// The Claims page: show the claims with a verdict, and with conditions of one kind.

import { element, find } from "./dom.js";

const form = find("#filter");
const sections = [...document.querySelectorAll(".claim")];
// What the name of a condition says, such as "users, 64 connections: FastAPI to Flask (SQLite)".
const KINDS = {
  framework: /\b(Flask|FastAPI|Django|Quart|Node[.]js|Go)(?![\w.])/g,
  workload: /^(hello|users|create|wait|slow service|streams|predictions)\b/g,
  connections: /\b(\d+) connections\b/g,
};

function conditionsOf(section) {
  return [...section.querySelectorAll(".conditions tbody tr")];
}

function valuesOf(kind, row) {
  return [...find("th", row).textContent.matchAll(KINDS[kind])].map((found) => found[1]);
}

function offer() {
  for (const kind of Object.keys(KINDS)) {
    const all = sections.flatMap(conditionsOf).flatMap((row) => valuesOf(kind, row));
    const sorted = [...new Set(all)].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
    form.elements[kind].append(...sorted.map((value) => element(["option", value])));
  }
}

function filter() {
  const wanted = Object.keys(KINDS).filter((kind) => form.elements[kind].value);
  const fits = (row) => wanted.every((kind) => valuesOf(kind, row).includes(form.elements[kind].value));
  let found = 0;
  for (const section of sections) {
    const rows = conditionsOf(section);
    for (const row of rows) row.hidden = !fits(row);
    const { value } = form.elements.verdict;
    const isShown = (!value || section.dataset.verdict === value) && (!wanted.length || rows.some(fits));
    for (const each of document.querySelectorAll(`[data-claim="${section.dataset.claim}"]`)) each.hidden = !isShown;
    if (wanted.length && find("details", section)) find("details", section).open = isShown;
    found += isShown ? 1 : 0;
  }
  find("#found").textContent = `${found} ${found === 1 ? "claim" : "claims"}`;
  find("#none").hidden = found > 0;
}

if (form) {
  offer();
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.addEventListener("input", () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", `${query.size ? `?${query}` : location.pathname}${location.hash}`);
    filter();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
}

// Show the answers of all targets: status and time as they arrive, then what differs.

import { element, fill, find, renderJSON } from "./dom.js";

const FIRST = 50; // differences that are shown at first
const panels = [...document.querySelectorAll(".panel[data-target]")];
const rows = [...document.querySelectorAll("#overview tbody tr")];
const panelOf = (target) => panels.find((panel) => panel.dataset.target === target);
const rowOf = (target) => rows.find((row) => row.dataset.target === target);
const titleOf = (target) => panelOf(target).querySelector("h3").firstChild.nextSibling.textContent;
let comparison = null;
let answers = [];
let handlers = {};

// Empty the page, so that no old answer stands below a new request. The handlers copy and save it.
export function clear(given = {}) {
  handlers = given;
  for (const row of rows) {
    fill(find(".code", row), ["—"]);
    for (const name of [".size", ".time"]) fill(find(name, row), []);
    find(".odd", row).hidden = true;
  }
  for (const panel of panels) {
    panel.hidden = true;
    fill(find(".body", panel), []);
    fill(find(".headers", panel), []);
  }
  for (const id of ["differences", "notes", "scope", "tools"]) find(`#${id}`).hidden = true;
}

// Say that the answer of each target is awaited.
export function expectAnswers() {
  for (const row of rows) fill(find(".code", row), ["…"]);
}

// No more answers arrive.
export function giveUp() {
  for (const row of rows) if (find(".code", row).textContent === "…") fill(find(".code", row), ["—"]);
}

export function showAnswer(answer, sofar) {
  showPanel(answer, []);
  const longest = Math.max(...sofar.map((one) => one.seconds));
  for (const one of sofar) showRow(one, longest);
}

function showRow(answer, longest) {
  const row = rowOf(answer.target);
  const kind = answer.error ? 0 : Math.floor(answer.status / 100);
  fill(find(".code", row), [["span", { class: `status status-${kind}` }, answer.error ? "No answer" : String(answer.status)]]);
  fill(find(".size", row), [answer.error ? "" : sizeOf(answer)]);
  const bar = element(["span", { class: "times" }]);
  const { seconds, waiting, running } = answer;
  const parts = { waiting: waiting ?? 0, running: running ?? 0, rest: seconds - (waiting ?? 0) - (running ?? 0) };
  for (const [name, part] of Object.entries(parts)) {
    const piece = element(["span", { class: `bar ${name}` }]);
    piece.style.width = `${(100 * Math.max(0, part)) / longest}%`;
    bar.append(piece);
  }
  fill(find(".time", row), [bar, timesOf(answer)]);
}

function showPanel(answer, differences) {
  const panel = panelOf(answer.target);
  panel.hidden = false;
  const of = (part) => differences.filter((difference) => difference.part === part);
  const names = of("header").map((difference) => difference.name.toLowerCase());
  fill(find(".headers", panel), answer.headers.flatMap(([name, value]) => {
    const tag = names.includes(name.toLowerCase()) ? "mark" : "span";
    return [["dt", name], ["dd", [tag, value]]];
  }));
  const body = find(".body", panel);
  if (answer.error) fill(body, [["mark", answer.error]]);
  else showBody(body, answer, of("body").map((difference) => difference.name));
}

// Only what the server calls JSON is read as JSON: the Base64 text of binary data may look like a number.
function showBody(parent, { form, body, encoding, size, sha256, truncated, headers }, pointers) {
  if (encoding === "base64") return showBinary(parent, body, size, sha256, headers, pointers.length > 0);
  if (form === "JSON" && !truncated) return renderJSON(parent, body, pointers);
  const text = body || "No body.";
  fill(parent, [pointers.length ? whole(text) : body ? text : ["span", { class: "empty" }, text]]);
}

// A body that differs as a whole.
function whole(text) {
  return ["mark", { class: "whole" }, text];
}

// Size, type, digest, and the first bytes as hexadecimal digits.
function showBinary(parent, base64, size, sha256, headers, differs) {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "unknown type";
  const bytes = [...atob(base64)].slice(0, 128).map((one) => one.charCodeAt(0));
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.slice(at, at + 16);
    const hex = part.map((one) => one.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((one) => (one > 31 && one < 127 ? String.fromCharCode(one) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  const more = size > bytes.length ? `\n… ${size - bytes.length} more bytes` : "";
  const text = `${size} bytes of ${type}\nSHA-256 ${sha256}\n\n${lines.join("\n")}${more}`;
  fill(parent, [differs ? whole(text) : text]);
}

// Show the result, and fold answers that do not differ into one.
export function finish(result, all) {
  comparison = result;
  answers = all;
  const counting = result.differences.filter((one) => one.counts);
  for (const answer of answers) showPanel(answer, counting);
  showOdd(groupsOf(counting));
  fold(true);
  showDifferences(FIRST);
  fillTable(find("#notes"), result.differences.filter((one) => !one.counts));
  showScope(result);
  find("#tools").hidden = false;
}

// Lists of targets whose values are the same in each difference; those without an answer stand alone.
function groupsOf(counting) {
  const groups = new Map();
  for (const panel of panels) {
    const { target } = panel.dataset;
    const answer = answers.find((one) => one.target === target);
    const values = counting.map((one) => one.values[target] ?? null);
    const key = !answer || answer.error ? target : JSON.stringify(values);
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups.values()];
}

function showOdd(groups) {
  const odd = groups.length === 2 && panels.length > 2 ? groups.find((group) => group.length === 1) : null;
  for (const row of rows) find(".odd", row).hidden = row.dataset.target !== odd?.[0];
}

function fold(on) {
  const groups = groupsOf(comparison.differences.filter((one) => one.counts));
  const folded = on && groups.length < panels.length;
  for (const group of groups) {
    group.forEach((target, index) => {
      const panel = panelOf(target);
      panel.hidden = folded && index > 0;
      const others = folded && index === 0 ? group.slice(1).map(titleOf) : [];
      find(".also", panel).textContent = others.map((name) => ` = ${name}`).join("");
    });
  }
  const button = find("#unfold");
  button.hidden = groups.length === panels.length;
  button.textContent = folded ? `Show all ${panels.length}` : "Show equal answers once";
  button.onclick = () => fold(!folded);
}

function showDifferences(limit) {
  const section = find("#differences");
  const counting = comparison.differences.filter((one) => one.counts);
  fillTable(section, counting.slice(0, limit));
  showUnified(counting.slice(0, limit));
  const more = comparison.differences_left_out ?? 0;
  find(".more", section).textContent = more ? `${more} further differences are not listed.` : "";
  const all = find(".all", section);
  all.hidden = counting.length <= limit;
  all.textContent = `Show all ${counting.length}`;
  all.onclick = () => showDifferences(counting.length);
}

function fillTable(section, differences) {
  section.hidden = differences.length === 0;
  fill(find("tbody", section), differences.map(({ part, name, kind, values, reason }) => [
    "tr",
    ["th", { scope: "row" }, `${part} ${name}`.trim()],
    ["td", reason ?? kind],
    ...panels.map(({ dataset: { target } }) => ["td", { "data-label": titleOf(target) }, values[target] ?? "—"]),
  ]));
}

// Each value once, with the targets that have it.
function showUnified(differences) {
  fill(find("#differences .unified"), differences.flatMap(({ part, name, kind, values }) => {
    const sides = new Map();
    for (const { dataset: { target } } of panels) {
      const value = values[target] ?? "—";
      sides.set(value, [...(sides.get(value) ?? []), titleOf(target)]);
    }
    const lines = [...sides].map(([value, names]) => ["dd", ["mark", value], ` ${names.join(", ")}`]);
    return [["dt", `${part} ${name} (${kind})`], ...lines];
  }));
}

// What was looked at, and what was ignored how often.
function showScope({ scope: { headers, noted }, rules }) {
  const lines = [`Headers that count: ${headers}.`];
  if (noted.length) lines.push(`Headers that do not: ${noted.join(", ")}.`);
  for (const { rule, uses, reason } of rules) {
    lines.push(`${rule}: used ${uses} ${uses === 1 ? "time" : "times"}${reason ? `, ${reason}` : ""}.`);
  }
  fill(find("#scope ul"), lines.map((line) => ["li", line]));
  find("#scope").hidden = false;
}

function sizeOf({ size, truncated }) {
  return truncated ? `${size} bytes, only the first are shown` : `${size} bytes`;
}

function timesOf({ seconds, waiting, running }) {
  const all = `${milliseconds(seconds)} ms`;
  if (waiting === null) return all;
  return `${all} (queue ${milliseconds(waiting)}, run ${milliseconds(running)})`;
}

function milliseconds(seconds) {
  return (seconds * 1000).toFixed(1);
}

find("#unified").addEventListener("click", ({ target: button }) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  find("#differences table").hidden = on;
  find("#differences .unified").hidden = !on;
});
for (const button of document.querySelectorAll(".copy")) {
  const { target } = button.closest(".panel").dataset;
  button.addEventListener("click", () => handlers.oncopy(target, button.dataset.kind));
}
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => handlers.onsave(button.dataset.save));
}

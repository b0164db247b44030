// The Compare page: send one request to all targets, and show their answers.

import { addressBelow } from "./address.js";
import { csrfHeaders } from "./csrf.js";
import { fill } from "./dom.js";
import { renderJSON } from "./json.js";

const root = document.documentElement.dataset.root;
const form = document.querySelector("#request");
const example = document.querySelector("#example");
const verdict = document.querySelector("#verdict");
const FIELDS = { method: "GET", path: "/api/users", body: "", type: "application/json", ignore: "" };
const SAFE = ["GET", "HEAD", "OPTIONS"];

function readAddress() {
  const query = new URLSearchParams(location.search);
  for (const [name, initial] of Object.entries(FIELDS)) {
    form.elements[name].value = query.get(name) ?? initial;
  }
  form.elements["in-turn"].checked = query.has("in-turn");
  showOptions();
}

function writeAddress() {
  const query = new URLSearchParams();
  for (const [name, initial] of Object.entries(FIELDS)) {
    const value = form.elements[name].value;
    if (value !== initial || name === "path") query.set(name, value);
  }
  if (form.elements["in-turn"].checked) query.set("in-turn", "1");
  history.pushState(null, "", `?${query}`);
}

function showOptions() {
  if (example) example.selectedIndex = Math.max(0, [...example.options].findIndex(isShown));
  const { body, type, ignore } = form.elements;
  const changed = type.value !== FIELDS.type || form.elements["in-turn"].checked;
  document.querySelector("#more").open = Boolean(body.value || ignore.value || changed);
}

function isShown({ dataset }) {
  return Object.keys(FIELDS).every((name) => dataset[name] === form.elements[name].value);
}

async function compare() {
  const { method, path, body, type, ignore } = form.elements;
  const safe = SAFE.includes(method.value);
  const headers = { "Compare-Method": method.value, "Compare-Ignore": ignore.value };
  if (form.elements["in-turn"].checked) headers["Compare-Order"] = "in-turn";
  if (body.value) headers["Content-Type"] = type.value;
  if (!safe) Object.assign(headers, csrfHeaders());
  const response = await fetch(addressBelow(`${root}/compare`, path.value), {
    method: safe ? safeMethod(body.value) : method.value,
    mode: "same-origin",
    headers,
    body: body.value || undefined,
  });
  const document = await response.json();
  if (!response.ok) throw new Error(document.detail);
  return document;
}

// A safe request must use a safe method on the wire, too. Not HEAD, whose response has no body; with
// a body, not GET, because browsers do not send a body with GET.
function safeMethod(body) {
  return body ? "OPTIONS" : "GET";
}

let latest = 0;

async function send() {
  const number = ++latest;
  show("", "Sending …");
  try {
    const comparison = await compare();
    if (number === latest) showComparison(comparison);
  } catch (error) {
    if (number === latest) show("differs", `No comparison: ${error.message}`);
  }
}

function show(kind, text) {
  verdict.className = kind;
  verdict.textContent = text;
}

function showComparison({ identical, summary, answers, differences, differences_left_out: more = 0, scope, rules }) {
  show(identical ? "same" : "differs", summary);
  const counting = differences.filter((difference) => difference.counts);
  const notes = differences.filter((difference) => !difference.counts);
  const targets = answers.map((answer) => answer.target);
  for (const answer of answers) showAnswer(answer, counting);
  fillTable("#differences", counting, targets, more ? `And ${more} more.` : "");
  fillTable("#notes", notes, targets, "");
  showScope(scope, rules);
}

// What was looked at, and what was ignored how often.
function showScope({ headers, noted }, rules) {
  const lines = [`Headers that count: ${headers}.`];
  if (noted.length) lines.push(`Headers that do not: ${noted.join(", ")}.`);
  for (const { rule, uses, reason } of rules) {
    lines.push(`${rule}: used ${uses} ${uses === 1 ? "time" : "times"}${reason ? `, ${reason}` : ""}.`);
  }
  fill(document.querySelector("#scope ul"), lines.map((line) => ["li", line]));
  document.querySelector("#scope").hidden = false;
}

function showAnswer(answer, differences) {
  const panel = document.querySelector(`[data-target="${CSS.escape(answer.target)}"]`);
  const of = (part) => differences.filter((difference) => difference.part === part);
  const code = panel.querySelector(".code");
  code.textContent = answer.error ? "No answer" : answer.status;
  code.classList.toggle("differs", of("status").length > 0 || answer.error !== null);
  panel.querySelector(".time").textContent = times(answer);
  panel.querySelector(".size").textContent = answer.error ? "" : size(answer);
  const names = of("header").map((difference) => difference.name.toLowerCase());
  fill(panel.querySelector(".headers"), answer.headers.flatMap(([name, value]) => {
    const tag = names.includes(name.toLowerCase()) ? "mark" : "span";
    return [["dt", name], ["dd", [tag, value]]];
  }));
  const body = panel.querySelector(".body");
  if (answer.error) fill(body, [["mark", answer.error]]);
  else showBody(body, answer, of("body").map((difference) => difference.name));
  panel.querySelector(".curl code").textContent = answer.curl;
}

// Only what the server calls JSON is read as JSON: the Base64 text of binary data may look like a number.
function showBody(parent, { form, body, encoding }, pointers) {
  if (form === "JSON") return renderJSON(parent, body, pointers);
  const text = encoding === "base64" ? `In Base64: ${body}` : body;
  fill(parent, [pointers.length ? ["mark", text] : text]);
}

function size({ size, truncated }) {
  return truncated ? `${size} bytes, only the first are shown` : `${size} bytes`;
}

function times({ seconds, waiting, running }) {
  const all = `${milliseconds(seconds)} ms`;
  if (waiting === null) return all;
  return `${all} (waiting ${milliseconds(waiting)}, running ${milliseconds(running)})`;
}

function milliseconds(seconds) {
  return (seconds * 1000).toFixed(1);
}

function fillTable(selector, differences, targets, more) {
  const section = document.querySelector(selector);
  section.hidden = differences.length === 0;
  fill(section.querySelector("tbody"), differences.map(({ part, name, kind, values, reason }) => [
    "tr",
    ["th", `${part} ${name}`.trim()],
    ["td", reason ?? kind],
    ...targets.map((target) => ["td", values[target] ?? "—"]),
  ]));
  section.querySelector(".more").textContent = more;
}

function useExample() {
  const { method, path, body, type, ignore } = example.selectedOptions[0].dataset;
  if (method === undefined) return;
  Object.entries({ method, path, body, type, ignore }).forEach(([name, value]) => {
    form.elements[name].value = value;
  });
  showOptions();
  // Send safe requests at once; the others only on a click.
  if (SAFE.includes(method)) form.requestSubmit();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  writeAddress();
  send();
});
form.addEventListener("change", (event) => {
  if (event.target !== example) showOptions();
});
example?.addEventListener("change", useExample);
window.addEventListener("popstate", start);
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const { textContent } = button.closest(".curl").querySelector("code");
    await navigator.clipboard.writeText(textContent);
    show(verdict.className, "Copied to the clipboard.");
  });
}

function start() {
  readAddress();
  if (SAFE.includes(form.elements.method.value)) send();
  else show("", "This request may change data. Press “Send to all” to send it.");
}

start();

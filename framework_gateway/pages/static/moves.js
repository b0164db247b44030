// The Moves page: keep the evidence up to date, and send what a person decides.

import { find } from "./dom.js";
import { csrfHeaders, reasonOf } from "./send.js";

const root = document.documentElement.dataset.root;
const state = find("#state");
const INTERVAL = 2000; // ms
let looks = 0; // how often the page has asked for the evidence

function say(kind, text) {
  state.className = `banner ${kind}`;
  state.textContent = text;
}

// Replace what changes by what the page shows now; open details stay open.
async function refresh() {
  const look = looks += 1;
  const response = await fetch(`${root}/moves`, { mode: "same-origin" });
  if (!response.ok) throw new Error(await reasonOf(response));
  if (response.redirected) throw new Error("your login has ended; reload the page.");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (look !== looks) return; // a later look may have newer evidence
  for (const section of document.querySelectorAll(".move")) {
    const now = page.querySelector(`.move[data-move="${CSS.escape(section.dataset.move)}"] .live`);
    if (!now) continue;
    const shown = find(".live", section);
    const focused = shown.contains(document.activeElement) ? document.activeElement : null;
    // Somebody presses a button or reads an example. A summary keeps the focus after its details opened.
    if (find(":active", shown) || (focused && focused.tagName !== "SUMMARY")) continue;
    const same = ({ dataset }) => find(`details[data-of="${CSS.escape(dataset.of)}"]`, now);
    for (const details of shown.querySelectorAll("details[open]")) same(details)?.setAttribute("open", "");
    shown.replaceWith(now);
    if (focused) same(focused.parentElement)?.querySelector("summary").focus({ preventScroll: true });
  }
}

async function keepUp() {
  try {
    await refresh();
    if (state.textContent.startsWith("Not up to date")) say("", "");
  } catch (error) {
    say("differs", `Not up to date: ${error.message}`);
  }
  setTimeout(keepUp, INTERVAL);
}

async function change(move, body) {
  try {
    const response = await fetch(`${root}/moves`, {
      method: "POST",
      mode: "same-origin",
      headers: { "Content-Type": "application/json", ...csrfHeaders() },
      body: JSON.stringify({ move, ...body }),
    });
    if (!response.ok) throw new Error(await reasonOf(response));
    document.activeElement.blur();
    await refresh();
    say("same", "Changed, for all workers and gateways.");
  } catch (error) {
    say("differs", `Not changed: ${error.message}`);
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-action]");
  if (!button) return;
  const { action, name } = button.dataset;
  change(button.closest(".move").dataset.move, { action, name });
});
for (const form of document.querySelectorAll(".move form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { route, methods, stage, percent } = form.elements;
    const rule = { route: route.value, methods: methods.value, stage: stage.value };
    if (stage.value === "live") rule.percent = percent.valueAsNumber;
    change(form.closest(".move").dataset.move, { action: "set", rule });
  });
}
if (find(".move")) setTimeout(keepUp, INTERVAL);

// The Compare page: send one request to all targets, and show their answers as they arrive.

import { clear, expectAnswers, finish, giveUp, showAnswer } from "./answers.js";
import { Builder } from "./builder.js";
import { closeMenus, find, prepareTabs } from "./dom.js";
import { SAFE, compare, translate } from "./send.js";

const root = document.documentElement.dataset.root;
const offered = JSON.parse(find("#offered").textContent);
const names = Object.keys(offered.targets);
const verdict = find("#verdict");
const wait = `Press “${find("#send").textContent}” to send`;
const builder = new Builder(offered, root, say);
let sending = null; // the AbortController of the request that is on its way

function say(kind, text) {
  verdict.className = `banner ${kind}`;
  verdict.textContent = text;
}

// Give up the request that is on its way; it must not write to the page any more.
function drop() {
  sending?.abort();
  sending = null;
  busy(false);
}

async function send() {
  drop();
  const controller = sending = new AbortController();
  const request = builder.request;
  document.title = `${request.method} ${request.path} · Compare`;
  builder.remember(request);
  clear({ oncopy: (target, kind) => copy(request, target, kind), onsave: (kind) => save(request, kind) });
  expectAnswers();
  busy(true);
  say("waiting", "Sending …");
  try {
    const answers = [];
    for await (const { answer, comparison } of compare(root, request, controller.signal)) {
      if (controller !== sending) return;
      if (answer) {
        answers.push(answer);
        showAnswer(answer, answers);
        say("waiting", `${answers.length} of ${names.length} have answered …`);
      } else {
        conclude(comparison);
        finish(comparison, answers);
      }
    }
  } catch (error) {
    if (controller !== sending) return;
    giveUp();
    if (controller.signal.aborted) say("", "Cancelled.");
    else say("differs", `No comparison: ${error.message}`);
  }
  busy(false);
}

// One answer is equal to nothing.
function conclude({ identical, summary }) {
  if (identical && names.length === 1) say("", "Answered. Mount a second application to compare it with.");
  else say(identical ? "same" : "differs", summary);
}

function busy(on) {
  find("#cancel").hidden = !on;
  find("#panels").setAttribute("aria-busy", String(on));
}

// What the gateway needs to write the request as other programs do.
function translated(request) {
  const { method, path, body, headers, type } = request;
  const named = headers.some(([name]) => name.toLowerCase() === "content-type");
  const all = body && !named ? [["Content-Type", type], ...headers] : headers;
  const line = { method, path, headers: all, ...(body ? { body } : {}) };
  const targets = names.map((name) => [name, location.origin + encodeURI(`${root}/${name}`)]);
  return translate(root, "as", JSON.stringify({ line, targets: Object.fromEntries(targets) }));
}

async function copy(request, target, kind) {
  try {
    // Browsers have no clipboard for pages that another machine serves without TLS.
    if (!navigator.clipboard) throw new Error("the browser allows it only on HTTPS or localhost.");
    const { commands } = await translated(request);
    await navigator.clipboard.writeText(commands[target][kind]);
    say(verdict.className.replace("banner", "").trim(), "Copied to the clipboard.");
  } catch (error) {
    say("differs", `Not copied: ${error.message}`);
  }
}

async function save(request, kind) {
  try {
    const found = await translated(request);
    const file = kind === "pytest" ? "test_compared.py" : "requests.jsonl";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([kind === "pytest" ? found.pytest : `${found.line}\n`]));
    link.download = file;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    say("differs", `Not saved: ${error.message}`);
  }
}

function start() {
  drop();
  builder.readAddress();
  clear();
  // Without an address or an example, the path is a guess; it may be one that logs people out.
  const isGuess = !location.search && !offered.examples.length;
  if (isGuess) say("", `${wait} this request, or choose another one.`);
  else if (SAFE.includes(builder.request.method)) send();
  else say("", `This request may change data. ${wait} it.`);
}

builder.form.addEventListener("submit", (event) => {
  event.preventDefault();
  builder.writeAddress();
  send();
});
builder.onchosen = () => {
  drop();
  clear();
  // Send safe requests at once; the others only on a click.
  if (SAFE.includes(builder.request.method) && builder.isComplete) builder.form.requestSubmit();
  else say("", `${wait} this request.`);
};
prepareTabs();
closeMenus();
find("#cancel").addEventListener("click", () => sending?.abort());
window.addEventListener("popstate", start);
start();

// The Live page: shows the events of FastAPI's stream, and creates users in any framework.

import { element, fill, find } from "./dom.js";
import { csrfHeaders, reasonOf } from "./send.js";

const root = document.documentElement.dataset.root;
const state = find("#state");
const problem = find("#problem");
const form = find("#make");
const PAGE = 25; // rows
const KEPT = 1000; // events
const PAUSE = 2000; // ms between two attempts, where the browser has given up
let events = []; // newest first
let page = 0;
let isDrawn = true; // whether the table shows all events
let last = new URLSearchParams(location.search).get("after");

function say(kind, text) {
  state.className = `banner ${kind}`;
  state.textContent = text;
}

function show() {
  const pages = Math.max(1, Math.ceil(events.length / PAGE));
  page = Math.min(page, pages - 1);
  const shown = events.slice(page * PAGE, (page + 1) * PAGE);
  fill(find("#events"), shown.map(({ id, at, action, framework, user }) => ["tr",
    ["th", { scope: "row" }, `${user.name} <${user.email}>`],
    ["td", action],
    ["td", { "data-label": "by" }, framework],
    ["td", { "data-label": "at" }, new Date(at).toLocaleString()],
    ["td", { "data-label": "event" }, String(id)]]));
  find("#none").hidden = events.length > 0;
  find("#newer").hidden = page === 0;
  find("#older").hidden = page >= pages - 1;
  find("#place").textContent = events.length > PAGE ? `Page ${page + 1} of ${pages}` : "";
}

function add(event) {
  if (last === null) keepPlace(event.id - 1);
  last = event.id;
  events = [event, ...events].slice(0, KEPT);
  // A long history arrives at once; the table is drawn once for each frame of the screen.
  if (isDrawn) requestAnimationFrame(() => { isDrawn = true; show(); });
  isDrawn = false;
}

// The address names the event before the first one that is shown.
function keepPlace(id) {
  history.replaceState(null, "", `?after=${id}`);
}

// EventSource reconnects by itself after a broken connection, but not after an answer like 503.
function connect() {
  const query = last === null ? "" : `?after=${last}`;
  const source = new EventSource(`${root}/fastapi/api/users/events${query}`);
  source.addEventListener("open", () => say("same", "Listening."));
  source.addEventListener("error", () => {
    say("differs", "Not connected; trying again …");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, PAUSE);
  });
  // A restored or emptied database: what the table shows may never have happened.
  source.addEventListener("reset", (event) => {
    events = [];
    last = JSON.parse(event.data).id;
    keepPlace(last);
    show();
    say("waiting", "Listening again: events are missing, because the database was restored or emptied.");
  });
  source.addEventListener("message", (event) => add(JSON.parse(event.data)));
}

function complain(children) {
  problem.hidden = children.length === 0;
  fill(problem, children);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const target = event.submitter.value;
  const name = form.elements.name.value;
  const email = `live.${Date.now()}@${target}.example`;
  try {
    const response = await fetch(`${root}/${target}/api/users`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...csrfHeaders() },
      body: JSON.stringify({ name, email }),
    });
    if (response.ok) return complain([]);
    const login = ["a", { href: `${root}/django/admin/login/?next=${encodeURIComponent(`${root}/live`)}` }, "Log in"];
    complain([await reasonOf(response), ...([401, 403].includes(response.status) ? [" ", login] : [])]);
  } catch (error) {
    complain([`Not sent: ${error.message}`]);
  }
});
find("#newer").addEventListener("click", () => { page -= 1; show(); });
find("#older").addEventListener("click", () => { page += 1; show(); });
show();
connect();

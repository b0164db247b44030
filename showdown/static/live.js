// The Live page: shows each event of FastAPI's stream, and creates users in any framework.

import { csrfHeaders } from "./send.js";
import { element } from "./dom.js";

const root = document.documentElement.dataset.root;
const state = document.querySelector("#state");
const problem = document.querySelector("#problem");
const events = document.querySelector("#events");
const form = document.querySelector("#make");
const SHOWN = 100; // rows

function show({ id, at, action, framework, user }) {
  const time = new Date(at).toLocaleTimeString();
  const person = `${user.name} <${user.email}>`;
  events.prepend(element(["tr", ["th", String(id)], ["td", time], ["td", action], ["td", person], ["td", framework]]));
  while (events.rows.length > SHOWN) events.deleteRow(-1);
}

// EventSource reconnects by itself, and sends the id of the last event that it received.
const source = new EventSource(`${root}/fastapi/api/users/events`);
source.addEventListener("open", () => { state.textContent = "Listening."; });
source.addEventListener("error", () => { state.textContent = "Not connected; trying again …"; });
// A restored or emptied database: what the table shows may never have happened.
source.addEventListener("reset", () => {
  events.replaceChildren();
  state.textContent = "Listening again: the database was restored or emptied.";
});
source.addEventListener("message", (event) => show(JSON.parse(event.data)));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const target = event.submitter.value;
  const name = form.elements.name.value;
  const email = `live.${Date.now()}@${target}.example`;
  const response = await fetch(`${root}/${target}/api/users`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...csrfHeaders() },
    body: JSON.stringify({ name, email }),
  });
  problem.textContent = response.ok ? "" : (await response.json()).detail;
});

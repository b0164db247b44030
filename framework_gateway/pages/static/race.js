// The Race page: ask the targets for blocks of requests in random order, and compare the medians.

import { find } from "./dom.js";
import { addressBelow } from "./send.js";

const root = document.documentElement.dataset.root;
const form = find("#race");
const state = find("#state");
const chart = find("#chart");
const rows = [...document.querySelectorAll("#results tbody tr")];
const ROUNDS = 9; // the second smallest to the second largest of nine covers the median in 96 of 100
const WARM_UP = 10; // requests
const BOX = { left: 110, right: 690, top: 10, row: 40 };
const LONGEST = 15; // characters of a title left of its line; the table has all of it

class GoneError extends Error {}

class Lane {
  constructor(row, index) {
    this.row = row;
    this.target = row.dataset.target;
    this.title = row.querySelector("th").textContent.trim();
    this.colour = `target-${(index % 6) + 1}`;
    this.blocks = []; // the times of each round, in ms
    this.failures = new Map(); // how often, by status
  }

  // Send requests until there were enough of them, or the time is over.
  async run({ path, requests, seconds, connections }, signal, counts) {
    const address = addressBelow(`${root}/${this.target}`, path);
    const times = [];
    const end = performance.now() + seconds * 1000;
    let left = requests;
    let answered = 0;
    const worker = async () => {
      while (left > 0 && performance.now() < end && !signal.aborted) {
        left -= 1;
        const started = performance.now();
        const status = await ask(address, signal);
        if (signal.aborted) return;
        if (status) answered += 1;
        if (status >= 200 && status < 400) times.push(performance.now() - started);
        else if (counts) this.fail(status || "no answer");
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
    if (!answered && !signal.aborted) throw new GoneError(`${this.title} does not answer any more.`);
    if (counts && times.length) this.blocks.push(times);
  }

  fail(status) {
    this.failures.set(status, (this.failures.get(status) ?? 0) + 1);
  }

  get times() {
    return this.blocks.flat();
  }

  // The median of a quantile of the blocks, with its interval, in ms; null before the first block.
  figure(share) {
    const found = this.blocks.map((block) => quantile(block, share)).sort((a, b) => a - b);
    if (!found.length) return null;
    const interval = found.length >= ROUNDS ? [found[1], found.at(-2)] : [found[0], found.at(-1)];
    return { middle: found[Math.floor(found.length / 2)], low: interval[0], high: interval[1] };
  }
}

async function ask(address, signal) {
  try {
    const response = await fetch(address, { cache: "no-store", mode: "same-origin", signal });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0; // no connection, or stopped
  }
}

function quantile(times, share) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function shuffled(things) {
  const mixed = [...things];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

async function race() {
  const { path, amount, unit, connections } = form.elements;
  const lanes = rows.map((row, index) => new Lane(row, index));
  const each = amount.valueAsNumber / ROUNDS;
  const block = {
    path: path.value,
    requests: unit.value === "requests" ? Math.max(1, Math.round(each)) : Infinity,
    seconds: unit.value === "seconds" ? each : Infinity,
    connections: connections.valueAsNumber,
  };
  const aborter = new AbortController();
  find("#stop").onclick = () => aborter.abort();
  running(true);
  let done = 0;
  try {
    say("waiting", "Warming up …");
    for (const lane of shuffled(lanes)) {
      await lane.run({ ...block, requests: WARM_UP, seconds: Infinity }, aborter.signal, false);
    }
    for (let round = 1; round <= ROUNDS && !aborter.signal.aborted; round += 1) {
      for (const lane of shuffled(lanes)) {
        if (aborter.signal.aborted) break;
        say("waiting", `Round ${round} of ${ROUNDS}: ${lane.title} …`);
        await lane.run(block, aborter.signal, true);
        done += 1;
        find("#progress").value = done / (ROUNDS * lanes.length);
        show(lanes);
      }
    }
    const [kind, text] = aborter.signal.aborted ? ["", "Stopped."] : conclusion(lanes, path.value);
    say(kind, text);
  } catch (error) {
    say("differs", error instanceof GoneError ? `Stopped: ${error.message}` : `No race: ${error.message}`);
  }
  running(false);
}

// Name a winner only if its interval overlaps with no other.
function conclusion(lanes, path) {
  const failed = lanes.filter((lane) => lane.failures.size);
  const asked = lanes.map((lane) => ({ lane, median: lane.figure(0.5) }));
  if (failed.length) {
    const names = failed.map((lane) => lane.title).join(", ");
    return ["differs", `Not comparable: requests to ${names} failed.`];
  }
  const [first, ...others] = asked.sort((a, b) => a.median.middle - b.median.middle);
  if (!others.length) return ["", `${first.lane.title} answers ${path} in ${words(first.median)} ms. There is no other to race.`];
  if (others.every(({ median }) => median.low > first.median.high)) {
    const [next] = others;
    const times = (next.median.middle / first.median.middle).toFixed(2);
    return ["same", `${first.lane.title} answers ${path} fastest in this browser. The next, ${next.lane.title}, takes ${times} times as long.`];
  }
  const tied = others.filter(({ median }) => median.low <= first.median.high).map(({ lane }) => lane.title);
  return ["", `No difference that this browser can see between ${[first.lane.title, ...tied].join(" and ")}.`];
}

function show(lanes) {
  const widest = Math.max(...lanes.map((lane) => lane.figure(0.5)?.high ?? 0)) * 1.1 || 1;
  chart.replaceChildren();
  lanes.forEach((lane, index) => {
    const [median, late] = [lane.figure(0.5), lane.figure(0.95)];
    const cells = lane.row.querySelectorAll("td");
    const failures = [...lane.failures].map(([status, count]) => `${count} × ${status}`).join(", ");
    [words(median), words(late), String(lane.times.length), failures || "0"].forEach((text, place) => {
      cells[place].textContent = text;
    });
    if (median) drawLane(lane, median, index, widest);
  });
}

function words(figure) {
  return figure ? `${figure.middle.toFixed(1)} (${figure.low.toFixed(1)}–${figure.high.toFixed(1)})` : "";
}

function drawLane(lane, { low, middle, high }, index, widest) {
  const x = (time) => BOX.left + (time / widest) * (BOX.right - BOX.left);
  const y = BOX.top + BOX.row * (index + 0.5);
  const { title } = lane;
  draw("text", { x: 0, y: y + 4 }, title.length > LONGEST ? `${title.slice(0, LONGEST - 1)}…` : title);
  draw("path", { class: "axis", d: `M${BOX.left} ${y}H${BOX.right}` });
  draw("path", { class: `interval ${lane.colour}`, d: `M${x(low)} ${y}H${x(high)}` });
  draw("circle", { class: `median ${lane.colour}`, cx: x(middle), cy: y, r: 7 });
  draw("text", { x: x(middle), y: y - 12, "text-anchor": "middle" }, `${middle.toFixed(1)} ms`);
}

function draw(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  chart.append(node);
}

function say(kind, text) {
  state.className = `banner ${kind}`;
  state.textContent = text;
}

function running(on) {
  find("[type=submit]", form).disabled = on;
  find("#stop").hidden = !on;
  if (on) find("#progress").value = 0;
}

function nameWindow() {
  document.title = `${form.elements.path.value} · Race`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `?${query}`);
  nameWindow();
  race();
});

const given = new URLSearchParams(location.search);
for (const [name, value] of given) if (form.elements[name]) form.elements[name].value = value;
if (given.has("path")) nameWindow();

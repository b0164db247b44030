// The Race page: send requests to one application after the other, and draw their latencies.

import { addressBelow } from "./address.js";

const root = document.documentElement.dataset.root;
const form = document.querySelector("#race");
const start = form.querySelector("[type=submit]");
const stop = document.querySelector("#stop");
const progress = document.querySelector("#progress");
const state = document.querySelector("#state");
const chart = document.querySelector("#chart");
const rows = [...document.querySelectorAll("#results tbody tr")];
const CONNECTIONS = 6; // browsers open at most six to one host
const BOX = { left: 48, right: 700, top: 10, bottom: 280 };

class Lane {
  constructor(row, index) {
    this.row = row;
    this.line = (index % 3) + 1;
    this.target = row.dataset.target;
    this.times = [];
    this.failed = 0;
    this.seconds = 0;
  }

  async run(path, count, signal, report) {
    const address = addressBelow(`${root}/${this.target}`, path);
    const startTime = performance.now();
    let left = count;
    const worker = async () => {
      while (left > 0 && !signal.aborted) {
        left -= 1;
        await this.send(address, signal);
        this.seconds = (performance.now() - startTime) / 1000;
        report();
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  }

  async send(address, signal) {
    const startTime = performance.now();
    try {
      const response = await fetch(address, { cache: "no-store", mode: "same-origin", signal });
      await response.arrayBuffer();
      if (response.ok) this.times.push(performance.now() - startTime);
      else this.failed += 1;
    } catch {
      if (!signal.aborted) this.failed += 1;
    }
  }

  get sorted() {
    return [...this.times].sort((one, two) => one - two);
  }
}

function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function showRow(lane, sorted) {
  const cells = lane.row.querySelectorAll("td");
  const shown = [0.5, 0.95, 0.99].map((share) => (sorted.length ? quantile(sorted, share).toFixed(1) : ""));
  const rate = lane.seconds ? Math.round(sorted.length / lane.seconds) : "";
  [sorted.length, lane.failed, ...shown, rate].forEach((value, place) => {
    cells[place].textContent = value;
  });
}

function draw(lanes) {
  const all = lanes.map((lane) => lane.sorted);
  // Cut the slowest 1 %, which would squeeze everything else to the left.
  const widest = Math.max(1, ...all.filter((one) => one.length).map((one) => quantile(one, 0.99)));
  const x = (time) => BOX.left + Math.min(1, time / widest) * (BOX.right - BOX.left);
  const y = (share) => BOX.bottom - share * (BOX.bottom - BOX.top);
  chart.replaceChildren();
  for (const share of [0, 0.5, 0.95]) {
    add("path", { class: "axis", d: `M${BOX.left} ${y(share)}H${BOX.right}` });
    add("text", { x: BOX.left - 8, y: y(share) + 4, "text-anchor": "end" }, `${share * 100} %`);
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const time = part * widest;
    const anchor = { 0: "start", 1: "end" }[part] ?? "middle";
    add("text", { x: x(time), y: BOX.bottom + 20, "text-anchor": anchor }, `${time.toFixed(1)} ms`);
  }
  lanes.forEach((lane, index) => {
    const sorted = all[index];
    showRow(lane, sorted);
    if (sorted.length === 0) return;
    const points = sorted.map((time, place) => `${x(time)} ${y((place + 1) / sorted.length)}`);
    add("path", { class: `line line-${lane.line}`, d: `M${x(sorted[0])} ${y(0)}L${points.join("L")}` });
  });
}

function add(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  chart.append(node);
}

async function race() {
  const path = form.elements.path.value;
  const count = form.elements.count.valueAsNumber;
  const lanes = rows.map((row, index) => new Lane(row, index));
  const aborter = new AbortController();
  let done = 0;
  let drawn = false;
  const report = () => {
    done += 1;
    progress.value = done / (count * lanes.length);
    if (drawn) return;
    drawn = true;
    requestAnimationFrame(() => { drawn = false; draw(lanes); });
  };
  stop.onclick = () => aborter.abort();
  start.disabled = true;
  stop.disabled = false;
  try {
    for (const lane of lanes) {
      if (aborter.signal.aborted) break;
      state.textContent = `${lane.target} …`;
      await lane.run(path, count, aborter.signal, report);
    }
    draw(lanes);
    state.textContent = aborter.signal.aborted ? "Stopped." : "Done.";
  } catch (error) {
    state.textContent = `No race: ${error.message}`;
  }
  start.disabled = false;
  stop.disabled = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams({ path: form.elements.path.value, count: form.elements.count.value });
  history.replaceState(null, "", `?${query}`);
  race();
});

const query = new URLSearchParams(location.search);
for (const name of ["path", "count"]) {
  if (query.has(name)) form.elements[name].value = query.get(name);
}
draw(rows.map((row, index) => new Lane(row, index)));

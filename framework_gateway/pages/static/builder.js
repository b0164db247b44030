// The request builder: a form whose state is in the address, with fields for parameters and headers.

import { element, fill, find } from "./dom.js";
import { translate } from "./send.js";

const KEPT = 30; // requests in the history
const STORE = "gateway-history";

export class Builder {
  constructor({ examples, operations, start, targets }, root, say) {
    this.form = find("#request");
    this.examples = examples;
    this.operations = operations;
    this.targets = Object.keys(targets);
    this.defaults = { method: "GET", path: start, body: "", type: "application/json", ignore: "" };
    this.root = root;
    this.say = say;
    this.template = null; // the operation whose parameters are shown
    this.onchosen = () => {};
    this.offer();
    this.listen();
    this.showHistory();
  }

  get fields() {
    return this.form.elements;
  }

  get request() {
    const { method, path, body, type, ignore } = this.fields;
    const headers = this.pairs("#headers");
    if (this.fields.token.value) headers.push(["Authorization", `Bearer ${this.fields.token.value}`]);
    return {
      method: method.value, path: path.value, body: body.value, type: type.value, ignore: ignore.value,
      headers, inTurn: this.fields["in-turn"].checked,
    };
  }

  // Whether no parameter of the path is missing.
  get isComplete() {
    return !/[{][^}]*[}]/.test(this.fields.path.value.replaceAll("{framework}", ""));
  }

  // The state, without the token, which must not be in an address or in the history.
  set request({ method, path, body = "", type, ignore = "", headers = [], inTurn = false }) {
    const given = { method, path, body, type: type || this.defaults.type, ignore };
    for (const [name, value] of Object.entries(given)) this.fields[name].value = value;
    this.fields["in-turn"].checked = inTurn;
    fill(find("#headers"), headers.map(([name, value]) => this.headerRow(name, value)));
    this.follow();
  }

  readAddress() {
    const query = new URLSearchParams(location.search);
    const state = {};
    for (const [name, initial] of Object.entries(this.defaults)) state[name] = query.get(name) ?? initial;
    const headers = query.getAll("header").map((line) => line.split(/: ?(.*)/s).slice(0, 2));
    this.request = { ...state, headers, inTurn: query.has("in-turn") };
  }

  writeAddress() {
    const query = new URLSearchParams();
    for (const [name, initial] of Object.entries(this.defaults)) {
      const { value } = this.fields[name];
      if (value !== initial || name === "path") query.set(name, value);
    }
    for (const [name, value] of this.pairs("#headers")) {
      if (!isSecret(name)) query.append("header", `${name}: ${value}`);
    }
    if (this.fields["in-turn"].checked) query.set("in-turn", "1");
    if (`?${query}` !== location.search) history.pushState(null, "", `?${query}`);
  }

  // Fill the list of operations: the examples, then what the applications describe.
  offer() {
    const group = (label, entries, value, text) => entries.length
      ? [["optgroup", { label }, ...entries.map((one, index) => ["option", { value: `${value}${index}` }, text(one)])]]
      : [];
    find("#operation").append(...[
      ...group("Examples", this.examples, "e", (one) => `${one.title}: ${one.method} ${one.path}`),
      ...group("Operations", this.operations, "o", (one) => `${one.method} ${one.path}${one.summary ? ` (${short(one.summary)})` : ""}`),
    ].map(element));
  }

  choose() {
    const chosen = this.fields.operation.value;
    if (!chosen) return;
    const one = (chosen[0] === "e" ? this.examples : this.operations)[Number(chosen.slice(1))];
    const headers = this.pairs("#headers");
    if (chosen[0] === "e") {
      this.request = { ...one, type: one.content_type, headers };
    } else {
      const known = Object.fromEntries(one.parameters.map((each) => [each.name, each.example]));
      const path = one.path.replace(/[{]([^}]*)[}]/g, (whole, name) => known[name] ? encodeURIComponent(known[name]) : whole);
      this.request = { method: one.method, path, body: one.body ?? "", type: one.content_type, headers };
    }
    this.fields.operation.value = chosen;
    this.onchosen();
  }

  // After any change: select what fits, and show its parameters and counts.
  follow() {
    const { method, path, body } = this.fields;
    const [before] = path.value.split("?", 1);
    const isShown = (one) => one.method === method.value && one.path === path.value && one.body === body.value;
    const example = this.examples.findIndex(isShown);
    const operation = this.operations.findIndex((one) => one.method === method.value && matches(one.path, before));
    this.template = this.operations[operation] ?? null;
    this.fields.operation.value = example >= 0 ? `e${example}` : operation >= 0 ? `o${operation}` : "";
    this.showParameters();
    this.showCounts();
    this.checkBody();
  }

  showParameters() {
    const { path } = this.fields;
    const [before, query] = [path.value.split("?", 1)[0], new URLSearchParams(path.value.split("?").slice(1).join("?"))];
    const values = this.template ? matches(this.template.path, before) : {};
    const described = (this.template?.parameters ?? []).filter((one) => one.in === "path" || one.in === "query");
    const known = new Set(described.map((one) => one.name));
    const more = [...query].filter(([name]) => !known.has(name));
    fill(find("#parameters"), [
      ...described.map((one) => this.parameterRow(one, one.in === "path" ? values[one.name] ?? "" : query.get(one.name) ?? "")),
      ...more.map(([name, value]) => this.queryRow(name, value)),
    ]);
  }

  parameterRow({ name, in: place, required, type, description, example, choices, limits }, value) {
    const id = `parameter-${place}-${name}`;
    const shared = { id, "data-name": name, "data-in": place, oninput: () => this.useParameters() };
    const options = required ? choices : ["", ...choices];
    const hint = [description, place === "path" ? "in the path" : "", required && place !== "path" ? "required" : "",
      type === "string" ? "" : type].filter(Boolean).join(" · ");
    const field = choices.length
      ? element(["select", shared, ...options.map((one) => ["option", { value: one, selected: one === value }, one || "not sent"])])
      : element(["input", { ...shared, ...inputLimits(type, limits), value, placeholder: example }]);
    return element(["div", { class: "field" }, ["label", { for: id }, name], field, ...(hint ? [["span", { class: "hint" }, hint]] : [])]);
  }

  queryRow(name = "", value = "") {
    const use = { oninput: () => this.useParameters() };
    return this.pairRow("parameter", name, value, use, () => this.useParameters());
  }

  headerRow(name = "", value = "") {
    return this.pairRow("header", name, value, { oninput: () => this.showCounts() }, () => this.showCounts());
  }

  pairRow(kind, name, value, events, onremoved) {
    const row = element(["div", { class: "pair" },
      ["input", { "aria-label": `Name of the ${kind}`, value: name, placeholder: "name", spellcheck: "false", ...events }],
      ["input", { "aria-label": `Value of the ${kind}`, value, placeholder: "value", spellcheck: "false", ...events }],
      ["button", { type: "button", "aria-label": `Remove the ${kind} ${name}`, onclick: () => { row.remove(); onremoved(); } }, "×"]]);
    return row;
  }

  pairs(selector) {
    return [...find(selector).children]
      .filter((row) => !row.querySelector("[data-name]"))
      .map((row) => [...row.querySelectorAll("input")].map((input) => input.value))
      .filter(([name]) => name.trim())
      .map(([name, value]) => [name.trim(), value]);
  }

  // Write the fields of the parameters into the path.
  useParameters() {
    const fields = [...find("#parameters").querySelectorAll("[data-name]")];
    const values = (place) => fields.filter((one) => one.dataset.in === place).map((one) => [one.dataset.name, one.value]);
    let [path] = this.fields.path.value.split("?", 1);
    if (this.template) {
      path = this.template.path;
      for (const [name, value] of values("path")) if (value) path = path.replace(`{${name}}`, encodeURIComponent(value));
    }
    const query = new URLSearchParams([...values("query").filter(([, value]) => value), ...this.pairs("#parameters")]).toString();
    this.fields.path.value = query ? `${path}?${query}` : path;
    this.showCounts();
  }

  showCounts() {
    const { body, ignore } = this.fields;
    const given = [...find("#parameters").querySelectorAll("[data-name]")].filter((one) => one.value).length;
    const counts = {
      parameters: given + this.pairs("#parameters").length,
      headers: this.pairs("#headers").length + (this.fields.token.value ? 1 : 0),
      body: body.value ? "•" : 0,
      options: (ignore.value ? 1 : 0) + (this.fields["in-turn"].checked ? 1 : 0),
    };
    for (const [name, count] of Object.entries(counts)) find(`#tab-${name} .count`).textContent = count || "";
  }

  // Say where JSON is wrong, before it is sent.
  checkBody(format = false) {
    const { body, type } = this.fields;
    const state = find("#body-state");
    state.textContent = "";
    find("#format").hidden = !/json/i.test(type.value);
    if (!body.value || !/json/i.test(type.value)) return;
    try {
      const value = JSON.parse(body.value);
      state.textContent = "Valid JSON.";
      // JavaScript would change long numbers.
      const safe = !/\d{16}|\d[.]\d*0\b|[eE][+-]?\d/.test(body.value.replace(/"(?:[^"\\]|\\.)*"/g, ""));
      if (format && safe) body.value = JSON.stringify(value, null, 2);
      else if (format) state.textContent = "Not formatted: its numbers would change.";
    } catch (error) {
      state.textContent = `Not JSON: ${error.message}. It is sent as it is.`;
    }
  }

  async paste(event) {
    const text = event.clipboardData.getData("text");
    if (!/^\s*curl\s/.test(text)) return;
    event.preventDefault();
    try {
      const { method, path, headers = {}, body = "" } = await translate(this.root, "curl", text);
      const all = Array.isArray(headers) ? headers : Object.entries(headers);
      const type = all.find(([name]) => name.toLowerCase() === "content-type")?.[1];
      this.request = { method, path: this.below(path), body, type, headers: all.filter(([name]) => name.toLowerCase() !== "content-type") };
      this.onchosen();
    } catch (error) {
      this.say("differs", error.message);
    }
  }

  // The path without the prefix of a target, if it has one; /shop/admin is a longer one than /shop.
  below(path) {
    const [before] = path.split("?", 1);
    const all = this.targets.flatMap((name) => [`/${name}`, `${this.root}/${name}`]).map(encodeURI);
    const fitting = all.filter((one) => `${before}/`.startsWith(`${one}/`));
    const prefix = fitting.sort((one, other) => other.length - one.length)[0] ?? "";
    const rest = path.slice(prefix.length);
    return rest.startsWith("/") ? rest : `/${rest}`;
  }

  remember(request) {
    const kept = { ...request, headers: request.headers.filter(([name]) => !isSecret(name)) };
    const text = JSON.stringify(kept);
    store([kept, ...stored().filter((one) => JSON.stringify(one) !== text)].slice(0, KEPT));
    this.showHistory();
  }

  showHistory() {
    fill(find("#history ol"), stored().map((one) => ["li", ["button", {
      type: "button", class: "plain",
      onclick: () => { this.request = one; find("#history").open = false; this.onchosen(); },
    }, ["span", { class: `method method-${one.method}` }, one.method], ` ${one.path}`]]));
  }

  listen() {
    const follow = () => this.follow();
    for (const name of ["method", "body", "type", "ignore", "in-turn"]) this.fields[name].addEventListener("input", follow);
    this.fields.path.addEventListener("input", follow);
    this.fields.path.addEventListener("paste", (event) => this.paste(event));
    this.fields.operation.addEventListener("change", () => this.choose());
    this.fields.token.addEventListener("input", () => this.showCounts());
    find("#format").addEventListener("click", () => this.checkBody(true));
    find("#add-parameter").addEventListener("click", () => find("#parameters").append(this.queryRow()));
    find("#add-header").addEventListener("click", () => find("#headers").append(this.headerRow()));
    find("#forget").addEventListener("click", () => { store([]); this.showHistory(); });
  }
}

// The values of a template's parameters in a path; null if the path is another one.
function matches(template, path) {
  const names = [];
  const pattern = template.split(/[{]([^}]*)[}]/).map((part, index) => {
    if (index % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    names.push(part);
    return "([^/]*)";
  });
  const found = new RegExp(`^${pattern.join("")}$`).exec(path);
  if (!found) return null;
  return Object.fromEntries(names.map((name, index) => {
    const value = found[index + 1];
    return [name, value === `{${name}}` ? "" : decoded(value)];
  }));
}

function decoded(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function inputLimits(type, limits) {
  return { ...limits, type: type === "integer" || type === "number" ? "number" : "text", ...(type === "number" ? { step: "any" } : {}) };
}

function isSecret(name) {
  return /^(authorization|cookie|proxy-authorization|.*(token|secret|api-?key).*)$/i.test(name);
}

function short(text) {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE));
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // storage is closed to this page, or another program has written to it
  }
}

function store(requests) {
  try {
    localStorage.setItem(STORE, JSON.stringify(requests));
  } catch {
    // A private window without storage: the history is lost with the page.
  }
}

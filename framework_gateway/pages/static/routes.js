// The Routes page: show the routes that match what is typed.

import { find } from "./dom.js";

const form = find("#filter");
const sections = [...document.querySelectorAll(".routes")];

function filter() {
  const { words, only, mount } = form.elements;
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const section of sections) {
    let here = 0;
    for (const row of section.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      const methods = [...row.querySelectorAll(".method")].map((one) => one.textContent);
      const fits = !only.value || methods.length === 0 || methods.includes(only.value);
      row.hidden = !(fits && wanted.every((word) => text.includes(word)));
      here += row.hidden ? 0 : 1;
    }
    const other = mount.value && section.dataset.prefix !== mount.value;
    const filtered = wanted.length || only.value;
    section.hidden = Boolean(other || (filtered && here === 0));
    if (!section.hidden) found += here;
  }
  find("#found").textContent = `${found} ${found === 1 ? "path" : "paths"}`;
  find("#none").hidden = found > 0;
}

form.addEventListener("input", () => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  filter();
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name]) form.elements[name].value = value;
}
filter();

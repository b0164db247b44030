// What a page's tabs and menus do on the keyboard.

import { find } from "./dom.js";

// Tabs by the pattern of the ARIA Authoring Practices: keys move, one tab is in the tab order.
export function prepareTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => tabs.forEach((one) => {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    find(`#${one.getAttribute("aria-controls")}`).hidden = one !== tab;
  });
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const place = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[event.key];
      if (place === undefined) return;
      event.preventDefault();
      const next = tabs.at(place % tabs.length);
      select(next);
      next.focus();
    });
  });
}

// Close a menu on Escape, and on a click elsewhere.
export function closeMenus() {
  const menus = [...document.querySelectorAll("details.menu")];
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of menus.filter((one) => one.open)) {
      if (menu.contains(document.activeElement)) find("summary", menu).focus();
      menu.open = false;
    }
  });
  document.addEventListener("click", ({ target }) => {
    for (const menu of menus) if (!menu.contains(target)) menu.open = false;
  });
}

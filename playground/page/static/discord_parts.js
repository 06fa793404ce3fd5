// Parts of a Discord message: its buttons and menus, a quoted text, the names of its mentions.

import { h } from "./dom.js";
import { markdown } from "./markdown.js";
import { one } from "./net.js";

const BUTTON = 2, SELECT = 3, TEXT = 10; // Discord's numbers
const STYLES = { 1: "primary", 3: "good", 4: "bad" };

// Rows of a message; `act(deed, given)` does what is pressed or chosen. Link buttons are left out.
export function components(rows, m, act) {
  const draw = (c) => {
    if (c.type === BUTTON) return c.url ? null : h("button", { type: "button", class: STYLES[c.style] ?? "", disabled: Boolean(c.disabled), onclick: () => act("press", { message: m.id, custom_id: c.custom_id }) }, c.label ?? c.emoji?.name ?? "");
    if (c.type === SELECT) return menu(c, (value) => act("choose", { message: m.id, custom_id: c.custom_id, values: [value] }));
    if (c.type === TEXT) return h("div", { class: "text" }, markdown(c.content, { discord: true }));
    return (c.components ?? []).map(draw);
  };
  return rows.map((row) => h("div", { class: "row-of-buttons" }, draw(row)));
}

function menu(c, choose) {
  const title = c.placeholder ?? "Choose";
  const select = h("select", { "aria-label": title }, h("option", { value: "" }, title), c.options.map((o) => h("option", { value: o.value }, o.label)));
  select.addEventListener("change", () => choose(select.value));
  return select;
}

// A quoted text on one line: ids by name, no marks.
export function readable(text) {
  const people = one("discord", "people") ?? [];
  const named = text.replaceAll(/<@!?(\d+)>/g, (whole, id) => `@${people.find((p) => p.id === id)?.name ?? id}`);
  return named.replaceAll(/\*\*|__|~~|\|\||`/g, "");
}

// The view names mentions by the whole mark, e.g. "<@1>"; the renderer wants "@1".
export function signs(names) {
  return Object.fromEntries(Object.entries(names).map(([mark, name]) => [mark.slice(1, -1), name]));
}

// Small words for making nodes. Text becomes text nodes only: nothing here parses markup.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Replaces what is in a node; false and null stand for nothing, lists for what is in them.
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

const PATHS = {
  hash: "M9 4 7 20M17 4l-2 16M4 9h16.5M3.5 15H20",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6 9c0-3.5 2.7-6 6-6s6 2.5 6 6M16 4.5a3.3 3.3 0 0 1 0 6.2M17.5 14.5c2 .7 3.5 2.6 3.5 5.5",
  thread: "M4 5h16v11H10l-4 4v-4H4z",
  forum: "M4 4h13v9H9l-3 3v-3H4zM10 16h6l3 3v-3h1V8",
  send: "M4 12 20 4l-5 16-3.5-6.5z",
  clip: "m8 12 6.5-6.5a3 3 0 0 1 4.2 4.2L10 18.5a5 5 0 0 1-7-7L11 3.5",
  at: "M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm3.5-7v4.5c0 3.5 5 3 5-1a8.5 8.5 0 1 0-3.5 6.9",
  slash: "M15 4 9 20",
  reply: "M10 6 4 12l6 6M4 12h9c4 0 7 2 7 6",
  ask: "M12 3l1.8 5.2L19 10l-5.2 1.8L12 17l-1.8-5.2L5 10l5.2-1.8zM18.5 15.5l.8 2.2 2.2.8-2.2.8-.8 2.2-.8-2.2-2.2-.8 2.2-.8z",
  pencil: "m4 20 1-4L16 5l3 3L8 19z",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Zm9.5 2.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6z",
  bulb: "M9 18h6M10 21h4M8.5 15C6.5 13.5 6 12 6 10a6 6 0 0 1 12 0c0 2-.5 3.5-2.5 5z",
  menu: "M4 7h16M4 12h16M4 17h16",
  copy: "M8 8h11v12H8zM5 16H4V4h11v1",
  check: "m5 12.5 4.5 4.5L19 7",
  down: "M6 9l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  dm: "M4 5h16v11H10l-4 4v-4H4zM8 9.5h8M8 12.5h5",
};

export function icon(name, size = 18) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function button(label, { icon: glyph, text = false, ...props } = {}, onclick) {
  const shown = text ? [glyph && icon(glyph), h("span", {}, label)] : [icon(glyph)];
  return h("button", { type: "button", "aria-label": text ? null : label, title: text ? null : label, ...props, onclick }, ...shown);
}

export function avatar(who) {
  if (who.bot) return h("span", { class: "avatar bot", "aria-hidden": "true" }, h("img", { src: "/static/logo.svg", alt: "" }));
  const words = (who.name || "?").split(/\s+/);
  const initials = (words[0][0] + (words[1]?.[0] ?? "")).toUpperCase();
  return h("span", { class: `avatar tint-${tint(who.id)}`, "aria-hidden": "true" }, initials);
}

function tint(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return sum % 8;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// Says something to a screen reader without moving anything on the screen.
export function announce(text) {
  const region = document.getElementById("said");
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}

export function toast(text, kind = "") {
  const note = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

// Keeps a list of nodes in step with a list of items; a node whose item did not change stays.
export class Keyed {
  constructor(parent, draw) {
    this.parent = parent;
    this.draw = draw;
    this.known = new Map();
  }

  update(items) {
    const seen = new Set();
    let before = this.parent.firstChild;
    for (const item of items) {
      seen.add(item.key);
      const old = this.known.get(item.key);
      let node = old?.node;
      if (!old || old.stamp !== item.stamp) {
        node = this.draw(item, old?.node);
        if (old && old.node !== node) {
          if (before === old.node) before = node;
          takeOver(old.node, node);
        }
        this.known.set(item.key, { node, stamp: item.stamp });
      }
      if (node !== before) this.parent.insertBefore(node, before);
      else before = before.nextSibling;
    }
    for (const [key, { node }] of this.known) {
      if (seen.has(key)) continue;
      node.remove();
      this.known.delete(key);
    }
  }
}

// A node is drawn anew under the eyes of somebody: pictures stay (they would flicker), open buttons and the focus too.
function takeOver(old, fresh) {
  for (const part of fresh.querySelectorAll("[data-keep]")) {
    const same = old.querySelector(`[data-keep="${CSS.escape(part.dataset.keep)}"]`);
    if (same) part.replaceWith(same);
  }
  const bar = old.querySelector(":scope > .actions");
  const at = bar ? [...bar.children].indexOf(document.activeElement) : -1;
  const had = old === document.activeElement;
  old.replaceWith(fresh);
  if (bar) fresh.showActions?.();
  if (had) fresh.focus({ preventScroll: true });
  else if (at >= 0) fresh.querySelector(":scope > .actions")?.children[at]?.focus({ preventScroll: true });
}

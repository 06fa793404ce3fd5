// A popup of suggestions above a text field: mentions, commands, the choices of an option.

import { h } from "./dom.js";

let count = 0;

export class Suggest {
  // `offer(field)` gives { items: [{ title, note, tag, node, pick() }], label } or null, now or later.
  constructor(field, host, offer) {
    this.field = field;
    this.offer = offer;
    this.items = [];
    this.at = 0;
    this.turn = 0;
    this.list = h("ul", { class: "suggest", role: "listbox", id: `suggest-${++count}`, hidden: true });
    host.append(this.list);
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", this.list.id);
    field.setAttribute("aria-expanded", "false");
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("blur", () => setTimeout(() => this.field !== document.activeElement && this.close(), 150));
  }

  get open() {
    return !this.list.hidden;
  }

  async refresh() {
    const turn = ++this.turn;
    const offered = await this.offer(this.field);
    if (turn !== this.turn) return; // a later key was faster
    this.items = offered?.items ?? [];
    this.at = 0;
    if (!this.items.length) return this.close();
    this.list.setAttribute("aria-label", offered.label);
    this.list.replaceChildren(...this.items.map((item, n) => this.row(item, n)));
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.mark();
  }

  row(item, n) {
    const row = h("li", { role: "option", id: `${this.list.id}-${n}`, "aria-selected": "false" },
      item.node, h("span", { class: "title" }, item.title), " ", item.note && h("span", { class: "note" }, item.note), " ", item.tag && h("span", { class: "tag" }, item.tag));
    row.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.pick(n);
    });
    return row;
  }

  mark() {
    [...this.list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === this.at)));
    const row = this.list.children[this.at];
    row?.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", row?.id ?? "");
  }

  key(event) {
    if (!this.open || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.at = (this.at + step + this.items.length) % this.items.length;
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
      if (event.key === "Enter" && this.items[this.at].enter === false) return;
      this.pick(this.at);
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.open) this.mark();
  }

  pick(n) {
    const item = this.items[n];
    this.close();
    item.pick();
  }

  close() {
    this.turn += 1;
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }
}

// The word before the caret that begins with `sign`, if there is one.
export function wordAt(field, sign) {
  const before = field.value.slice(0, field.selectionStart);
  const found = new RegExp(`(?:^|\\s)(${sign}([\\p{L}\\p{N}._-]*))$`, "u").exec(before);
  return found && { from: before.length - found[1].length, text: found[2] };
}

// Puts text in the place of everything from `from` to the caret.
export function replaceWord(field, from, text) {
  const end = field.selectionStart;
  field.setRangeText(text, from, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

// What both panes have in common: a list of places, a log that sticks to its end, who is acting.

import { avatar, button, h, icon, Keyed } from "./dom.js";
import { actAs, viewer } from "./net.js";

const NEAR = 80; // px from the end within which new messages pull the view along

// A list of messages: the newest is at the bottom and stays in sight unless one has scrolled up.
export class Log {
  constructor(label, draw) {
    this.list = h("div", { class: "messages" });
    this.node = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": label, tabindex: "0" }, this.list);
    this.jump = button("Latest", { text: true, icon: "down", class: "jump", hidden: true }, () => this.follow());
    this.frame = h("div", { class: "log-frame" }, this.node, this.jump);
    this.keyed = new Keyed(this.list, draw);
    this.stuck = true;
    this.top = 0;
    this.node.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.settle()).observe(this.list);
    new ResizeObserver(() => this.settle()).observe(this.node);
  }

  show(items, { fresh = false } = {}) {
    if (fresh) this.stuck = true;
    const before = this.last;
    this.last = items.at(-1)?.key;
    this.keyed.update(items);
    if (!this.stuck && this.last !== before) this.jump.lastChild.textContent = "New messages";
    this.settle();
  }

  // Only going up lets go: an answer may grow by more than NEAR before the browser tells of a scroll of ours.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.node;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.stuck = true;
    else if (scrollTop < this.top) this.stuck = false;
    this.top = scrollTop;
    this.jump.hidden = this.stuck;
    if (this.stuck) this.jump.lastChild.textContent = "Latest";
  }

  follow() {
    this.stuck = true;
    this.settle();
    this.node.focus({ preventScroll: true });
  }

  settle() {
    if (this.stuck) this.node.scrollTop = this.node.scrollHeight;
    this.jump.hidden = this.stuck;
  }
}

// Messages that follow each other closely are drawn as one block with one name.
export function grouped(messages, { seconds = 300, breaks = () => false } = {}) {
  let before = null;
  return messages.map((message) => {
    const joins = before && before.author.id === message.author.id && message.at - before.at < seconds && !message.private === !before.private && !breaks(before, message);
    before = message;
    return { message, joins: Boolean(joins) };
  });
}

export function personaSwitch(pane, people, me) {
  const select = h("select", { "aria-label": `Act as whom in ${pane === "slack" ? "Slack" : "Discord"}` },
    people.map((p) => h("option", { value: p.id, selected: p.id === viewer[pane] }, `${p.name} · ${p.role}`)));
  select.addEventListener("change", () => actAs(pane, select.value));
  const who = people.find((p) => p.id === viewer[pane]) ?? people[0];
  return h("div", { class: "persona" },
    h("span", { class: "face" }, avatar({ id: who.id, name: who.name })),
    h("div", { class: "who" }, h("span", { class: "acting" }, "Acting as"), h("strong", {}, who.name),
      h("span", { class: `role ${who.admin ? "admin" : ""}` }, who.role)),
    icon("down", 16), select);
}

export function placeButton({ label, glyph, current, unread, dim, nested, title }, onclick) {
  return h("button", { type: "button", class: `place ${nested ? "nested" : ""} ${unread ? "unread" : ""} ${dim ? "dim" : ""}`, "aria-current": current ? "true" : null, title, onclick },
    icon(glyph, 16), h("span", { class: "label" }, label), unread && h("span", { class: "dot" }, h("span", { class: "unseen" }, "unread")));
}

// The list of places lies over a narrow pane until something is chosen, Escape, or a press beside it.
export function drawer(root, rooms) {
  const close = () => root.classList.remove("side-open");
  rooms.addEventListener("pointerdown", (event) => event.target.closest(".menu") || close());
  root.addEventListener("keydown", (event) => event.key === "Escape" && close());
}

export function dots(text) {
  return h("p", { class: "working" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, text));
}

// What is written while the bot is away is not lost, and the person should know why nothing comes.
export function away(online) {
  return online ? null : h("p", { class: "away" }, icon("bolt", 14), "The bot is not connected. It answers as soon as it is.");
}

export function privateNote() {
  return h("p", { class: "private-note" }, icon("eye", 14), "Only visible to you");
}

export function pictures(files) {
  if (!files?.length) return null;
  return h("ul", { class: "files", data: { keep: files.map((file) => file.url).join(" ") } }, files.map((file) => h("li", {}, file.image
    ? h("a", { href: file.url, target: "_blank", rel: "noopener", class: "picture" }, h("img", { src: file.url, alt: file.name, loading: "lazy" }))
    : h("a", { href: file.url, class: "file", download: file.name }, icon("file"), h("span", {}, file.name), h("small", {}, size(file.size))))));
}

function size(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

// Buttons of a message exist only while it is pointed at or focused: one stop for the Tab key each.
export function withActions(node, actions) {
  let bar = null;
  const open = () => {
    if (bar) return;
    const made = actions();
    if (!made.length) return;
    bar = h("div", { class: "actions", role: "toolbar", "aria-label": "Message actions" }, made);
    node.append(bar);
  };
  const shut = () => {
    if (node.matches(":hover") || node.contains(document.activeElement)) return;
    bar?.remove();
    bar = null;
  };
  node.tabIndex = 0;
  node.showActions = open;
  node.addEventListener("mouseenter", open);
  node.addEventListener("focusin", open);
  node.addEventListener("mouseleave", shut);
  node.addEventListener("focusout", () => requestAnimationFrame(shut));
  return node;
}

// The picture for those who have none at hand.
export async function samplePicture() {
  const picture = await (await fetch("/static/sample.png")).blob();
  return new File([picture], "lighthouse.png", { type: "image/png" });
}

export function chip(text, onclick, glyph) {
  return h("button", { type: "button", onclick }, glyph && icon(glyph, 15), h("span", {}, text));
}

export function action(label, glyph, onclick) {
  return button(label, { icon: glyph }, onclick);
}

export function editor(text, done) {
  const field = h("textarea", { rows: 2, "aria-label": "Edit the message" });
  field.value = text;
  const save = () => done(field.value.trim());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done(null);
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      save();
    }
  });
  setTimeout(() => field.focus());
  return h("div", { class: "editor" }, field, h("div", { class: "buttons" },
    button("Cancel", { text: true }, () => done(null)), button("Save", { text: true, class: "primary" }, save)));
}

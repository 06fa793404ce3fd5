// Where a person writes: text that grows, files chosen, pasted or dropped, suggestions while typing.

import { button, h, icon, toast } from "./dom.js";
import { Suggest } from "./suggest.js";

const MAX_FILES = 10;
const MAX_BYTES = 10 * 1024 * 1024;

export class Composer {
  // `send(text, files)` resolves to true when the text may go; `offer(field)` gives suggestions.
  constructor({ label, send, offer, mention }) {
    this.files = [];
    this.place = "";
    this.drafts = new Map(); // what is half written stays with its place
    this.send = send;
    this.field = h("textarea", { rows: 1, "aria-label": label, placeholder: label, autocomplete: "off", spellcheck: false });
    this.tray = h("ul", { class: "tray", "aria-label": "Files to send", hidden: true });
    this.above = h("div", { class: "above", hidden: true });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Choose files", tabIndex: -1 });
    this.go = button("Send", { icon: "send", class: "go", disabled: true }, () => this.submit());
    this.extra = h("div", { class: "extra", hidden: true });
    this.box = h("div", { class: "box" }, this.above, this.tray, this.extra, this.field,
      h("div", { class: "row" },
        button("Attach files", { icon: "clip" }, () => this.picker.click()),
        button(`Mention ${mention.name}`, { icon: "at" }, () => this.insert(`${this.gap()}@${mention.handle} `)),
        button("Slash command", { icon: "slash" }, () => this.startCommand()),
        h("span", { class: "hint" }, h("kbd", {}, "Enter"), " to send, ", h("kbd", {}, "Shift+Enter"), " for a new line"),
        this.go));
    this.node = h("form", { class: "composer" }, this.picker, this.box);
    this.suggest = new Suggest(this.field, this.node, offer);
    this.listen();
  }

  listen() {
    this.node.addEventListener("submit", (event) => event.preventDefault());
    this.field.addEventListener("input", () => {
      this.fit();
      this.suggest.refresh();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !event.defaultPrevented) {
        event.preventDefault();
        this.submit();
      }
    });
    this.field.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.attach(files);
    });
    this.picker.addEventListener("change", () => {
      this.attach([...this.picker.files]);
      this.picker.value = "";
      this.field.focus();
    });
  }

  // Files may be dropped anywhere on `area`.
  catchDrops(area) {
    let depth = 0;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (by) => (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + by);
      area.classList.toggle("dropping", depth > 0);
    };
    area.addEventListener("dragenter", over(1));
    area.addEventListener("dragleave", over(-1));
    area.addEventListener("dragover", over(0));
    area.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      area.classList.remove("dropping");
      this.attach([...event.dataTransfer.files]);
    });
  }

  attach(files) {
    for (const file of files) {
      if (this.files.length >= MAX_FILES) toast(`At most ${MAX_FILES} files fit into one message.`, "bad");
      else if (file.size > MAX_BYTES) toast(`“${file.name}” is larger than 10 MB.`, "bad");
      else this.files.push(file);
    }
    this.drawTray();
  }

  drawTray() {
    this.tray.replaceChildren(...this.files.map((file, n) => this.ticket(file, n)));
    this.tray.hidden = !this.files.length;
    this.fit();
  }

  ticket(file, n) {
    const face = file.type.startsWith("image/") ? preview(file) : h("span", { class: "glyph" }, icon("file"));
    const drop = button(`Remove ${file.name}`, { icon: "close", class: "drop" }, () => {
      this.files.splice(n, 1);
      this.drawTray();
      this.field.focus();
    });
    return h("li", { title: file.name }, face, h("span", { class: "name" }, file.name), drop);
  }

  gap() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    return before && !/\s$/.test(before) ? " " : "";
  }

  insert(text) {
    this.field.setRangeText(text, this.field.selectionStart, this.field.selectionEnd, "end");
    this.field.focus();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  startCommand() {
    this.field.value = "/";
    this.field.focus();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Puts a text (and maybe files) there for the person to look at and send.
  prefill(text, files = []) {
    this.field.value = text;
    this.files = [...files];
    this.drawTray();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
    this.fit();
  }

  moveTo(place) {
    if (place === this.place) return;
    this.drafts.set(this.place, { text: this.field.value, files: this.files });
    const { text, files } = this.drafts.get(place) ?? { text: "", files: [] };
    this.place = place;
    this.suggest.close();
    this.restore(text, files);
  }

  restore(text, files) {
    this.field.value = text;
    this.files = files;
    this.drawTray();
  }

  // A line above the text, e.g. what is being replied to; null takes it away.
  say(node) {
    this.above.replaceChildren(...(node ? [node] : []));
    this.above.hidden = !node;
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 220)}px`;
    this.go.disabled = !this.field.value.trim() && !this.files.length;
  }

  // A command may wait seconds for its acknowledgement, so the next text does not wait for the last one.
  async submit() {
    const text = this.field.value;
    const files = this.files;
    if (!text.trim() && !files.length) return;
    const place = this.place;
    this.suggest.close();
    this.restore("", []);
    const sent = await this.send(text, files);
    if (sent) return;
    // What could not be sent is not lost.
    if (this.place !== place) this.drafts.set(place, { text, files });
    else if (!this.field.value && !this.files.length) this.restore(text, files);
  }
}

function preview(file) {
  const image = h("img", { alt: "" });
  image.src = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(image.src);
  return image;
}

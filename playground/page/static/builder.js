// A Discord slash command being filled in: its name, the options it needs, and those it may take.

import { button, h, icon, toast } from "./dom.js";
import { act } from "./net.js";
import { Suggest } from "./suggest.js";

const SUB = 1, GROUP = 2, INTEGER = 4, BOOLEAN = 5, NUMBER = 10, FILE = 11;

// Commands with their subcommands as one flat list: { path, description, options }.
export function flatten(commands) {
  const walk = (path, item) => {
    const below = (item.options ?? []).filter((o) => o.type === SUB || o.type === GROUP);
    if (!below.length) return [{ path, description: item.description, options: item.options ?? [] }];
    return below.flatMap((o) => walk(`${path} ${o.name}`, o));
  };
  return commands.filter((c) => c.type === 1).flatMap((c) => walk(c.name, c));
}

export class Builder {
  constructor(command, { channel, done }) {
    this.command = command;
    this.channel = channel;
    this.done = done;
    this.inputs = new Map();
    this.files = new Map();
    this.row = h("div", { class: "options" });
    this.more = h("div", { class: "more", role: "group", "aria-label": "Options to add" });
    this.node = h("div", { class: "builder", role: "group", "aria-label": `Command ${command.path}` },
      h("div", { class: "builder-head" }, h("span", { class: "command" }, `/${command.path}`), h("span", { class: "faint" }, command.description),
        button("Leave the command", { icon: "close", class: "quiet" }, () => this.done(false))),
      this.row, this.more,
      h("div", { class: "buttons" }, button("Run", { text: true, icon: "send", class: "primary" }, () => this.run())));
    this.node.addEventListener("keydown", (event) => this.key(event));
    for (const option of command.options) if (option.required) this.add(option);
    this.offer();
  }

  key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.done(false);
    } else if (event.key === "Enter" && !event.shiftKey && event.target.matches("input, select, textarea")) {
      event.preventDefault();
      this.run();
    }
  }

  focus() {
    const first = this.row.querySelector("input:not([type=file]), textarea, select, button") ?? this.node.querySelector("button.primary");
    first?.focus();
  }

  offer() {
    const rest = this.command.options.filter((o) => !this.inputs.has(o.name));
    this.more.replaceChildren(...rest.map((o) => h("button", { type: "button", title: o.description, onclick: () => {
      this.add(o).focus();
      this.offer();
    } }, icon("plus", 13), o.name)));
    this.more.hidden = !rest.length;
  }

  add(option, value) {
    const id = `option-${this.command.path.replaceAll(" ", "-")}-${option.name}`;
    const input = this.input(option, id);
    if (value !== undefined) input.value = value;
    this.inputs.set(option.name, input);
    const cell = h("div", { class: "option" }, h("label", { for: id, title: option.description }, option.name), option.type === FILE ? this.filePart(option, input) : input,
      !option.required && button(`Remove ${option.name}`, { icon: "close", class: "quiet" }, () => {
        this.inputs.delete(option.name);
        this.files.delete(option.name);
        cell.remove();
        this.offer();
        this.focus();
      }));
    this.row.append(cell);
    if (option.autocomplete) this.complete(option, input, cell);
    return option.type === FILE ? cell.querySelector("button") : input;
  }

  input(option, id) {
    if (option.choices?.length) return h("select", { id }, option.choices.map((c) => h("option", { value: String(c.value) }, c.name)));
    if (option.type === BOOLEAN) return h("select", { id }, h("option", { value: "true" }, "True"), h("option", { value: "false" }, "False"));
    if (option.type === FILE) return h("input", { id, type: "file", hidden: true });
    if (option.type === INTEGER || option.type === NUMBER) return h("input", { id, type: "number", autocomplete: "off" });
    if (option.autocomplete) return h("input", { id, type: "text", autocomplete: "off", placeholder: option.description });
    const area = h("textarea", { id, rows: 1, placeholder: option.description });
    area.addEventListener("input", () => {
      area.style.height = "auto";
      area.style.height = `${Math.min(area.scrollHeight, 160)}px`;
    });
    area.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file || !this.take(file)) return;
      event.preventDefault();
    });
    return area;
  }

  filePart(option, input) {
    const choose = button("Choose a file", { text: true, icon: "clip" }, () => input.click());
    input.addEventListener("change", () => input.files[0] && this.take(input.files[0], option.name));
    const part = h("span", { class: "file-option", data: { file: option.name } }, input, choose, h("span", { class: "file-name" }));
    return part;
  }

  // A pasted or dropped file goes into the first file option that is empty.
  take(file, name) {
    const option = this.command.options.find((o) => o.type === FILE && (name ? o.name === name : !this.files.has(o.name)));
    if (!option) return false;
    if (!this.inputs.has(option.name)) this.add(option);
    this.files.set(option.name, file);
    this.row.querySelector(`[data-file="${CSS.escape(option.name)}"] .file-name`).textContent = file.name;
    this.offer();
    return true;
  }

  complete(option, input, cell) {
    const popup = new Suggest(input, cell, async () => {
      const { choices, error } = await act("discord", "autocomplete", { channel: this.channel, command: this.command.path, option: option.name, typed: input.value });
      if (error) toast(error, "bad");
      return { label: option.name, items: (choices ?? []).map((c) => ({ title: c.name, pick: () => (input.value = String(c.value)) })) };
    });
    input.addEventListener("input", () => popup.refresh());
    input.addEventListener("focus", () => popup.refresh());
  }

  fill(values) {
    for (const [name, value] of Object.entries(values)) {
      const option = this.command.options.find((o) => o.name === name);
      if (!option) continue;
      if (value instanceof File) this.take(value, name);
      else if (this.inputs.has(name)) this.inputs.get(name).value = value;
      else this.add(option, value);
    }
    this.offer();
  }

  async run() {
    const options = {};
    for (const [name, input] of this.inputs) {
      const option = this.command.options.find((o) => o.name === name);
      if (option.type === FILE) {
        if (option.required && !this.files.has(name)) return toast(`The option ${name} needs a file.`, "bad");
      } else if (option.type === BOOLEAN) options[name] = input.value === "true";
      else if (option.type === INTEGER || option.type === NUMBER) options[name] = Number(input.value);
      else if (input.value.trim()) options[name] = input.value;
      else if (option.required) {
        input.setAttribute("aria-invalid", "true");
        return input.focus();
      }
    }
    const { error } = await act("discord", "slash", { channel: this.channel, command: this.command.path, options, file_options: [...this.files.keys()] }, [...this.files.values()]);
    if (error) toast(error, "bad");
    else this.done(true);
  }
}

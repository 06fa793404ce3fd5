// The forms that a bot opens: Slack's views and Discord's modals, drawn as one dialog.

import { avatar, button, h } from "./dom.js";
import { markdown } from "./markdown.js";
import { mrkdwn } from "./mrkdwn.js";
import { Suggest } from "./suggest.js";

const dialog = () => document.getElementById("sheet");
let shown = null; // what the dialog shows now: { key, dismiss }

dialogEvents();

// `form`: { key, stamp, source, title, submit, close, body: [nodes and fields], onSubmit, onClose }
export function showForm(form) {
  if (shown?.stamp === form.stamp) return;
  const values = shown?.key === form.key ? read(dialog()) : {};
  const sheet = dialog();
  const body = h("form", { class: "sheet-body", novalidate: true }, form.body,
    h("div", { class: "buttons" },
      button(form.close ?? "Cancel", { text: true }, () => dismiss()),
      form.submit && h("button", { type: "submit", class: "primary" }, form.submit)));
  body.addEventListener("submit", async (event) => {
    event.preventDefault();
    const empty = [...body.querySelectorAll("[data-field][required]")].find((field) => !field.value.trim());
    if (empty) return complain(empty, "Please fill this in.");
    body.classList.add("busy");
    const error = await form.onSubmit(read(sheet));
    body.classList.remove("busy");
    if (error) body.querySelector(".form-error").textContent = error;
  });
  body.append(h("p", { class: "form-error", role: "alert" }));
  sheet.className = form.source.pane;
  sheet.replaceChildren(
    h("header", {}, h("div", { class: "source" }, avatar({ id: "bot", bot: true }), h("span", {}, form.source.text)),
      button("Close", { icon: "close", class: "quiet" }, () => dismiss()),
      h("h2", { id: "sheet-title" }, form.title)),
    body);
  for (const [name, value] of Object.entries(values)) {
    const field = sheet.querySelector(`[data-field="${CSS.escape(name)}"]`);
    if (field && value !== undefined) field.value = value;
  }
  shown = form;
  if (!sheet.open) sheet.showModal();
  const first = sheet.querySelector("[data-field]");
  first?.focus();
  first?.select?.();
}

// The form with this key is gone on the server's side.
export function hideForm(key) {
  if (shown?.key !== key) return;
  shown = null;
  dialog().close();
}

export function formIs(pane) {
  return shown?.source.pane === pane ? shown.key : null;
}

function dismiss() {
  const form = shown;
  shown = null;
  dialog().close();
  form?.onClose?.();
}

function dialogEvents() {
  addEventListener("DOMContentLoaded", () => {
    dialog().addEventListener("cancel", (event) => {
      event.preventDefault();
      dismiss();
    });
  });
}

function read(sheet) {
  const values = {};
  for (const field of sheet.querySelectorAll("[data-field]")) {
    values[field.dataset.field] = field.type === "checkbox" ? field.checked : field.value;
  }
  return values;
}

function complain(field, text) {
  field.setAttribute("aria-invalid", "true");
  const note = field.closest(".field")?.querySelector(".complaint");
  if (note) note.textContent = text;
  field.focus();
}

let count = 0;

export function field({ name, label, hint, value = "", multiline, required, options, complaint, suggest, max, placeholder }) {
  const id = `field-${++count}`;
  const shared = { id, "data-field": name, required, placeholder, "aria-invalid": complaint ? "true" : null };
  let input;
  if (options) input = h("select", shared, !required && h("option", { value: "" }, "–"), options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.label)));
  else if (multiline) input = h("textarea", { ...shared, rows: 4 });
  else input = h("input", { ...shared, type: "text", autocomplete: "off" });
  if (!options) input.value = value;
  if (max) input.maxLength = max;
  const node = h("div", { class: "field" }, h("label", { for: id }, label, !required && h("span", { class: "optional" }, " optional")), input,
    hint && h("p", { class: "field-hint" }, hint), h("p", { class: "complaint", role: "alert" }, complaint ?? ""));
  if (suggest) {
    const popup = new Suggest(input, node, () => suggest(input));
    input.addEventListener("input", () => popup.refresh());
    input.addEventListener("focus", () => popup.refresh());
  }
  return node;
}

// ---- Slack's blocks in a view --------------------------------------------------------------------------------------------

export function slackFields(view, { names, suggestions }) {
  return view.blocks.flatMap((block) => {
    const complaint = view.errors[block.block_id];
    if (block.type === "input") return [slackInput(block, block.element, complaint, suggestions)];
    if (block.type === "section") return [h("div", { class: "section" }, block.text && wording(block.text, names)), block.accessory && slackInput({ ...block, label: { text: "" }, optional: true }, block.accessory, complaint, suggestions)];
    if (block.type === "context") return [h("div", { class: "small" }, block.elements.map((e) => wording(e, names)))];
    if (block.type === "divider") return [h("hr")];
    if (block.type === "header") return [h("h3", {}, block.text.text)];
    if (block.type === "markdown") return [h("div", { class: "text" }, markdown(block.text, { entities: true, tables: true, names }))];
    return [];
  }).filter(Boolean);
}

function slackInput(block, element, complaint, suggestions) {
  const label = block.label?.text || element.placeholder?.text || "Value";
  const shared = { name: element.action_id, label, hint: block.hint?.text, required: !block.optional, complaint, placeholder: element.placeholder?.text };
  if (element.type === "plain_text_input") return field({ ...shared, multiline: element.multiline, value: element.initial_value ?? "", max: element.max_length });
  if (element.type === "static_select" || element.type === "radio_buttons") {
    const every = element.options ?? element.option_groups?.flatMap((g) => g.options) ?? [];
    return field({ ...shared, options: every.map((o) => ({ value: o.value, label: o.text.text })), value: element.initial_option?.value });
  }
  if (element.type === "external_select") {
    return field({ ...shared, value: element.initial_option?.value, suggest: async (input) => ({
      label, items: (await suggestions(element.action_id, input.value)).map((o) => ({ title: o.text.text, pick: () => (input.value = o.value) })) }) });
  }
  return null;
}

export function wording(text, names) {
  return text.type === "mrkdwn" ? mrkdwn(text.text, { names }) : document.createTextNode(text.text ?? "");
}

// ---- Discord's modals ------------------------------------------------------------------------------------------------------

export function discordFields(modal) {
  return modal.components.flatMap((row) => {
    if (row.type === 18) return [discordInput(row.component, row.label, row.description)];
    if (row.type === 10) return [h("div", { class: "text" }, markdown(row.content ?? "", { discord: true }))];
    return (row.components ?? []).map((c) => discordInput(c, c.label));
  }).filter(Boolean);
}

function discordInput(component, label, hint) {
  const shared = { name: component.custom_id, label: label ?? "Value", hint, required: component.required ?? true, placeholder: component.placeholder };
  if (component.type === 4) return field({ ...shared, multiline: component.style === 2, value: component.value ?? "", max: component.max_length });
  if (component.type === 3) return field({ ...shared, options: component.options, value: component.options?.find((o) => o.default)?.value });
  return null;
}

// A little form of the page's own, e.g. the name of a new thread.
export function ask({ pane, title, submit, fields, onSubmit }) {
  const key = `own-${++count}`;
  showForm({ key, stamp: key, source: { pane, text: pane === "slack" ? "Slack" : "Discord" }, title, submit, body: fields.map(field),
    onSubmit: async (values) => {
      const error = await onSubmit(values);
      if (!error) hideForm(key);
      return error;
    } });
}


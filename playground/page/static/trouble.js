// "Make it hard": what platforms, providers and machines do on a bad day, as buttons.

import { button, fill, h, toast } from "./dom.js";
import { act, onChange, one } from "./net.js";

const PLATFORMS = [["Slack", "slack"], ["Discord", "discord"]];
const PROCESSES = { worker: "Worker", slack: "Slack adapter", discord: "Discord adapter", redis: "Redis" };

// Each has a title, what comes of it, and one button for each place where it can be done.
const ON_PLATFORMS = [
  { title: "Deliver the last message again", note: "One answer all the same.", deed: "redeliver" },
  { title: "Refuse for 2 s with 429", note: "The answer comes later, and whole.", deed: "busy" },
  { title: "Cut the connection", note: "The bot comes back by itself; nothing is missed.", deed: "hang_up" },
];
const ON_MODEL = [
  { title: "Break the next answer off", note: "What came stays, with a sentence that says so.", deed: "cut", word: "Break" },
  { title: "Refuse two calls with 503", note: "Asked again, or another model answers.", deed: "refuse", word: "Refuse" },
];

export function troubles(panel) {
  onChange("page", () => draw(panel));
}

function draw(panel) {
  const processes = one("page", "processes");
  const focused = panel.contains(document.activeElement) && document.activeElement.dataset.deed;
  fill(panel,
    h("h2", {}, "Make it hard"),
    h("p", { class: "faint" }, "Press one while an answer is growing. No question is lost, none is answered twice."),
    part("The platforms", ON_PLATFORMS.map((t) => row(t, PLATFORMS.map(([word, pane]) => press(word, t, pane, t.deed))))),
    !one("page", "model").real && part("The model", [slow(), ...ON_MODEL.map((t) => row(t, [press(t.word, t, "page", t.deed)]))]),
    processes.length > 0 && part("The bot itself", [kills(processes)]));
  if (focused) panel.querySelector(`[data-deed="${CSS.escape(focused)}"]`)?.focus();
}

function part(title, rows) {
  return [h("h3", {}, title), h("ul", {}, rows)];
}

function row({ title, note }, buttons) {
  return h("li", { class: "trouble-row" }, h("div", {}, h("strong", {}, title), h("span", { class: "faint" }, note)), h("div", { class: "presses" }, buttons));
}

function kills(processes) {
  const title = "kill -9, now";
  const row_ = row({ title, note: "It is started again. An answer in flight goes on, in the same message." },
    processes.map((name) => press(PROCESSES[name] ?? name, { title }, "page", "kill", { process: name })));
  row_.classList.add("wide");
  return row_;
}

function press(word, { title }, pane, deed, given = {}) {
  return h("button", { type: "button", class: "press", "aria-label": `${title}: ${word}`, data: { deed: `${pane}-${deed}-${given.process ?? ""}` },
    onclick: async () => tell(await act(pane, deed, given)) }, word);
}

function slow() {
  const on = Boolean(one("page", "slow"));
  return h("li", {}, button("Slow model", { text: true, role: "switch", "aria-checked": String(on), class: "switch", data: { deed: "slow" } }, async () => tell(await act("page", "slow", { on: !on }))));
}

export function tell({ error, said }) {
  toast(error ?? said, error ? "bad" : "");
}

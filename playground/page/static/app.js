// The page starts: people are asked for, the panes are built, the stream of changes is opened.

import { button, fill, h, icon, toast } from "./dom.js";
import { Discord } from "./discord.js";
import { act, actAs, connect, every, onChange, one, viewer } from "./net.js";
import { Slack } from "./slack.js";

const panes = {};

// What to try, in an order that tells a story. `do` prepares it; the person presses Enter.
const IDEAS = [
  { pane: "slack", title: "Ask in a channel", note: "The answer grows in a thread.", go: () => slackText("general", "@switchboard compare tea, coffee and water in a table") },
  { pane: "slack", title: "Show it a picture", note: "A sample picture is attached.", go: async () => slackText("general", "@switchboard what do you see?", [await sample()]) },
  { pane: "slack", title: "Go on without a mention", note: "In the thread: “what did I say first?”", go: () => panes.slack.thread ? panes.slack.reply.prefill("what did I say first?") : toast("Open a thread with an answer first.") },
  { pane: "slack", title: "Switch a channel's model", note: "As an admin. The change is announced.", go: () => slackText("design", "/ai model set gpt-4o-mini", [], "admin") },
  { pane: "slack", title: "Try that as a member", note: "Refused, and only you see it.", go: () => slackText("design", "/ai model set gpt-4o", [], "member") },
  { pane: "discord", title: "Use the slash command", note: "/ask with its options and a private answer.", go: () => discordCommand("general", "ask", { prompt: "show me some Python code" }) },
  { pane: "discord", title: "Send a picture with /ask", note: "The same picture as an option.", go: async () => discordCommand("general", "ask", { prompt: "What is in this picture?", image: await sample() }) },
  { pane: "discord", title: "Choose a model with autocomplete", note: "/model set, as an admin.", go: () => discordCommand("engineering", "model set", {}, "admin") },
  { pane: "discord", title: "Ask in private", note: "Only you see the answer.", go: () => discordCommand("general", "ask", { prompt: "my secret is blue", private: "true" }) },
  { pane: "discord", title: "Reply to an answer", note: "Point at a message and choose Reply.", go: () => panes.discord.log.list.querySelector("article:last-of-type")?.focus() },
];

const TROUBLES = [
  { title: "Deliver Slack's last event again", note: "One answer all the same.", do: () => act("slack", "redeliver") },
  { title: "Deliver Discord's last message again", note: "One answer all the same.", do: () => act("discord", "redeliver") },
  { title: "Slack says 429", note: "The answer comes later and whole.", do: () => act("slack", "busy") },
  { title: "Discord says 429", note: "The answer comes later and whole.", do: () => act("discord", "busy") },
  { title: "Break the next answer off", note: "What came stays, with a sentence.", model: true, do: () => act("page", "cut") },
  { title: "Model refuses twice", note: "503 from the provider.", model: true, do: () => act("page", "refuse") },
];

async function start() {
  drawTools();
  const people = await connect();
  panes.slack = new Slack(document.getElementById("slack"), people.slack ?? []);
  panes.discord = new Discord(document.getElementById("discord"), people.discord ?? []);
  panes.people = people;
  onChange("page", drawModel);
  chooseView();
}

function drawTools() {
  document.getElementById("ideas-button").append(icon("bulb"), h("span", {}, "Try this"));
  document.getElementById("faults-button").append(icon("bolt"), h("span", {}, "Make it hard"));
  const ideas = document.getElementById("ideas");
  ideas.append(h("h2", {}, "Try this"), h("ol", {}, IDEAS.map((idea) => h("li", {}, h("button", { type: "button", onclick: () => {
    ideas.hidePopover();
    show(idea.pane);
    idea.go();
  } }, h("span", { class: `mark ${idea.pane}` }, idea.pane === "slack" ? "Slack" : "Discord"), h("strong", {}, idea.title), h("span", {}, idea.note))))));
}

function drawModel() {
  const model = one("page", "model");
  const badge = document.getElementById("model");
  badge.hidden = false;
  badge.className = `badge ${model.real ? "real" : ""}`;
  badge.replaceChildren(h("b", {}, model.name), h("span", {}, model.note));
  const slow = Boolean(one("page", "slow"));
  const toggle = button("Slow model", { text: true, role: "switch", "aria-checked": String(slow), class: "switch" }, async () => tell(await act("page", "slow", { on: !slow })));
  fill(document.getElementById("faults"),
    h("h2", {}, "Make it hard"), h("p", { class: "faint" }, "What real platforms and providers do on a bad day."),
    h("ul", {}, !model.real && h("li", { class: "plain" }, toggle),
      TROUBLES.filter((t) => !t.model || !model.real).map((t) => h("li", {}, h("button", { type: "button", onclick: async () => tell(await t.do()) }, h("strong", {}, t.title), h("span", {}, t.note))))));
}

function tell({ error, said }) {
  toast(error ?? said, error ? "bad" : "");
}

// ---- preparing what is tried -----------------------------------------------------------------------------------------------

function become(pane, kind) {
  const people = panes.people[pane];
  const now = people.find((p) => p.id === viewer[pane]);
  const fits = (p) => (kind === "admin" ? p.admin : p.role === "member");
  if (!kind || fits(now)) return Promise.resolve();
  const wanted = people.find(fits);
  toast(`Acting as ${wanted.name} (${wanted.role}) in ${pane === "slack" ? "Slack" : "Discord"}.`);
  return new Promise((resolve) => {
    const seen = ({ reset }) => reset && one(pane, "me") === wanted.id && resolve();
    onChange(pane, seen);
    actAs(pane, wanted.id);
  });
}

function place(pane, name) {
  return every(pane, "channel").find((c) => c.name === name && c.kind !== "thread")?.id ?? panes[pane].at;
}

async function slackText(channel, text, files = [], as = null) {
  await become("slack", as);
  panes.slack.go(place("slack", channel));
  panes.slack.composer.prefill(text, files);
}

async function discordCommand(channel, command, values, as = null) {
  await become("discord", as);
  panes.discord.go(place("discord", channel));
  if (!panes.discord.startCommand(command, values)) toast("The bot has not registered its commands yet.", "bad");
}

async function sample() {
  const picture = await (await fetch("/static/sample.png")).blob();
  return new File([picture], "lighthouse.png", { type: "image/png" });
}

// ---- both, or one ------------------------------------------------------------------------------------------------------------

function chooseView() {
  for (const control of document.querySelectorAll("[data-show]")) control.addEventListener("click", () => show(control.dataset.show, true));
  show(sessionStorage.getItem("show") ?? "both", true);
}

// Shows a pane; `only` hides the other one, else it is hidden no longer than needed.
function show(which, only = false) {
  const body = document.body;
  if (!only && (body.dataset.view === "both" || body.dataset.view === which)) {
    document.getElementById(which)?.scrollIntoView({ block: "nearest" });
    return;
  }
  body.dataset.view = which;
  sessionStorage.setItem("show", which);
  for (const control of document.querySelectorAll("[data-show]")) control.setAttribute("aria-pressed", String(control.dataset.show === which));
}

start();

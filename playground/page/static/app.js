// The page starts: people are asked for, the panes are built, the stream of changes is opened.

import { h, icon, toast } from "./dom.js";
import { Discord } from "./discord.js";
import { act, actAs, connect, every, onChange, one, viewer } from "./net.js";
import { samplePicture } from "./room.js";
import { Slack } from "./slack.js";
import { tell, troubles } from "./trouble.js";

const panes = {};

// What to try, in an order that tells a story. `do` prepares it; the person presses Enter.
const IDEAS = [
  { pane: "slack", title: "Ask in a channel", note: "The answer grows in a thread.", go: () => slackText("general", "@switchboard compare tea, coffee and water in a table") },
  { pane: "slack", title: "Show it a picture", note: "A sample picture is attached.", go: async () => slackText("general", "@switchboard what do you see?", [await samplePicture()]) },
  { pane: "slack", title: "Go on without a mention", note: "In the thread: “what did I say first?”", go: () => panes.slack.thread ? panes.slack.reply.prefill("what did I say first?") : toast("Open a thread with an answer first.") },
  { pane: "slack", title: "Kill the worker in mid-answer", note: "kill -9. The answer goes on in the same message.", go: killInMidAnswer },
  { pane: "slack", title: "Switch a channel's model", note: "As an admin. The change is announced.", go: () => slackText("design", "/ai model set gpt-4o-mini", [], "admin") },
  { pane: "slack", title: "Try that as a member", note: "Refused, and only you see it.", go: () => slackText("design", "/ai model set gpt-4o", [], "member") },
  { pane: "discord", title: "Use the slash command", note: "/ask with its options and a private answer.", go: () => discordCommand("general", "ask", { prompt: "show me some Python code" }) },
  { pane: "discord", title: "Send a picture with /ask", note: "The same picture as an option.", go: async () => discordCommand("general", "ask", { prompt: "What is in this picture?", image: await samplePicture() }) },
  { pane: "discord", title: "Choose a model with autocomplete", note: "/model set, as an admin.", go: () => discordCommand("engineering", "model set", {}, "admin") },
  { pane: "discord", title: "Ask in private", note: "Only you see the answer.", go: () => discordCommand("general", "ask", { prompt: "my secret is blue", private: "true" }) },
  { pane: "discord", title: "Reply to an answer", note: "Point at a message and choose Reply.", go: () => panes.discord.log.list.querySelector("article:last-of-type")?.focus() },
];

async function start() {
  drawTools();
  const people = await connect();
  panes.slack = new Slack(document.getElementById("slack"), people.slack ?? []);
  panes.discord = new Discord(document.getElementById("discord"), people.discord ?? []);
  panes.people = people;
  onChange("page", drawModel);
  troubles(document.getElementById("faults"));
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

// Asks for a long answer, and kills what makes it as soon as its first words are there.
async function killInMidAnswer() {
  if (!one("page", "processes").includes("worker")) return toast("Nobody here can kill the worker: the bot was not started with this page.", "bad");
  const known = new Set(every("slack", "message").map((m) => m.ts));
  await slackText("general", "@switchboard write 300 words about lighthouses");
  await panes.slack.composer.submit();
  const begun = () => every("slack", "message").some((m) => !known.has(m.ts) && m.author.bot && m.text.length > 200);
  const stop = onChange("slack", async () => {
    if (!begun()) return;
    stop();
    tell(await act("page", "kill", { process: "worker" }));
  });
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

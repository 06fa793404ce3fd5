// The Slack pane: channels, a log with threads beside it, private messages, modals.

import { announce, avatar, button, clock, fill, h, icon, toast } from "./dom.js";
import { Composer } from "./composer.js";
import { formIs, hideForm, showForm, slackFields, wording } from "./forms.js";
import { markdown } from "./markdown.js";
import { EMOJI, mrkdwn } from "./mrkdwn.js";
import { act, every, onChange, one, viewer } from "./net.js";
import { action, away, chip, dots, drawer, editor, grouped, Log, personaSwitch, pictures, placeButton, privateNote, samplePicture, withActions } from "./room.js";
import { replaceWord, wordAt } from "./suggest.js";

const GLYPH = { public: "hash", private: "lock", im: "dm", mpim: "people" };
const SOON = 30_000; // ms after one's own words in which an answer's thread opens by itself

export class Slack {
  constructor(root, people) {
    this.root = root;
    this.people = people;
    this.at = sessionStorage.getItem("slack-at") ?? "";
    this.thread = JSON.parse(sessionStorage.getItem("slack-thread") ?? "null"); // { channel, ts }
    this.editing = null;
    this.unread = new Set();
    this.said = { channel: "", at: 0 };
    this.known = new Set();
    this.build();
    onChange("slack", (change) => this.take(change));
  }

  build() {
    this.places = h("nav", { class: "places", "aria-label": "Slack channels" });
    this.sideFoot = h("div", { class: "side-foot" });
    this.teamName = h("strong");
    this.link = h("span", { class: "link" });
    const side = h("aside", { class: "side" }, h("header", {}, this.teamName, this.link), this.places, this.sideFoot);
    this.head = h("header", { class: "room-head" });
    this.log = new Log("Messages in the channel", (item, old) => this.draw(item, old));
    this.composer = this.makeComposer("Message the channel", null);
    this.lines = h("div", { class: "lines" });
    this.room = h("div", { class: "room" }, this.head, this.log.frame, this.lines, this.composer.node);
    this.threadHead = h("header", { class: "room-head" });
    this.threadLog = new Log("Messages in the thread", (item, old) => this.draw(item, old));
    this.threadLines = h("div", { class: "lines" });
    this.reply = this.makeComposer("Reply in the thread", () => this.thread);
    this.side = h("div", { class: "room thread", role: "region", "aria-label": "Thread", hidden: true }, this.threadHead, this.threadLog.frame, this.threadLines, this.reply.node);
    this.side.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !this.reply.field.value) this.openThread(null);
    });
    this.composer.catchDrops(this.room);
    this.reply.catchDrops(this.side);
    const rooms = h("div", { class: "rooms" }, this.room, this.side);
    drawer(this.root, rooms);
    this.root.append(side, rooms);
  }

  makeComposer(label, thread) {
    const bot = one("slack", "bot") ?? { name: "Switchboard", handle: "switchboard" };
    return new Composer({ label, mention: bot, send: (text, files) => this.send(text, files, thread?.()), offer: (box) => this.offer(box, Boolean(thread)) });
  }

  // ---- what comes in -----------------------------------------------------------------------------------------------------

  take({ reset, keys }) {
    if (reset) {
      this.unread.clear();
      this.known = new Set();
      this.editing = null;
      // After a reload or as somebody else one is still in the thread, if it can be seen.
      if (this.thread && !one("slack", `message:${this.thread.channel}/${this.thread.ts}`)) this.setThread(null);
    }
    const channels = every("slack", "channel").filter((c) => c.is_member);
    if (!channels.some((c) => c.id === this.at)) this.at = channels.find((c) => c.name === "general")?.id ?? channels[0]?.id ?? "";
    for (const key of keys) {
      const message = key.startsWith("message:") && one("slack", key);
      if (message && !this.known.has(key)) {
        this.known.add(key);
        if (!reset) this.arrived(message);
      }
    }
    this.render();
  }

  arrived(message) {
    const mine = message.author.id === viewer.slack;
    const here = message.channel === this.at;
    if (!here && !mine) this.unread.add(message.channel);
    if (!message.author.bot) return;
    const soon = this.said.channel === message.channel && Date.now() - this.said.at < SOON;
    if (here && soon && message.thread && !this.thread) this.openThread({ channel: message.channel, ts: message.thread });
    const where = message.thread ? "in a thread" : `in ${one("slack", `channel:${message.channel}`)?.name ?? "a channel"}`;
    announce(message.private ? `Slack, only visible to you: ${message.text}` : `Slack: ${message.author.name} answers ${where}`);
  }

  messages(channel) {
    return every("slack", "message").filter((m) => m.channel === channel).sort((a, b) => a.at - b.at);
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------------

  render() {
    const team = one("slack", "team");
    if (!team) return;
    this.teamName.textContent = team.name;
    this.link.className = `link ${one("slack", "online") ? "on" : ""}`;
    this.link.title = one("slack", "online") ? "The bot is connected" : "The bot is not connected";
    fill(this.link, h("span", { class: "unseen" }, this.link.title));
    this.renderSide();
    this.renderRoom();
    this.renderThread();
    this.renderForm();
  }

  renderSide() {
    const channels = every("slack", "channel").filter((c) => c.is_member).sort((a, b) => a.is_archived - b.is_archived || b.has_bot - a.has_bot || a.order - b.order);
    const people = (c) => c.kind === "im" || c.kind === "mpim";
    const row = (c) => placeButton({ label: c.name, glyph: GLYPH[c.kind], current: c.id === this.at, unread: this.unread.has(c.id), dim: c.is_archived || !c.has_bot,
      title: c.is_archived ? "Archived" : c.has_bot ? c.name : "The bot is not in this channel" }, () => this.go(c.id));
    fill(this.places,
      h("h2", {}, "Channels"), ...channels.filter((c) => !people(c)).map(row),
      h("h2", {}, "Direct messages"), ...channels.filter(people).map(row));
    if (!this.sideFoot.contains(document.activeElement)) fill(this.sideFoot, personaSwitch("slack", this.people, viewer.slack));
  }

  renderRoom() {
    const channel = one("slack", `channel:${this.at}`);
    if (!channel) return;
    const fresh = this.drawn !== this.at;
    this.drawn = this.at;
    this.composer.moveTo(this.at);
    this.unread.delete(this.at);
    fill(this.head,
      button("Show channels", { icon: "menu", class: "quiet menu" }, () => this.root.classList.toggle("side-open")),
      h("h2", {}, icon(GLYPH[channel.kind]), channel.name),
      channel.is_shared && h("span", { class: "tag" }, "shared with Acme"),
      channel.is_archived && h("span", { class: "tag" }, "archived"),
      !channel.has_bot && !channel.is_archived && h("span", { class: "tag" }, "the bot is not here"),
      h("span", { class: "count", title: "Members" }, icon("people", 15), String(channel.people)));
    const all = this.messages(this.at);
    const top = all.filter((m) => !m.thread || m.broadcast);
    this.composer.field.placeholder = channel.kind === "public" || channel.kind === "private" ? `Message #${channel.name}` : `Message ${channel.name}`;
    const items = this.items(top, { breaks: (before) => this.replies(all, before).length > 0, threads: all, direct: channel.kind === "im" });
    this.log.show(items.length ? items : [this.welcome(channel)], { fresh });
    fill(this.lines, away(one("slack", "online")), ...every("slack", "status").filter((s) => s.channel === this.at && channel.kind === "im" && !all.some((m) => m.thread === s.thread_ts)).map((s) => dots(this.statusText(s))));
  }

  renderThread() {
    this.side.hidden = !this.thread;
    this.root.classList.toggle("in-thread", Boolean(this.thread));
    if (!this.thread) return;
    const { channel, ts } = this.thread;
    const place = one("slack", `channel:${channel}`);
    const messages = this.messages(channel).filter((m) => m.ts === ts && !m.private || m.thread === ts);
    const fresh = this.drawnThread !== ts;
    this.drawnThread = ts;
    this.reply.moveTo(ts);
    fill(this.threadHead,
      button("Back to the channel", { icon: "back", class: "quiet back" }, () => this.openThread(null)),
      h("h2", {}, "Thread", h("span", { class: "of" }, place?.kind === "im" ? place.name : `#${place?.name}`)),
      button("Close the thread", { icon: "close", class: "quiet" }, () => this.openThread(null)));
    this.threadLog.show(this.items(messages, { breaks: () => false, root: ts }), { fresh });
    const status = one("slack", `status:${channel}/${ts}`);
    fill(this.threadLines, away(one("slack", "online")), status && dots(this.statusText(status)));
  }

  statusText(status) {
    const name = one("slack", "bot")?.name ?? "The bot";
    return `${name} ${status.text || "is thinking…"}`;
  }

  items(messages, { breaks, threads, root, direct = false }) {
    return grouped(messages, { breaks }).map(({ message, joins }) => {
      const replies = threads ? this.replies(threads, message) : [];
      const inThread = threads && (replies.length > 0 || !direct); // in a direct message it stands above the text field
      const status = inThread && one("slack", `status:${message.channel}/${message.ts}`);
      const editing = this.editing === message.ts;
      const bar = replies.length ? [replies.length, replies.at(-1).at, replies.map((r) => r.author.id)] : [];
      return { key: `${message.ts}${message.private ? "p" : ""}`, message, joins: joins && message.ts !== root, replies, status, editing, isRoot: message.ts === root,
        stamp: JSON.stringify([message, joins, bar, status, editing, viewer.slack]) };
    });
  }

  replies(all, message) {
    return message.private ? [] : all.filter((m) => m.thread === message.ts && !m.private);
  }

  draw(item) {
    if (item.welcome) return item.node();
    const { message: m, joins, replies, status, editing, isRoot } = item;
    const body = m.gone ? h("p", { class: "faint" }, "This message was deleted.") : editing ? editor(plainText(m), (text) => this.save(m, text)) : this.body(m);
    const node = h("article", { class: `message ${joins ? "joins" : ""} ${m.private ? "private" : ""} ${isRoot ? "root" : ""}`, "aria-label": `${m.author.name}, ${clock(m.at)}`, data: { ts: m.ts } },
      joins ? h("time", { class: "gutter", "aria-hidden": "true" }, clock(m.at)) : avatar(m.author),
      h("div", { class: "column" },
        m.private && privateNote(),
        !joins && h("div", { class: "byline" }, h("strong", {}, m.author.name), m.author.bot && h("span", { class: "app" }, "APP"), h("time", {}, clock(m.at))),
        h("div", { class: m.streaming ? "text streaming" : "text" }, body, m.edited && !m.author.bot && h("span", { class: "edited" }, "(edited)")),
        pictures(m.files),
        this.reactions(m),
        replies.length > 0 && this.threadBar(m, replies, status),
        !replies.length && status && dots(this.statusText(status))));
    return m.gone || editing ? node : withActions(node, () => this.actions(m));
  }

  body(m) {
    const names = one("slack", "names");
    if (!m.blocks.length) return mrkdwn(m.text, { names });
    return m.blocks.map((block) => this.block(block, m, names));
  }

  block(block, m, names) {
    switch (block.type) {
      case "markdown": return markdown(block.text, { entities: true, tables: true, names });
      case "section": return h("div", { class: "section" }, block.text && wording(block.text, names), block.fields?.map((f) => h("div", {}, wording(f, names))), block.accessory && this.element(block.accessory, m));
      case "context": return h("div", { class: "small" }, block.elements.map((e) => h("span", {}, wording(e, names))));
      case "header": return h("p", { class: "heading level-2", role: "heading", "aria-level": "4" }, block.text.text);
      case "divider": return h("hr");
      case "actions": return h("div", { class: "row-of-buttons" }, block.elements.map((e) => this.element(e, m)));
      default: return h("p", { class: "faint" }, `(${block.type})`);
    }
  }

  element(element, m) {
    if (element.type === "button") return h("button", { type: "button", class: element.style ?? "", onclick: () => this.do("click", { channel: m.channel, ts: m.ts, action: element.action_id }) }, element.text.text);
    if (!element.options) return null;
    const select = h("select", { "aria-label": element.placeholder?.text ?? "Choose" }, h("option", { value: "" }, element.placeholder?.text ?? "Choose"), element.options.map((o) => h("option", { value: o.value }, o.text.text)));
    select.addEventListener("change", () => this.do("click", { channel: m.channel, ts: m.ts, action: element.action_id, choice: select.value }));
    return select;
  }

  reactions(m) {
    const marks = Object.entries(m.reactions);
    return marks.length ? h("p", { class: "reactions" }, marks.map(([name, count]) => h("span", { title: `:${name}:` }, EMOJI[name] ?? `:${name}:`, h("b", {}, String(count))))) : null;
  }

  threadBar(m, replies, status) {
    const authors = [...new Map(replies.map((r) => [r.author.id, r.author])).values()].slice(0, 3);
    const open = this.thread?.ts === m.ts;
    return h("button", { type: "button", class: "thread-bar", "aria-expanded": String(open), onclick: () => this.openThread({ channel: m.channel, ts: m.ts }, true) },
      authors.map(avatar), h("b", {}, replies.length === 1 ? "1 reply" : `${replies.length} replies`),
      status ? dots(this.statusText(status)) : h("span", { class: "faint" }, `last at ${clock(replies.at(-1).at)}`));
  }

  actions(m) {
    const mine = m.author.id === viewer.slack;
    if (m.private) return [];
    return [
      action("Ask about this", "ask", () => this.do("shortcut", { channel: m.channel, ts: m.ts })),
      !this.thread && action("Reply in thread", "thread", () => this.openThread({ channel: m.channel, ts: m.thread ?? m.ts }, true)),
      mine && action("Edit", "pencil", () => this.edit(m)),
      mine && action("Delete", "bin", () => this.do("delete", { channel: m.channel, ts: m.ts })),
    ].filter(Boolean);
  }

  welcome(channel) {
    const ideas = channel.kind === "im"
      ? ["Hello, what can you do?", "My favourite colour is teal"]
      : ["@switchboard compare tea, coffee and water in a table", "@switchboard show me some Python code", "/ai model"];
    const node = () => h("div", { class: "welcome" }, h("span", { class: "welcome-glyph" }, icon(GLYPH[channel.kind], 26)),
      h("h3", {}, channel.kind === "im" ? `You and ${channel.name}` : `This is #${channel.name}`),
      h("p", {}, channel.kind === "im" ? "Here the bot answers everything, without a mention." : channel.has_bot ? "Mention the bot and it answers in a thread. Choose an example, then press Enter:" : "The bot is not a member here, so it hears nothing."),
      channel.has_bot && !channel.is_archived && h("div", { class: "chips" }, ideas.map((text) => chip(text, () => this.composer.prefill(text))),
        chip("Show it a picture", async () => this.composer.prefill(channel.kind === "im" ? "What do you see?" : "@switchboard what do you see?", [await samplePicture()]), "clip")));
    return { key: "welcome", stamp: `${channel.id}${channel.name}`, welcome: true, node };
  }

  renderForm() {
    const views = every("slack", "view").sort((a, b) => a.depth - b.depth);
    const view = views.at(-1);
    const key = formIs("slack");
    if (!view) return key?.startsWith("own-") ? undefined : key && hideForm(key);
    showForm({
      key: view.root_view_id, stamp: JSON.stringify([view.hash, view.errors]), source: { pane: "slack", text: `${one("slack", "bot").name} in Slack` },
      title: view.title?.text ?? "", submit: view.submit?.text, close: view.close?.text,
      body: [view.errors[""] && h("p", { class: "form-error" }, view.errors[""]), ...slackFields(view, { names: one("slack", "names"), suggestions: async (name, typed) => (await act("slack", "suggest", { view: view.id, action: name, typed })).options ?? [] })].filter(Boolean),
      onSubmit: async (values) => {
        const place = this.at;
        const { error } = await act("slack", "submit", { view: view.id, values });
        if (!error) this.said = { channel: place, at: Date.now() };
        return error;
      },
      onClose: () => act("slack", "close", { view: view.id }),
    });
  }

  // ---- what a person does ------------------------------------------------------------------------------------------------

  go(channel) {
    this.at = channel;
    sessionStorage.setItem("slack-at", channel);
    this.root.classList.remove("side-open");
    this.setThread(null);
    this.render();
    this.composer.field.focus();
  }

  setThread(thread) {
    this.thread = thread;
    if (!thread) this.drawnThread = null;
    sessionStorage.setItem("slack-thread", JSON.stringify(thread));
  }

  openThread(thread, focus = false) {
    this.setThread(thread);
    this.render();
    if (focus) this.reply.field.focus();
    else if (!thread) this.composer.field.focus();
  }

  async send(text, files, thread) {
    const channel = thread?.channel ?? this.at;
    this.said = { channel, at: Date.now() };
    if (text.startsWith("/")) {
      if (thread) {
        toast("Slash commands do not work inside Slack's threads. Write “@switchboard /model” instead.", "bad");
        return false;
      }
      if (files.length) toast("A Slack command carries no files. They were left out.", "bad");
      return this.do("command", { channel, line: text });
    }
    return this.do("post", { channel, text, thread: thread?.ts ?? null }, files);
  }

  async do(deed, given, files = []) {
    const { error } = await act("slack", deed, given, files);
    if (error) toast(error, "bad");
    return !error;
  }

  edit(m) {
    this.editing = m.ts;
    this.render();
  }

  save(m, text) {
    this.editing = null;
    this.render();
    if (text && text !== plainText(m)) this.do("edit", { channel: m.channel, ts: m.ts, text });
  }

  // ---- suggestions ---------------------------------------------------------------------------------------------------------

  offer(box, inThread) {
    const word = wordAt(box, "@");
    if (word) return this.people_(box, word);
    const { name, hints } = one("slack", "command");
    const text = box.value;
    if (inThread || !text.startsWith("/") || text.includes("\n") || box.selectionStart !== text.length) return null;
    const full = text.length <= name.length;
    if (full && !name.startsWith(text)) return null;
    if (!full && !text.startsWith(`${name} `)) return null;
    const typed = full ? "" : text.slice(name.length + 1);
    const fixed = (usage) => usage.split(/[A-Z]{3,}/)[0];
    const items = hints.filter(([usage]) => fixed(usage).startsWith(typed)).map(([usage, note]) => ({
      title: `${name} ${usage}`, note, enter: fixed(usage).trim() === typed.trim() ? false : undefined,
      pick: () => replaceWord(box, 0, `${name} ${fixed(usage)}`) }));
    return { label: "Commands", items };
  }

  people_(box, { from, text }) {
    const typed = text.toLowerCase();
    const bot = one("slack", "bot");
    const known = [{ id: bot.id, name: bot.name, handle: bot.handle, bot: true }, ...this.people];
    const items = known.filter((p) => p.handle.startsWith(typed) || p.name.toLowerCase().startsWith(typed)).slice(0, 8)
      .map((p) => ({ title: p.name, note: `@${p.handle}`, tag: p.bot ? "app" : "", node: avatar(p), pick: () => replaceWord(box, from, `@${p.handle} `) }));
    return { label: "People", items };
  }
}

function plainText(m) {
  return m.text.replaceAll(/<@([A-Z0-9]+)>/g, (whole, id) => (one("slack", "bot")?.id === id ? `@${one("slack", "bot").handle}` : whole))
    .replaceAll(/<(https?:[^>|]+)>/g, "$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

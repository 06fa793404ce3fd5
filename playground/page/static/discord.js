// The Discord pane: a guild with categories, threads and forums, reply chains, slash commands, private answers.

import { announce, avatar, button, clock, fill, h, icon, toast } from "./dom.js";
import { Builder, flatten } from "./builder.js";
import { Composer } from "./composer.js";
import { ask, discordFields, formIs, hideForm, showForm } from "./forms.js";
import { markdown } from "./markdown.js";
import { components, readable, signs } from "./discord_parts.js";
import { act, every, onChange, one, viewer } from "./net.js";
import { action, away, chip, dots, drawer, editor, grouped, Log, personaSwitch, pictures, placeButton, privateNote, samplePicture, withActions } from "./room.js";
import { replaceWord, wordAt } from "./suggest.js";

const NO_ANSWER = { blind: "the bot does not see this", mute: "the bot may not write here" };
const MESSAGE_COMMAND = 3; // Discord's number for what is in a message's menu

export class Discord {
  constructor(root, people) {
    this.root = root;
    this.people = people;
    this.at = sessionStorage.getItem("discord-at") ?? "";
    this.replyTo = null;
    this.editing = null;
    this.unread = new Set();
    this.known = new Set();
    this.dismissed = new Set();
    this.builder = null;
    this.build();
    onChange("discord", (change) => this.take(change));
    setInterval(() => every("discord", "typing").length && this.renderLines(), 1000);
  }

  build() {
    this.places = h("nav", { class: "places", "aria-label": "Discord channels" });
    this.sideFoot = h("div", { class: "side-foot" });
    this.guildName = h("strong");
    this.link = h("span", { class: "link" });
    const side = h("aside", { class: "side" }, h("header", {}, this.guildName, this.link), this.places, this.sideFoot);
    this.head = h("header", { class: "room-head" });
    this.log = new Log("Messages in the channel", (item, old) => this.draw(item, old));
    const bot = one("discord", "bot") ?? { name: "Switchboard", handle: "Switchboard" };
    this.composer = new Composer({ label: "Message the channel", mention: bot, send: (text, files) => this.send(text, files), offer: (box) => this.offer(box) });
    this.lines = h("div", { class: "lines" });
    this.room = h("div", { class: "room" }, this.head, this.log.frame, this.lines, this.composer.node);
    this.composer.catchDrops(this.room);
    this.composer.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.replyTo && !event.defaultPrevented) this.setReply(null);
    });
    const rooms = h("div", { class: "rooms" }, this.room);
    drawer(this.root, rooms);
    this.root.append(side, rooms);
  }

  // ---- what comes in -----------------------------------------------------------------------------------------------------

  take({ reset, keys }) {
    if (reset) {
      this.unread.clear();
      this.known = new Set();
      this.editing = null;
      this.leaveCommand();
      this.setReply(null);
    }
    const channels = every("discord", "channel").filter((c) => c.kind !== "category");
    if (!channels.some((c) => c.id === this.at)) this.at = channels.find((c) => c.name === "general")?.id ?? channels[0]?.id ?? "";
    for (const key of keys) {
      const message = key.startsWith("message:") && one("discord", key);
      if (message && !this.known.has(key)) {
        this.known.add(key);
        if (!reset) this.arrived(message);
      }
    }
    this.render();
    const field = this.composer.field;
    const commands = [...keys].some((key) => key.startsWith("menu:"));
    if (commands && field === document.activeElement && field.value.startsWith("/")) this.composer.suggest.refresh();
  }

  arrived(message) {
    if (message.channel !== this.at && message.author.id !== viewer.discord) this.unread.add(message.channel);
    if (!message.author.bot || message.thinking) return;
    announce(message.private ? `Discord, only visible to you: ${message.content}` : `Discord: ${message.author.name} answers in ${one("discord", `channel:${message.channel}`)?.name || "direct messages"}`);
  }

  get channel() {
    return one("discord", `channel:${this.at}`);
  }

  threadsOf(id) {
    return every("discord", "channel").filter((c) => c.kind === "thread" && c.parent === id);
  }

  messages(channel) {
    const said = every("discord", "message").filter((m) => m.channel === channel);
    const failed = every("discord", "failed").filter((f) => f.channel === channel).map((f) => ({ ...f, failed: true, private: true, author: one("discord", "bot") }));
    return [...said, ...failed].sort((a, b) => a.at - b.at || (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------------

  render() {
    const guild = one("discord", "guild");
    if (!guild) return;
    const online = one("discord", "bot").online;
    this.guildName.textContent = guild.name;
    this.link.className = `link ${online ? "on" : ""}`;
    this.link.title = online ? "The bot is connected" : "The bot is not connected";
    fill(this.link, h("span", { class: "unseen" }, this.link.title));
    this.renderSide();
    this.renderRoom();
    this.renderLines();
    this.renderForm();
  }

  renderSide() {
    const channels = every("discord", "channel").sort((a, b) => a.position - b.position);
    const glyph = { text: "hash", forum: "forum", thread: "thread", dm: "dm" };
    const row = (c, nested) => placeButton({ label: this.nameOf(c), glyph: glyph[c.kind] ?? "hash", current: c.id === this.at, unread: this.unread.has(c.id), nested, dim: c.archived || NO_ANSWER[c.bot], title: c.topic || this.nameOf(c) }, () => this.go(c.id));
    const withThreads = (c) => [row(c), ...this.threadsOf(c.id).filter((t) => !t.archived || t.id === this.at).map((t) => row(t, true))];
    const loose = channels.filter((c) => !c.parent && (c.kind === "text" || c.kind === "forum"));
    const sections = channels.filter((c) => c.kind === "category").map((category) => [h("h2", {}, category.name), channels.filter((c) => c.parent === category.id && c.kind !== "thread").map(withThreads)]);
    fill(this.places, [
      h("h2", {}, "Direct messages"), channels.filter((c) => c.kind === "dm").map((c) => row(c)),
      sections, loose.length > 0 && [h("h2", {}, "Others"), loose.map(withThreads)],
    ]);
    if (!this.sideFoot.contains(document.activeElement)) fill(this.sideFoot, personaSwitch("discord", this.people, viewer.discord));
  }

  nameOf(channel) {
    if (channel.kind !== "dm") return channel.name;
    return one("discord", "people").find((p) => p.id !== viewer.discord && channel.people.includes(p.id))?.name ?? "Direct messages";
  }

  renderRoom() {
    const channel = this.channel;
    if (!channel) return;
    const fresh = this.drawn !== this.at;
    this.drawn = this.at;
    this.composer.moveTo(this.at);
    this.unread.delete(this.at);
    const parent = channel.kind === "thread" && one("discord", `channel:${channel.parent}`);
    fill(this.head, [
      button("Show channels", { icon: "menu", class: "quiet menu" }, () => this.root.classList.toggle("side-open")),
      parent && button(`Back to #${parent.name}`, { icon: "back", class: "quiet" }, () => this.go(parent.id)),
      h("h2", {}, icon({ dm: "dm", thread: "thread", forum: "forum" }[channel.kind] ?? "hash"), this.nameOf(channel), parent && h("span", { class: "of" }, `#${parent.name}`)),
      channel.topic && h("span", { class: "topic" }, channel.topic),
      NO_ANSWER[channel.bot] && h("span", { class: "tag" }, NO_ANSWER[channel.bot]),
      channel.locked && h("span", { class: "tag" }, "locked"),
      channel.archived && !channel.locked && h("span", { class: "tag" }, "archived"),
      channel.kind === "text" && button("New thread", { icon: "thread", class: "quiet right" }, () => this.newThread(null)),
    ]);
    this.composer.node.hidden = channel.kind === "forum";
    this.composer.field.placeholder = channel.kind === "dm" ? `Message ${this.nameOf(channel)}` : `Message #${channel.name}`;
    const messages = this.messages(this.at);
    let items = this.items(messages);
    this.log.node.classList.toggle("from-top", channel.kind === "forum");
    if (channel.kind === "forum") items = [this.forum(channel)];
    else if (!items.length) items = [this.welcome(channel)];
    this.log.show(items, { fresh });
  }

  renderLines() {
    const now = Date.now() / 1000;
    const people = one("discord", "people") ?? [];
    const typing = every("discord", "typing").filter((t) => t.channel === this.at && t.until > now && t.user !== viewer.discord).map((t) => people.find((p) => p.id === t.user)?.name ?? "Somebody");
    const waiting = every("discord", "interaction").filter((i) => i.channel === this.at && i.state === "waiting");
    const lines = [away(one("discord", "bot").online)];
    if (waiting.length) lines.push(dots("Sending command…"));
    if (typing.length) lines.push(dots(`${typing.join(", ")} ${typing.length === 1 ? "is" : "are"} typing…`));
    fill(this.lines, ...lines);
  }

  items(messages) {
    const threads = new Map(every("discord", "channel").filter((c) => c.kind === "thread").map((c) => [c.id, c]));
    return grouped(messages, { breaks: (_, m) => Boolean(m.reply_to || m.cause) }).map(({ message, joins }) => {
      const thread = threads.get(message.id);
      const editing = this.editing === message.id;
      return { key: message.id, message, joins, thread: thread?.parent === message.channel ? thread : null, editing, stamp: JSON.stringify([message, joins, thread?.name, editing, viewer.discord]) };
    });
  }

  draw(item) {
    if (item.node) return item.node();
    const { message: m, joins, thread, editing } = item;
    const node = h("article", { class: `message ${joins ? "joins" : ""} ${m.private ? "private" : ""} ${m.failed ? "failed" : ""}`, "aria-label": `${m.author.name}, ${clock(m.at)}`, data: { id: m.id } },
      m.reply_to && this.quoted(m.reply_to),
      m.cause && h("p", { class: "reply-line", title: m.cause.given }, h("span", {}, h("b", {}, m.cause.by), " used ", h("b", {}, this.fromMenu(m.cause) ? m.cause.command : `/${m.cause.command}`), m.cause.given && `  ${m.cause.given}`)),
      joins ? h("time", { class: "gutter", "aria-hidden": "true" }, clock(m.at)) : avatar(m.author),
      h("div", { class: "column" },
        !joins && h("div", { class: "byline" }, h("strong", {}, m.author.name), m.author.bot && h("span", { class: "app" }, "APP"), h("time", {}, clock(m.at))),
        this.body(m, editing),
        thread && h("button", { type: "button", class: "thread-bar", onclick: () => this.go(thread.id) }, icon("thread", 15), h("b", {}, thread.name), h("span", { class: "faint" }, "open the thread")),
        m.private && privateNote()));
    return editing || m.failed ? node : withActions(node, () => this.actions(m));
  }

  fromMenu(cause) {
    return (one("discord", `menu:${this.channel.menu}`) ?? []).some((c) => c.type === MESSAGE_COMMAND && c.name === cause.command);
  }

  body(m, editing) {
    if (m.failed) return h("p", { class: "trouble" }, `The application did not respond to ${m.command}.`);
    if (m.thinking) return dots(`${m.author.name} is thinking…`);
    if (editing) return editor(this.typed(m), (text) => this.save(m, text));
    return [
      h("div", { class: "text" }, markdown(m.content, { discord: true, names: signs(m.names) }), m.edited && !m.author.bot && h("span", { class: "edited" }, "(edited)")),
      m.stickers.length > 0 && h("p", { class: "faint" }, `Sticker: ${m.stickers.join(", ")}`),
      m.forwarded && h("blockquote", { class: "forward" }, h("p", { class: "small" }, "Forwarded"), markdown(m.forwarded.content, { discord: true })),
      pictures(m.attachments),
      m.embeds.map((e) => h("div", { class: "embed" }, h("strong", {}, e.title ?? ""), e.description && h("p", {}, e.description))),
      components(m.components, m, (deed, given) => this.do(deed, given)),
      Object.keys(m.reactions).length > 0 && h("p", { class: "reactions" }, Object.entries(m.reactions).map(([mark, count]) => h("span", {}, mark, h("b", {}, String(count))))),
    ];
  }

  quoted(reply) {
    if (reply.gone) return h("p", { class: "reply-line faint" }, icon("reply", 14), "Original message was deleted");
    const jump = () => {
      const target = this.log.list.querySelector(`[data-id="${CSS.escape(reply.id)}"]`);
      target?.scrollIntoView({ block: "center", behavior: "smooth" });
      target?.focus({ preventScroll: true });
    };
    return h("button", { type: "button", class: "reply-line", onclick: jump }, avatar(reply.author), h("b", {}, reply.author.name), h("span", {}, readable(reply.text) || "Click to see"));
  }

  actions(m) {
    if (m.private || m.thinking) return [];
    const mine = m.author.id === viewer.discord;
    const menu = (one("discord", `menu:${this.channel.menu}`) ?? []).filter((c) => c.type === MESSAGE_COMMAND);
    const threadable = this.channel.kind === "text" && !one("discord", `channel:${m.id}`);
    return [
      action("Reply", "reply", () => this.setReply(m)),
      ...menu.map((c) => action(c.name, "ask", () => this.do("menu", { channel: m.channel, message: m.id, name: c.name }))),
      threadable && action("Create thread", "thread", () => this.newThread(m)),
      mine && action("Edit", "pencil", () => this.edit(m)),
      mine && action("Delete", "bin", () => this.do("delete", { message: m.id })),
    ].filter(Boolean);
  }

  welcome(channel) {
    const dm = channel.kind === "dm";
    const ideas = dm ? ["Hello, what can you do?", "count to 30"] : ["@Switchboard write 300 words about harbours", "@Switchboard what is 12 * 7?"];
    const node = () => h("div", { class: "welcome" }, h("span", { class: "welcome-glyph" }, icon(dm ? "dm" : channel.kind === "thread" ? "thread" : "hash", 26)),
      h("h3", {}, dm ? `You and ${this.nameOf(channel)}` : channel.kind === "thread" ? channel.name : `Welcome to #${channel.name}`),
      h("p", {}, channel.bot === "blind" ? "The bot does not see this channel, so it hears nothing." : channel.bot === "mute" ? "The bot may not write here. It tells who asks by a direct message." : dm ? "Here the bot answers everything, without a mention." : "Mention the bot, or type / for its commands. Choose an example, then press Enter:"),
      !channel.locked && !NO_ANSWER[channel.bot] && h("div", { class: "chips" }, ideas.map((text) => chip(text, () => this.composer.prefill(text))),
        !dm && chip("/ask with a picture", async () => this.startCommand("ask", { prompt: "What is in this picture?", image: await samplePicture() }) || toast("The bot has not registered its commands yet.", "bad"), "clip"),
        !dm && chip("/model set", () => this.startCommand("model set", {}) || toast("The bot has not registered its commands yet.", "bad"))));
    return { key: "welcome", stamp: `${channel.id}${channel.name}`, node };
  }

  forum(channel) {
    const posts = this.threadsOf(channel.id);
    const node = () => h("div", { class: "forum" }, button("New post", { text: true, icon: "plus", class: "primary" }, () => this.newPost(channel)),
      posts.map((p) => h("button", { type: "button", class: "post", onclick: () => this.go(p.id) }, h("strong", {}, p.name), h("span", { class: "faint" }, this.messages(p.id)[0]?.content ?? ""))));
    return { key: "forum", stamp: JSON.stringify(posts), node };
  }

  renderForm() {
    const open = every("discord", "interaction").find((i) => i.state === "modal" && i.modal && !this.dismissed.has(i.id));
    const key = formIs("discord");
    if (!open) return key?.startsWith("own-") ? undefined : key && hideForm(key);
    showForm({
      key: open.id, stamp: open.id, source: { pane: "discord", text: `${one("discord", "bot").name} in Discord` }, title: open.modal.title, submit: "Submit", body: discordFields(open.modal),
      onSubmit: async (values) => (await act("discord", "submit", { interaction: open.id, values })).error,
      onClose: () => this.dismissed.add(open.id),
    });
  }

  // ---- what a person does ------------------------------------------------------------------------------------------------

  go(channel) {
    this.at = channel;
    sessionStorage.setItem("discord-at", channel);
    this.root.classList.remove("side-open");
    this.leaveCommand();
    this.setReply(null);
    this.render();
    this.composer.field.focus();
  }

  setReply(m) {
    this.replyTo = m;
    this.composer.say(m && h("div", { class: "replying" }, icon("reply", 15), h("span", {}, "Replying to ", h("b", {}, m.author.name)),
      h("label", { class: "ping" }, (this.ping = h("input", { type: "checkbox", checked: true })), " mention"), button("Do not reply", { icon: "close", class: "quiet" }, () => this.setReply(null))));
    if (m) this.composer.field.focus();
  }

  async send(text, files) {
    const given = { channel: this.at, text, reply_to: this.replyTo?.id ?? null, ping: this.ping?.checked ?? true };
    const sent = await this.do("post", given, files);
    if (sent) this.setReply(null);
    return sent;
  }

  async do(deed, given, files = []) {
    const { error } = await act("discord", deed, given, files);
    if (error) toast(error, "bad");
    return !error;
  }

  typed(m) {
    return Object.entries(m.names).reduce((text, [mark, name]) => text.replaceAll(mark, name), m.content);
  }

  edit(m) {
    this.editing = m.id;
    this.render();
  }

  save(m, text) {
    this.editing = null;
    this.render();
    if (text && text !== this.typed(m)) this.do("edit", { message: m.id, text });
  }

  newThread(m) {
    const suggestion = m ? this.typed(m).replace(/@\S+\s*/g, "").slice(0, 40) : "";
    ask({ pane: "discord", title: "Create a thread", submit: "Create", fields: [{ name: "name", label: "Name", value: suggestion, required: true, max: 100 }],
      onSubmit: async ({ name }) => this.opened(await act("discord", "thread", { channel: this.at, name, message: m?.id ?? null })) });
  }

  newPost(channel) {
    ask({ pane: "discord", title: `New post in #${channel.name}`, submit: "Post", fields: [{ name: "name", label: "Title", required: true, max: 100 }, { name: "text", label: "Message", required: true, multiline: true }],
      onSubmit: async ({ name, text }) => this.opened(await act("discord", "thread", { channel: channel.id, name, text })) });
  }

  opened({ error, id }) {
    if (!error) this.wanted(id);
    return error;
  }

  // Goes to a channel as soon as the stream has told of it.
  wanted(id) {
    if (one("discord", `channel:${id}`)) this.go(id);
    else setTimeout(() => this.wanted(id), 50);
  }

  // ---- suggestions and commands ----------------------------------------------------------------------------------------------

  commands() {
    return flatten(one("discord", `menu:${this.channel?.menu}`) ?? []);
  }

  offer(box) {
    const word = wordAt(box, "@");
    if (word) {
      const typed = word.text.toLowerCase();
      const items = one("discord", "people").filter((p) => p.name.toLowerCase().startsWith(typed)).sort((a, b) => b.bot - a.bot).slice(0, 8)
        .map((p) => ({ title: p.name, tag: p.bot ? "app" : "", node: avatar(p), pick: () => replaceWord(box, word.from, `@${p.name} `) }));
      return { label: "People", items };
    }
    const text = box.value;
    if (!text.startsWith("/") || text.includes("\n")) return null;
    const typed = text.slice(1).toLowerCase();
    const items = this.commands().filter((c) => c.path.startsWith(typed) || typed.startsWith(`${c.path} `))
      .map((c) => ({ title: `/${c.path}`, note: c.description, tag: c.options.filter((o) => o.required).map((o) => o.name).join(" "), pick: () => this.startCommand(c.path, this.first(c, typed)) }));
    return { label: "Commands", items };
  }

  // What stands behind the command's name goes into its first option.
  first(command, typed) {
    const rest = this.composer.field.value.slice(1 + command.path.length).trim();
    return typed.startsWith(`${command.path} `) && rest && command.options[0] ? { [command.options[0].name]: rest } : {};
  }

  startCommand(path, values) {
    const command = this.commands().find((c) => c.path === path);
    if (!command) return false;
    this.leaveCommand();
    const carried = this.composer.files[0];
    this.composer.prefill("");
    this.builder = new Builder(command, { channel: this.at, done: () => {
      this.leaveCommand();
      this.composer.field.focus();
    } });
    this.composer.extra.replaceChildren(this.builder.node);
    this.composer.extra.hidden = false;
    this.composer.node.classList.add("commanding");
    this.builder.fill(values);
    if (carried) this.builder.take(carried);
    this.builder.focus();
    return true;
  }

  leaveCommand() {
    this.builder = null;
    this.composer.extra.hidden = true;
    this.composer.extra.replaceChildren();
    this.composer.node.classList.remove("commanding");
  }
}

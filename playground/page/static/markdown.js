// Markdown becomes nodes made from text nodes: what a model wrote can never become markup.
//
// `how` says which platform draws it: { names, entities, tables, discord, mention }.

import { button, h } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const SMALL = /^-# +(.*)$/;

export function markdown(text, how = {}) {
  const root = document.createDocumentFragment();
  blocks(text.replace(/\r\n?/g, "\n").split("\n"), root, how);
  return root;
}

function blocks(lines, parent, how) {
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) {
      at += 1;
    } else if (FENCE.test(line)) {
      at = fence(lines, at, parent, how);
    } else if (HEADING.test(line) && !(how.discord && /^#{4}/.test(line))) {
      const [, marks, title] = HEADING.exec(line);
      parent.append(h("p", { class: `heading level-${marks.length}`, role: "heading", "aria-level": String(Math.min(6, marks.length + 3)) }, inline(title, how)));
      at += 1;
    } else if (how.discord && SMALL.test(line)) {
      parent.append(h("p", { class: "small" }, inline(SMALL.exec(line)[1], how)));
      at += 1;
    } else if (!how.discord && RULE.test(line)) {
      parent.append(h("hr"));
      at += 1;
    } else if (quotes(line, how)) {
      at = quote(lines, at, parent, how);
    } else if (how.tables && line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) {
      at = table(lines, at, parent, how);
    } else if (ITEM.test(line)) {
      at = list(lines, at, parent, how);
    } else {
      at = paragraph(lines, at, parent, how);
    }
  }
}

function fence(lines, start, parent, how) {
  const [, marks, label] = FENCE.exec(lines[start]);
  const closing = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}\\s*$`);
  let end = start + 1;
  while (end < lines.length && !closing.test(lines[end])) end += 1;
  parent.append(codeBlock(leaf(lines.slice(start + 1, end).join("\n"), how, true), label.trim()));
  return end + 1;
}

export function codeBlock(text, label = "") {
  const copy = button("Copy the code", { icon: "copy", class: "copy" }, async () => {
    await navigator.clipboard.writeText(text);
    copy.replaceChildren("Copied");
  });
  return h("div", { class: "fence" }, label && h("span", { class: "language" }, label), copy, h("pre", { tabindex: "0" }, h("code", {}, text)));
}

function quotes(line, how) {
  return how.discord ? /^>(>> )? /.test(line) || line === ">" : /^ {0,3}>/.test(line);
}

function quote(lines, start, parent, how) {
  const inside = [];
  let at = start;
  while (at < lines.length && quotes(lines[at], how)) {
    inside.push(lines[at].replace(how.discord ? /^>(>>)? ?/ : /^ {0,3}> ?/, ""));
    at += 1;
  }
  const node = h("blockquote");
  blocks(inside, node, how);
  parent.append(node);
  return at;
}

function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return row.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table(lines, start, parent, how) {
  const head = cells(lines[start]);
  const sides = cells(lines[start + 1]).map((c) => (/^:-+:$/.test(c) ? "middle" : /-:$/.test(c) ? "right" : ""));
  const body = [];
  let at = start + 2;
  while (at < lines.length && lines[at].includes("|") && lines[at].trim()) body.push(cells(lines[at++]));
  const row = (list, tag) => h("tr", {}, head.map((_, n) => h(tag, { class: sides[n] || null, scope: tag === "th" ? "col" : null }, inline(list[n] ?? "", how))));
  parent.append(h("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, body.map((r) => row(r, "td"))))));
  return at;
}

function list(lines, start, parent, how) {
  const [, indent, mark] = ITEM.exec(lines[start]);
  const ordered = /\d/.test(mark);
  const node = h(ordered ? "ol" : "ul", { start: ordered && Number.parseInt(mark) !== 1 ? String(Number.parseInt(mark)) : null });
  let at = start;
  while (at < lines.length) {
    const item = ITEM.exec(lines[at]);
    if (!item || item[1].length > indent.length + 1 || item[1].length < indent.length || /\d/.test(item[2]) !== ordered) break;
    const width = item[0].length - item[3].length;
    const inside = [item[3]];
    at += 1;
    while (at < lines.length && belongs(lines, at, indent.length, width)) {
      inside.push(lines[at].replace(new RegExp(`^\\s{0,${width}}`), ""));
      at += 1;
    }
    while (inside.length && !inside.at(-1).trim()) inside.pop();
    const li = h("li");
    blocks(inside, li, how);
    node.append(li);
    while (at < lines.length && !lines[at].trim() && ITEM.test(lines[at + 1] ?? "")) at += 1;
  }
  parent.append(node);
  return at;
}

// Whether a line goes on with the list item above it: it is indented, or blank before one that is.
function belongs(lines, at, indent, width) {
  const line = lines[at];
  const depth = line.length - line.trimStart().length;
  if (!line.trim()) {
    const next = lines[at + 1] ?? "";
    return Boolean(next.trim()) && next.length - next.trimStart().length >= Math.min(width, indent + 2);
  }
  return depth >= Math.min(width, indent + 2);
}

function starts(line, how) {
  return FENCE.test(line) || HEADING.test(line) || ITEM.test(line) || quotes(line, how) || (how.discord && SMALL.test(line));
}

function paragraph(lines, start, parent, how) {
  let at = start + 1;
  while (at < lines.length && lines[at].trim() && !starts(lines[at], how)) at += 1;
  parent.append(h("p", {}, inline(lines.slice(start, at).join("\n"), how)));
  return at;
}

// ---- within a line ---------------------------------------------------------------------------------------------------

const PIECES = [
  ["escape", /\\([\\`*_{}[\]()#+\-.!|~<>@:&])/],
  ["code", /(?<ticks>`+)(?<inner>[\s\S]*?[^`])\k<ticks>(?!`)/],
  ["live", /<(?<sign>@!|@&|@|#|!)(?<id>[A-Za-z0-9^]+)(?:\|(?<shown>[^>\n]*))?>/],
  ["auto", /<(?<address>https?:\/\/[^\s<>|]+)(?:\|(?<caption>[^>\n]*))?>/],
  ["link", /!?\[(?<label>(?:\\.|[^[\]\\]|\[[^[\]]*\])*)\]\(\s*<?(?<target>[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)/],
  ["bare", /https?:\/\/[^\s<>]*[^\s<>.,;:!?'")\]*_~|]/],
  ["bold", /\*\*(?=\S)(?<strong>[\s\S]*?[^\s])\*\*(?!\*)/],
  ["under", /__(?=\S)(?<low>[\s\S]*?[^\s])__(?!_)/],
  ["strike", /~~(?=\S)(?<gone>[\s\S]*?[^\s])~~/],
  ["spoiler", /\|\|(?<hidden>[\s\S]+?)\|\|/],
  ["star", /\*(?=[^\s*])(?<leaning>(?:[^*\n]|\*\*[^*\n]+\*\*)*?[^\s*])\*(?!\*)/],
  ["score", /(?<![\p{L}\p{N}_])_(?=[^\s_])(?<slanted>[^\n]*?[^\s_])_(?![\p{L}\p{N}_])/u],
];
const ANY = new RegExp(PIECES.map(([name, piece]) => `(?<${name}>${piece.source})`).join("|"), "gu");

export function inline(text, how) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(ANY)) {
    const node = piece(match.groups, match[0], how);
    if (node === null) continue;
    if (match.index > end) nodes.push(leaf(text.slice(end, match.index), how));
    nodes.push(node);
    end = match.index + match[0].length;
  }
  if (end < text.length) nodes.push(leaf(text.slice(end), how));
  return nodes;
}

function piece(g, whole, how) {
  if (g.escape) return leaf(whole.slice(1), how);
  if (g.code) return h("code", {}, leaf(g.inner.replace(/^ (.*\S.*) $/s, "$1"), how, true));
  if (g.live) return mention(g, whole, how);
  if (g.auto) return anchor(g.address, g.caption || g.address, how);
  if (g.link) return anchor(g.target, g.label || g.target, how, true);
  if (g.bare) return anchor(whole, whole, how);
  if (g.bold) return h("strong", {}, inline(g.strong, how));
  if (g.under) return h(how.discord ? "u" : "strong", {}, inline(g.low, how));
  if (g.strike) return h("s", {}, inline(g.gone, how));
  if (g.spoiler) return how.discord ? spoiler(g.hidden, how) : null;
  if (g.star) return h("em", {}, inline(g.leaning, how));
  return h("em", {}, inline(g.slanted, how));
}

function spoiler(text, how) {
  const node = h("button", { type: "button", class: "spoiler", "aria-label": "Spoiler, press to show" }, inline(text, how));
  node.addEventListener("click", () => node.classList.add("open"));
  return node;
}

// A mention that would act is drawn as one, so that a text which should have been inert shows.
export function mention(g, whole, how) {
  const shown = how.names?.[`${g.sign === "@!" ? "@" : g.sign}${g.id}`] ?? (g.shown || (g.sign === "!" ? `@${g.id.split("^")[0]}` : `${g.sign[0]}${g.id}`));
  return h("span", { class: "mention", title: whole }, leaf(shown, how));
}

// A link is followed only by a click, opens elsewhere, and says where it leads.
export function anchor(target, label, how, rich = false) {
  const address = leaf(target, how);
  const shown = rich ? inline(label, { ...how, noLinks: true }) : [leaf(label, how)];
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return h("span", { class: "no-link" }, ...shown, address && ` (${address})`);
  return h("a", { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...shown);
}

// Plain text at the end of every branch. Slack's text carries entities; word joiners are never shown.
export function leaf(text, how, verbatim = false) {
  let plain = text.replaceAll("\u2060", "");
  if (how.entities && !verbatim) plain = plain.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return plain;
}

// Slack's own markup (what people type, and `mrkdwn` texts of blocks) becomes nodes made from text nodes.

import { h } from "./dom.js";
import { anchor, codeBlock, mention } from "./markdown.js";

const PIECES = new RegExp(
  [
    /```\n?(?<fence>[\s\S]+?)```/,
    /`(?<code>[^`\n]+)`/,
    /<(?<live>(?<sign>@|#|!)(?<id>[A-Za-z0-9^-]+)(?:\|(?<shown>[^>\n]*))?)>/,
    /<(?<address>(?:https?:\/\/|mailto:)[^\s<>|]+)(?:\|(?<caption>[^>\n]*))?>/,
    /(?<![\p{L}\p{N}*])\*(?=\S)(?<bold>[^*\n]*?[^\s*])\*(?![\p{L}\p{N}*])/u,
    /(?<![\p{L}\p{N}_])_(?=\S)(?<italic>[^_\n]*?[^\s_])_(?![\p{L}\p{N}_])/u,
    /(?<![\p{L}\p{N}~])~(?=\S)(?<strike>[^~\n]*?[^\s~])~(?![\p{L}\p{N}~])/u,
    /:(?<emoji>[a-z0-9_+-]+):/,
  ].map((piece) => piece.source).join("|"),
  "gu",
);

export const EMOJI = {
  eyes: "👀", warning: "⚠️", white_check_mark: "✅", hourglass_flowing_sand: "⏳", x: "❌", wave: "👋", tada: "🎉", lock: "🔒",
  unlock: "🔓", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", robot_face: "🤖", sparkles: "✨", no_entry: "⛔",
  bulb: "💡", frame_with_picture: "🖼️", speech_balloon: "💬", information_source: "ℹ️", arrows_counterclockwise: "🔄",
};

export function mrkdwn(text, how = {}) {
  const root = document.createDocumentFragment();
  let quoted = [];
  const flush = () => {
    if (quoted.length) root.append(h("blockquote", {}, inline(quoted.join("\n"), how)));
    quoted = [];
  };
  let plain = [];
  const speak = () => {
    if (plain.length && plain.join("").trim()) root.append(h("p", {}, inline(plain.join("\n").replace(/^\n+|\n+$/g, ""), how)));
    plain = [];
  };
  let fenced = false;
  for (const line of text.split("\n")) {
    if (!fenced && /^&gt; ?/.test(line)) {
      speak();
      quoted.push(line.replace(/^&gt; ?/, ""));
      continue;
    }
    flush();
    plain.push(line);
    if ((line.match(/```/g) ?? []).length % 2) fenced = !fenced;
  }
  flush();
  speak();
  return root;
}

function inline(text, how) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(PIECES)) {
    const node = piece(match.groups, match[0], how);
    if (node === null) continue;
    if (match.index > end) nodes.push(decode(text.slice(end, match.index)));
    nodes.push(node);
    end = match.index + match[0].length;
  }
  if (end < text.length) nodes.push(decode(text.slice(end)));
  return nodes;
}

function piece(g, whole, how) {
  if (g.fence) return codeBlock(decode(g.fence.replace(/\n$/, "")));
  if (g.code) return h("code", {}, decode(g.code));
  if (g.live) return mention(g, whole, { ...how, entities: true });
  if (g.address) return anchor(g.address, g.caption || g.address, { entities: true });
  if (g.bold) return h("strong", {}, inline(g.bold, how));
  if (g.italic) return h("em", {}, inline(g.italic, how));
  if (g.strike) return h("s", {}, inline(g.strike, how));
  return EMOJI[g.emoji] ?? null;
}

export function decode(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&").replaceAll("\u2060", "");
}

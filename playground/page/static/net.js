// The page's two lines to its server: one stream of state, one door for deeds.

export const state = { page: new Map(), slack: new Map(), discord: new Map() };
const listeners = { page: [], slack: [], discord: [] };
export const viewer = { slack: "", discord: "" };
let source = null;

export function onChange(pane, listener) {
  listeners[pane].push(listener);
  return () => (listeners[pane] = listeners[pane].filter((known) => known !== listener));
}

// Entities of one kind, e.g. every("slack", "channel"): keys are "kind:id".
export function every(pane, kind) {
  const found = [];
  for (const [key, value] of state[pane]) if (key.startsWith(kind + ":")) found.push(value);
  return found;
}

export function one(pane, key) {
  return state[pane].get(key);
}

export async function connect() {
  const people = await (await fetch("/people")).json();
  for (const pane of ["slack", "discord"]) {
    const wanted = sessionStorage.getItem(`viewer-${pane}`);
    const known = people[pane] ?? [];
    viewer[pane] = known.some((p) => p.id === wanted) ? wanted : (known[0]?.id ?? "");
  }
  listen();
  return people;
}

function listen() {
  source?.close();
  source = new EventSource(`/events?${new URLSearchParams(viewer)}`);
  source.onopen = () => told(true);
  source.onerror = () => told(false);
  source.onmessage = (event) => take(JSON.parse(event.data));
}

function told(online) {
  document.body.classList.toggle("offline", !online);
  document.getElementById("gone").hidden = online;
}

function take({ pane, reset, gone, set }) {
  const map = state[pane];
  if (reset) map.clear();
  for (const key of gone) map.delete(key);
  for (const [key, value] of Object.entries(set)) map.set(key, value);
  const changed = { reset, keys: new Set([...gone, ...Object.keys(set)]) };
  for (const listener of listeners[pane]) listener(changed);
}

export function actAs(pane, id) {
  viewer[pane] = id;
  sessionStorage.setItem(`viewer-${pane}`, id);
  listen();
}

// Does something; the answer's `error` is a sentence for the person.
export async function act(pane, deed, given = {}, files = []) {
  const body = JSON.stringify({ as: viewer[pane] ?? "", ...given });
  let request = { method: "POST", body, headers: { "Content-Type": "application/json" } };
  if (files.length) {
    const form = new FormData();
    form.append("given", body);
    for (const file of files) form.append("file", file, file.name);
    request = { method: "POST", body: form };
  }
  try {
    const response = await fetch(`/do/${pane}/${deed}`, request);
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return { error: text || `The page's server answered ${response.status}.` };
    }
  } catch {
    return { error: "The playground does not answer. Is it still running?" };
  }
}

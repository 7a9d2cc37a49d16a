// The preview page: the portrait, the loop's numbers, and the two clicks that change the source.

import { stream } from "./stream.js";

const STATUS_MS = 1000;
const WINDOW = 60; // pictures over which age and rate are taken

const element = (id) => document.getElementById(id);
const shown = []; // {atMs, ageMs} of the last pictures

let notice = ""; // what a click brought; the loop's own notice stands behind it

stream(element("portrait"), {
  onPicture(picture) {
    // Browser and server share this machine's wall clock.
    shown.push({ atMs: performance.now(), ageMs: Date.now() - picture.capturedMs });
    if (shown.length > WINDOW) shown.shift();
  },
  onConnection(isConnected) {
    shown.length = 0;
    document.body.dataset.connection = isConnected ? "live" : "lost";
    element("connection").textContent = isConnected ? "live" : "not connected";
  },
});

function say(id, text) {
  element(id).textContent = text;
}

function showNotice(text) {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
}

function showShown() {
  if (shown.length < 2) {
    say("fps", "–");
    say("age", "–");
    return;
  }
  const spanMs = shown.at(-1).atMs - shown[0].atMs;
  const ages = shown.map((picture) => picture.ageMs).sort((a, b) => a - b);
  say("fps", ((1000 * (shown.length - 1)) / spanMs).toFixed(1));
  say("age", ages[ages.length >> 1].toFixed(0));
}

function row(name, took) {
  const line = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  line.append(head);
  for (const value of [took.p50, took.p95, took.p99]) {
    line.insertCell().textContent = value.toFixed(1);
  }
  return line;
}

function fact(name, content) {
  const line = document.createElement("div");
  const term = document.createElement("dt");
  const detail = document.createElement("dd");
  term.textContent = name;
  detail.append(content);
  line.append(term, detail);
  return line;
}

function link(address) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.textContent = address;
  return anchor;
}

function showStatus(status) {
  say("source", status.source);
  const percent = (100 * status.tracked_fraction).toFixed(0);
  say("tracked", `${status.is_tracked ? "face seen" : "no face"}, ${percent} % of the time`);
  say("dropped", String(status.dropped));
  say("character", status.character);
  say("picture", `${status.size} × ${status.size}, ${status.steps} ${status.steps === 1 ? "step" : "steps"}`);
  say("runtime", status.runtime);
  const share = (part) => `${(100 * part).toFixed(0)} %`;
  say("spared", `${share(status.cached_share)} drawn before, ${share(status.still_share)} held still`);
  showBudget(status.budget);
  const rows = status.stages.map((stage) => row(stage.name, stage.took_ms));
  if (status.latency) rows.unshift(row("all", status.latency));
  element("latency").replaceChildren(...rows);
  element("endpoints").replaceChildren(
    ...status.endpoints.map((endpoint) => fact(endpoint.name, endpoint.address)),
    fact("OBS browser source", link(new URL("/clean", location).href)),
  );
  showNotice(notice || status.notice);
}

function showBudget(budget) {
  element("budget-row").hidden = budget === null;
  if (budget) say("budget", `${budget.ms} ms, ${budget.is_held ? "held" : "not held"} by ${budget.gear}`);
}

async function refresh() {
  showShown();
  try {
    const status = await (await fetch("/status")).json();
    if (status) showStatus(status);
  } catch {
    // The picture's connection already says that nobody is there.
  }
}

async function useSource(source) {
  const buttons = [element("camera"), element("demo")];
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await fetch("/source", { method: "POST", body: JSON.stringify({ source }) });
    notice = answer.ok || answer.status < 500 ? (await answer.json()).error : `Omote answered ${answer.status}.`;
  } catch {
    notice = "Omote does not answer.";
  }
  showNotice(notice);
  buttons.forEach((button) => (button.disabled = false));
}

element("camera").addEventListener("click", () => useSource("webcam"));
element("demo").addEventListener("click", () => useSource("demo"));
setInterval(refresh, STATUS_MS);
refresh();

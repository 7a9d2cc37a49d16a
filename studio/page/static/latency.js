// Latency as a graph, in numbers and by stage, and the share of pictures that were not drawn.

import { element, make, say } from "./elements.js";
import { drawGraph, remember } from "./graph.js";
import { on } from "./state.js";
import { readStored, store } from "./storage.js";
import { named, number, percent, t } from "./text.js";

const COLOURS = ["capture", "track", "wait", "pose", "draw", "send"]; // their colours; other stages share the last one
const rounded = (ms) => number(ms, ms < 9.95 ? 1 : 0);
let last = null;

const colour = ({ name }) => `stage-${COLOURS.includes(name) ? COLOURS.indexOf(name) : COLOURS.length}`;

function showStages(stages) {
  const total = stages.reduce((sum, stage) => sum + stage.took_ms.p50, 0) || 1;
  const parts = stages.map((stage) => {
    const part = make("i", { class: colour(stage), title: `${named("timing", stage.name)} ${rounded(stage.took_ms.p50)} ms` });
    part.style.flexGrow = stage.took_ms.p50 / total;
    return part;
  });
  element("stage-bar").replaceChildren(...parts);
  const rows = stages.map((stage) =>
    make(
      "li",
      {},
      make("i", { class: colour(stage), "aria-hidden": "true" }),
      make("span", { text: named("timing", stage.name) }),
      make("b", { text: rounded(stage.took_ms.p50) }),
      make("small", { text: `p99 ${rounded(stage.took_ms.p99)} ms` }),
    ),
  );
  element("stages").replaceChildren(...rows);
}

/** A word, and what to do; the measurements are one click away. */
function showHealth({ health, latency, fps }) {
  const numbers = latency ? ` · ${number(latency.p50)} ms · ${number(fps)} fps` : "";
  element("verdict").dataset.verdict = health.verdict;
  say("verdict", `${named("verdict", health.verdict)}${numbers}`);
  say("advice", health.advice);
  element("advice").hidden = !health.advice;
}

function show(status) {
  const { latency, budget } = status;
  last = status;
  showHealth(status);
  remember(latency ? { p50: latency.p50, p99: latency.p99 } : null);
  say("p50", latency ? rounded(latency.p50) : "–");
  say("p99", latency ? rounded(latency.p99) : "–");
  say("fps", number(status.fps, 1));
  say("dropped", number(status.dropped));
  const anew = Math.max(1 - status.cached_share - status.still_share, 0);
  say("shares", t("stream.shares", { drawn: percent(anew), cached: percent(status.cached_share), still: percent(status.still_share) }));
  const steps = t("stream.steps", { count: status.steps });
  say("drawn-as", `${status.size} × ${status.size}, ${steps}, ${status.runtime}`);
  element("budget-row").hidden = !budget;
  if (budget) say("budget", budget.is_held ? t("stream.held", { ms: budget.ms, level: budget.gear }) : t("stream.not_held", { ms: budget.ms, level: budget.gear }));
  showStages(status.stages);
  paint();
}

function paint() {
  const graph = element("graph");
  drawGraph(graph, last?.budget?.ms);
  const said = last?.latency;
  graph.setAttribute("aria-label", said ? t("stream.graph_now", { p50: rounded(said.p50), p99: rounded(said.p99) }) : t("stream.graph_empty"));
}

export function startLatency() {
  const measurements = element("measurements");
  measurements.open = readStored("measurements", "") === "open";
  measurements.addEventListener("toggle", () => store("measurements", measurements.open ? "open" : ""));
  on("status", show);
  on("connection", ({ isConnected }) => !isConnected && remember(null));
  new ResizeObserver(paint).observe(element("graph"));
}

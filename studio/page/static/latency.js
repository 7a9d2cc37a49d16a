// Latency as a graph, in numbers and by stage, and the share of pictures that were not drawn.

import { element, make, say } from "./elements.js";
import { drawGraph, remember } from "./graph.js";
import { on } from "./state.js";
import { readStored, store } from "./storage.js";

const VERDICTS = { starting: "Starting", good: "Good", late: "Late", overloaded: "Overloaded" };
const COLOURS = ["capture", "track", "wait", "pose", "draw", "send"]; // their colours; other stages share the last one
const percent = (part) => `${Math.round(100 * part)} %`;
const rounded = (ms) => (ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0));
let last = null;

const colour = ({ name }) => `stage-${COLOURS.includes(name) ? COLOURS.indexOf(name) : COLOURS.length}`;

function showStages(stages) {
  const total = stages.reduce((sum, stage) => sum + stage.took_ms.p50, 0) || 1;
  const parts = stages.map((stage) => {
    const part = make("i", { class: colour(stage), title: `${stage.name} ${rounded(stage.took_ms.p50)} ms` });
    part.style.flexGrow = stage.took_ms.p50 / total;
    return part;
  });
  element("stage-bar").replaceChildren(...parts);
  const rows = stages.map((stage) =>
    make(
      "li",
      {},
      make("i", { class: colour(stage), "aria-hidden": "true" }),
      make("span", { text: stage.name }),
      make("b", { text: rounded(stage.took_ms.p50) }),
      make("small", { text: `p99 ${rounded(stage.took_ms.p99)} ms` }),
    ),
  );
  element("stages").replaceChildren(...rows);
}

/** A word, and what to do; the measurements are one click away. */
function showHealth({ health, latency, fps }) {
  const numbers = latency ? ` · ${latency.p50.toFixed(0)} ms · ${fps.toFixed(0)} fps` : "";
  element("verdict").dataset.verdict = health.verdict;
  say("verdict", `${VERDICTS[health.verdict]}${numbers}`);
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
  say("fps", status.fps.toFixed(1));
  say("dropped", status.dropped.toLocaleString("en"));
  const anew = Math.max(1 - status.cached_share - status.still_share, 0);
  say("shares", `${percent(anew)} drawn, ${percent(status.cached_share)} cached, ${percent(status.still_share)} without motion`);
  const steps = `${status.steps} ${status.steps === 1 ? "step" : "steps"}`;
  say("drawn-as", `${status.size} × ${status.size}, ${steps}, ${status.runtime}`);
  element("budget-row").hidden = !budget;
  if (budget) say("budget", `${budget.ms} ms, ${budget.is_held ? "held" : "not held"} by ${budget.gear}`);
  showStages(status.stages);
  paint();
}

function paint() {
  const graph = element("graph");
  drawGraph(graph, last?.budget?.ms);
  const said = last?.latency;
  graph.setAttribute("aria-label", said ? `Latency now: p50 ${rounded(said.p50)} ms, p99 ${rounded(said.p99)} ms` : "Latency: no values yet");
}

export function startLatency() {
  const measurements = element("measurements");
  measurements.open = readStored("measurements", "") === "open";
  measurements.addEventListener("toggle", () => store("measurements", measurements.open ? "open" : ""));
  on("status", show);
  on("connection", ({ isConnected }) => !isConnected && remember(null));
  new ResizeObserver(paint).observe(element("graph"));
}

// The tuning: strength and smoothing by region, head, hair, mirror, and idle motion.

import { post } from "./api.js";
import { element, make, words } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { current, on, onPart } from "./state.js";
import { slider } from "./slider.js";

const SWITCHES = [
  ["blinks", "Blink while idle", "while no face is seen"],
  ["breathes", "Breathe while idle", "while no face is seen"],
];

const LIVELY = [
  ["breath", "Breath", "the head rises and falls", 3],
  ["sway", "Sway", "the head is never quite still", 3],
  ["glances", "Glances", "small jumps of the eyes", 3],
  ["blink_help", "Blink help", "closes lids that are read as half closed, and blinks if no blink is read", 1],
];

const tune = (change) => post("/api/tuning", change);
const percent = (value) => `${Math.round(100 * value)} %`;
const shows = []; // each sets one control to the server's value

function regionRow(region, state) {
  const isHead = !state.regions.includes(region); // its strength is how far it turns
  const delay = make("span", { class: "delay" });
  const strength = (value) => tune(isHead ? { [region]: value } : { gain: { [region]: value } });
  const scale = { max: state.most, step: 0.05, usual: 1 };
  const gain = slider({ ...scale, label: `${words(region)}: strength`, format: percent, send: strength });
  const smoothing = slider({
    ...scale,
    label: `${words(region)}: smoothing`,
    format: (value) => `× ${value.toFixed(2)}`,
    send: (value) => tune({ smoothing: { [region]: value } }),
  });
  shows.push(({ tuning, delays_ms }) => {
    gain.show(isHead ? tuning[region] : tuning.gain[region]);
    smoothing.show(tuning.smoothing[region]);
    const costs = delays_ms[region] ?? 0;
    delay.textContent = costs < 0.5 ? "no delay" : `+ ${costs.toFixed(0)} ms`;
    delay.classList.toggle("is-much", costs > 35); // lips and sound visibly differ
  });
  return make(
    "div",
    { class: "region" },
    make("strong", { text: words(region) }),
    gain.box,
    smoothing.box,
    delay,
  );
}

function hairRow(state) {
  const swing = slider({
    label: "Hair: strength",
    max: state.most,
    step: 0.05,
    usual: 1,
    format: percent,
    send: (value) => tune({ hair: value }),
  });
  shows.push(({ tuning }) => swing.show(tuning.hair));
  const none = make("span", { class: "delay", text: "no delay" });
  return make("div", { class: "region" }, make("strong", { text: "Hair" }), swing.box, make("span"), none);
}

/** Motion that no tracker saw; at 0 there is none. */
function livelyRow([name, label, note, max]) {
  const one = slider({ label, max, step: 0.05, usual: 0, format: percent, send: (value) => tune({ [name]: value }) });
  shows.push(({ tuning }) => one.show(tuning[name]));
  return make("div", { class: "lively" }, make("strong", { text: label }), one.box, make("small", { text: note }));
}

function heading() {
  const cells = ["", "Strength", "Smoothing", "costs"].map((text) => make("span", { class: "label", text }));
  return make("div", { class: "region heading", "aria-hidden": "true" }, ...cells);
}

function switchOf([name, label, note]) {
  const input = make("input", { type: "checkbox", role: "switch" });
  input.addEventListener("change", () => attempt(() => tune({ [name]: input.checked }), name));
  shows.push(({ tuning }) => (input.checked = tuning[name]));
  return make("label", { class: "switch" }, input, make("span", { text: label }), make("small", { text: note }));
}

function build(state) {
  shows.length = 0;
  const rows = [...state.smoothed.map((region) => regionRow(region, state)), hairRow(state)];
  element("regions").replaceChildren(heading(), ...rows);
  element("lively").replaceChildren(...LIVELY.map(livelyRow));
  element("whole").replaceChildren(...SWITCHES.map(switchOf));
}

async function reset() {
  const before = current()?.tuning;
  if (!(await attempt(() => post("/api/tuning/reset"), "tuning"))) return;
  const undo = () => attempt(() => tune(before), "tuning");
  notice("All of the movement is as at first.", { key: "tuning", kind: "news", offer: ["Undo", undo] });
}

export function startTuning() {
  onPart((state) => [state.regions, state.smoothed, state.most], (_, state) => build(state));
  on("state", (state) => shows.forEach((show) => show(state)));
  element("reset-tuning").addEventListener("click", reset);
  const mirror = element("mirror");
  mirror.addEventListener("click", () => attempt(() => tune({ mirror: !current().tuning.mirror }), "mirror"));
  onPart((state) => state.tuning.mirror, (isMirrored) => {
    mirror.setAttribute("aria-pressed", String(isMirrored));
    document.body.toggleAttribute("data-is-mirrored", isMirrored); // the camera's view moves as the portrait does
  });
}

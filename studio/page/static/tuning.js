// The tuning: strength and smoothing by region, head, hair, mirror, and idle motion.

import { post } from "./api.js";
import { element, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { current, on, onPart } from "./state.js";
import { slider } from "./slider.js";
import { named, number, percent, t } from "./text.js";

const SWITCHES = [
  ["blinks", t("movement.blinks"), t("movement.idle_note")],
  ["breathes", t("movement.breathes"), t("movement.idle_note")],
];

const LIVELY = [
  ["breath", t("movement.breath"), t("movement.breath_note"), 3],
  ["sway", t("movement.sway"), t("movement.sway_note"), 3],
  ["glances", t("movement.glances"), t("movement.glances_note"), 3],
  ["blink_help", t("movement.blink_help"), t("movement.blink_help_note"), 1],
];

const tune = (change) => post("/api/tuning", change);
const shows = []; // each sets one control to the server's value

function regionRow(region, state) {
  const isHead = !state.regions.includes(region); // its strength is how far it turns
  const delay = make("span", { class: "delay" });
  const strength = (value) => tune(isHead ? { [region]: value } : { gain: { [region]: value } });
  const scale = { max: state.most, step: 0.05, usual: 1 };
  const gain = slider({ ...scale, label: t("movement.strength_of", { name: named("region", region) }), format: percent, send: strength });
  const smoothing = slider({
    ...scale,
    label: t("movement.smoothing_of", { name: named("region", region) }),
    format: (value) => `× ${number(value, 2)}`,
    send: (value) => tune({ smoothing: { [region]: value } }),
  });
  gain.box.dataset.column = t("movement.strength");
  smoothing.box.dataset.column = t("movement.smoothing");
  shows.push(({ tuning, delays_ms }) => {
    gain.show(isHead ? tuning[region] : tuning.gain[region]);
    smoothing.show(tuning.smoothing[region]);
    const costs = delays_ms[region] ?? 0;
    delay.textContent = costs < 0.5 ? t("movement.no_delay") : `+ ${number(costs)} ms`;
    delay.classList.toggle("is-much", costs > 35); // lips and sound visibly differ
  });
  return make(
    "div",
    { class: "region" },
    make("strong", { text: named("region", region) }),
    gain.box,
    smoothing.box,
    delay,
  );
}

function hairRow(state) {
  const swing = slider({
    label: t("movement.strength_of", { name: t("region.hair") }),
    max: state.most,
    step: 0.05,
    usual: 1,
    format: percent,
    send: (value) => tune({ hair: value }),
  });
  swing.box.dataset.column = t("movement.strength");
  shows.push(({ tuning }) => swing.show(tuning.hair));
  const none = make("span", { class: "delay", text: t("movement.no_delay") });
  return make("div", { class: "region" }, make("strong", { text: t("region.hair") }), swing.box, make("span"), none);
}

/** Motion that no tracker saw; at 0 there is none. */
function livelyRow([name, label, note, max]) {
  const one = slider({ label, max, step: 0.05, usual: 0, format: percent, send: (value) => tune({ [name]: value }) });
  shows.push(({ tuning }) => one.show(tuning[name]));
  return make("div", { class: "lively" }, make("strong", { text: label }), one.box, make("small", { text: note }));
}

function heading() {
  const cells = ["", t("movement.strength"), t("movement.smoothing"), t("movement.costs")].map((text) => make("span", { class: "label", text }));
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
  notice(t("movement.was_reset"), { key: "tuning", kind: "news", offer: [t("button.undo"), undo] });
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

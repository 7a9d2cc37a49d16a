// The light on the face: the studio's, a preset, by hand, or from a game.

import { newest, post } from "./api.js";
import { ballOn, where } from "./ball.js";
import { button, choice, element, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { current, onPart } from "./state.js";
import { slider } from "./slider.js";
import { named, number, percent, t } from "./text.js";

const MODES = [
  ["studio", t("light.studio")],
  ["preset", t("light.preset")],
  ["ball", t("light.by_hand")],
  ["game", t("light.game")],
  ["screen", t("light.screen")],
  ["picture", t("light.picture")],
];
const SLIDERS = [
  { name: "strength", label: t("light.strength"), max: 3, usual: 1, format: (value) => number(value, 2) },
  { name: "warmth", label: t("light.warmth"), min: -1, usual: 0.1, format: (value) => `${value > 0 ? "+" : ""}${number(value, 2)}` },
  { name: "ambient", label: t("light.ambient"), usual: 0.5, format: percent },
];
const STILL_MS = 600; // after the last touch

const send = newest((wanted) => attempt(() => post("/api/light", wanted), "light"));
let hand = { direction: [0, 0, 1], strength: 1, warmth: 0.1, ambient: 0.5 };
let touched = -Infinity;
let waiting = 0;
let ball = null;

/** Moving the ball or its sliders selects light by hand. */
function byHand(change) {
  const { mode } = current().light;
  if (["screen", "picture"].includes(mode) && !("direction" in change) && Object.keys(change).length) return send(change);
  touched = performance.now();
  hand = { ...hand, ...change };
  ball.show(hand);
  say("ball-says", where(hand.direction));
  return send({ mode: "ball", ...hand });
}

function useMode(mode) {
  const { presets, light } = current();
  if (mode === "ball") return byHand({});
  if (mode === "picture") return send({ mode });
  return send(mode === "preset" ? { mode, preset: light.preset || presets[0]?.name } : { mode });
}

function note({ mode, game_seen }) {
  if (mode === "screen") return t("light.screen_note");
  if (mode === "picture") return t("light.picture_note");
  if (mode === "game") {
    return game_seen ? t("light.game_note") : t("light.waiting_note");
  }
  return game_seen ? t("light.unused_note") : "";
}

function buildModes() {
  const radios = MODES.map(([mode, label]) => {
    const input = make("input", { type: "radio", name: "light-mode", value: mode, on: { change: () => useMode(mode) } });
    return make("label", {}, input, make("span", { text: label }));
  });
  element("light-modes").replaceChildren(...radios);
}

function showPicture({ mode, picture }) {
  const { pictures, scene } = current();
  const box = element("light-picture");
  box.hidden = mode !== "picture";
  const options = [["", scene.picture ? t("light.background_name", { name: scene.picture }) : t("light.background")], ...pictures.map((name) => [name, name])];
  const select = choice(options, picture, { "aria-label": t("light.picture_title") });
  select.addEventListener("change", () => send({ mode: "picture", picture: select.value }));
  if (!box.contains(document.activeElement)) box.replaceChildren(select);
}

function show(light) {
  for (const input of element("light-modes").querySelectorAll("input")) input.checked = input.value === light.mode;
  for (const chip of element("presets").children) {
    chip.setAttribute("aria-pressed", String(light.mode === "preset" && chip.dataset.preset === light.preset));
  }
  say("light-note", note(light));
  showPicture(light);
  const stillMs = STILL_MS - (performance.now() - touched);
  if (stillMs > 0 || send.isBusy) {
    clearTimeout(waiting);
    waiting = setTimeout(() => show(current().light), Math.max(stillMs, 100));
    return;
  }
  hand = { direction: light.direction, strength: light.strength, warmth: light.warmth, ambient: light.ambient };
  ball.show(hand);
  say("ball-says", where(hand.direction));
}

export function startLight() {
  buildModes();
  ball = ballOn(element("ball"), (direction) => byHand({ direction }));
  ball.show(hand);
  const sliders = SLIDERS.map(({ name, ...about }) => ({ name, ...slider({ ...about, send: (value) => byHand({ [name]: value }) }) }));
  const rows = sliders.map(({ box }, index) => make("div", { class: "knob" }, make("span", { class: "label", text: SLIDERS[index].label }), box));
  element("light-sliders").replaceChildren(...rows);
  onPart((state) => state.presets, (presets) => {
    const chips = presets.map(({ name }) => {
      const use = () => send({ mode: "preset", preset: name });
      return button(named("preset", name), use, { class: "chip", "data-preset": name });
    });
    element("presets").replaceChildren(...chips);
  });
  onPart((state) => [state.light, state.presets, state.pictures, state.scene.picture], ([light]) => {
    show(light);
    sliders.forEach((one) => one.show(light[one.name]));
  });
}

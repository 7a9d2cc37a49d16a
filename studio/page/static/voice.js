// The voice: the microphone, its level, what it moves, and how it is mixed with the camera.

import { get, post } from "./api.js";
import { choice, element, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { slider } from "./slider.js";
import { current, on, onPart, watch } from "./state.js";
import { onVisible } from "./tabs.js";
import { named, number, percent, t } from "./text.js";

const LOWEST_DB = -80;
const OFF = ""; // the value of the choice that closes the microphone
const SLIDERS = [
  { name: "strength", label: t("voice.strength"), note: t("voice.strength_note"), max: 2, step: 0.05, usual: 1, format: percent },
  { name: "share", label: t("voice.share"), note: t("voice.share_note"), max: 1, step: 0.05, usual: 0.8, format: percent },
  { name: "quiet_db", label: t("voice.quiet"), note: t("voice.quiet_note"), min: LOWEST_DB, max: 0, step: 1, usual: -50, format: decibels },
  { name: "loud_db", label: t("voice.loud"), note: t("voice.loud_note"), min: LOWEST_DB, max: 0, step: 1, usual: -18, format: decibels },
];

const shows = []; // each sets one slider to the server's value
let listed = ""; // why there is nothing to choose
let stop = null;

function decibels(value) {
  return `${number(value)} dB`;
}

const place = (db) => `${Math.min(Math.max(100 - (100 * db) / LOWEST_DB, 0), 100)}%`;

function build() {
  const rows = SLIDERS.map(({ name, label, note, ...scale }) => {
    const one = slider({ ...scale, label, send: (value) => post("/api/voice", { [name]: value }) });
    shows.push((voice) => one.show(voice[name]));
    const words = make("span", {}, make("strong", { text: label }), make("small", { text: note }));
    return make("div", { class: "voice-row" }, words, one.box);
  });
  element("voice-sliders").replaceChildren(...rows);
}

/** Says why the voice has ended, else why there is nothing to choose. */
function note() {
  say("voice-note", current()?.voice.error || listed);
}

/** Lists the microphones; listing opens none. */
async function list() {
  let known = [];
  try {
    known = (await get("/api/voice/microphones")).microphones;
    listed = known.length ? "" : t("voice.no_microphone");
  } catch (error) {
    listed = error.message;
  }
  note();
  const chosen = current()?.voice.device ?? OFF;
  const options = [[OFF, t("voice.off")], ...known.map(({ device, label }) => [device, label])];
  if (!options.some(([device]) => device === chosen)) options.push([chosen, chosen]);
  element("microphone").replaceWith(choice(options, chosen, { id: "microphone", on: { change } }));
}

async function change() {
  const select = element("microphone");
  const device = select.value;
  select.disabled = true; // opening takes a while
  await attempt(() => post("/api/voice", { device: device === OFF ? null : device }), "voice");
  select.disabled = false;
  select.value = current()?.voice.device ?? OFF;
  if (select.value !== device) await list();
}

function show(voice) {
  const isOn = voice.device !== null;
  element("voice-now").hidden = !isOn;
  const meter = element("voice-level");
  meter.style.setProperty("--quiet-at", place(voice.quiet_db));
  meter.style.setProperty("--loud-at", place(voice.loud_db));
  shows.forEach((one) => one(voice));
  note();
  if (element("microphone").value !== (voice.device ?? OFF)) list();
}

function follow(now) {
  const meter = element("voice-level");
  const level = now.level_db ?? LOWEST_DB;
  meter.style.setProperty("--level", place(level));
  meter.setAttribute("aria-valuenow", Math.round(level));
  meter.setAttribute("aria-valuetext", now.level_db === null ? t("voice.no_sound") : decibels(level));
  const { quiet_db, loud_db } = current().voice;
  meter.dataset.level = level < quiet_db ? "quiet" : level < loud_db ? "voice" : "loud";
  element("voice-db").textContent = now.level_db === null ? "–" : decibels(level);
  element("voice-mouth").textContent = now.viseme === null ? "–" : named("viseme", now.viseme);
  element("voice-delay").textContent = now.delay_ms === null ? "–" : t("voice.delay_of", { delay: number(now.delay_ms), heard: number(now.heard_ms) });
  say("voice-seen", now.is_mouth_hidden ? t("voice.alone") : "");
}

function watchLevel(isVisible) {
  const isWanted = isVisible && (current()?.voice.device ?? null) !== null;
  if (isWanted && !stop) stop = watch("voice");
  if (!isWanted && stop) stop = stop();
}

export function startVoice() {
  let isVisible = false;
  build();
  element("microphone").addEventListener("change", change);
  onPart((state) => state.voice, (voice) => {
    show(voice);
    watchLevel(isVisible);
  });
  on("voice", follow);
  onVisible("voice", (isNow) => {
    isVisible = isNow;
    watchLevel(isNow);
    if (isNow) list();
  });
}

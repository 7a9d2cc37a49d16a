// The voice: the microphone, its level, what it moves, and how it is mixed with the camera.

import { get, post } from "./api.js";
import { choice, element, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { slider } from "./slider.js";
import { current, on, onPart, watch } from "./state.js";
import { onVisible } from "./tabs.js";

const LOWEST_DB = -80;
const OFF = ""; // the value of the choice that closes the microphone
const MOUTHS = {
  silence: "at rest", A: "A, as in father", E: "E, as in bed", I: "I, as in see", O: "O, as in go", U: "U, as in you",
  M: "M, B, P: closed", F: "F, V: lip on teeth", S: "S, Z", SH: "SH, CH, J", T: "T, D, N, L, K",
};
const SLIDERS = [
  { name: "strength", label: "Strength", note: "how far the mouth opens", max: 2, step: 0.05, usual: 1, format: percent },
  { name: "share", label: "Voice in the mouth", note: "while the camera sees it too", max: 1, step: 0.05, usual: 0.8, format: percent },
  { name: "quiet_db", label: "Quiet below", note: "does not move the mouth", min: LOWEST_DB, max: 0, step: 1, usual: -50, format: decibels },
  { name: "loud_db", label: "Loud from", note: "can press a hotkey", min: LOWEST_DB, max: 0, step: 1, usual: -18, format: decibels },
];

const shows = []; // each sets one slider to the server's value
let listed = ""; // why there is nothing to choose
let stop = null;

function percent(value) {
  return `${Math.round(100 * value)} %`;
}

function decibels(value) {
  return `${Math.round(value)} dB`;
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
    listed = known.length ? "" : "This machine has no microphone.";
  } catch (error) {
    listed = error.message;
  }
  note();
  const chosen = current()?.voice.device ?? OFF;
  const options = [[OFF, "Off"], ...known.map(({ device, label }) => [device, label])];
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
  meter.setAttribute("aria-valuetext", now.level_db === null ? "no sound comes" : decibels(level));
  const { quiet_db, loud_db } = current().voice;
  meter.dataset.level = level < quiet_db ? "quiet" : level < loud_db ? "voice" : "loud";
  element("voice-db").textContent = now.level_db === null ? "–" : decibels(level);
  element("voice-mouth").textContent = now.viseme === null ? "–" : MOUTHS[now.viseme];
  element("voice-delay").textContent = now.delay_ms === null ? "–" : `${now.delay_ms.toFixed(0)} ms, ${now.heard_ms.toFixed(0)} of it hearing`;
  say("voice-seen", now.is_mouth_hidden ? "The camera does not see your mouth move: the voice moves it alone." : "");
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

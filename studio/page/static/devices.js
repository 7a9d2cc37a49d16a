// Gamepads and MIDI as keys of hotkeys: a button is "Pad 0", a note "Midi 60", a controller "Midi CC 20".

import { t } from "./text.js";

const POLL_MS = 30;
const HALF = 64; // of a controller's 127: from here on it is down
const listeners = [];
const down = new Set(); // the names of what is down now

/** Calls `listener(name, isDown)` with each change. */
export function onDeviceKey(listener) {
  listeners.push(listener);
}

function change(name, isDown) {
  if (down.has(name) === isDown) return;
  if (isDown) down.add(name);
  else down.delete(name);
  listeners.forEach((listener) => listener(name, isDown));
}

/** A browser tells of a gamepad once one of its buttons was pressed, while the page is visible. */
function poll() {
  for (const pad of navigator.getGamepads?.() ?? []) {
    pad?.buttons.forEach((one, index) => change(`Pad ${index}`, one.pressed));
  }
}

function receive({ data: [status, number, value] }) {
  const kind = status & 0xf0;
  if (kind === 0x90) change(`Midi ${number}`, value > 0);
  else if (kind === 0x80) change(`Midi ${number}`, false);
  else if (kind === 0xb0) change(`Midi CC ${number}`, value >= HALF);
}

/** Asks the browser for MIDI; resolves to the number of instruments, or rejects where it is not allowed. */
export async function useMidi() {
  if (!navigator.requestMIDIAccess) throw new Error(t("midi.none"));
  const access = await navigator.requestMIDIAccess().catch(() => {
    throw new Error(t("midi.refused"));
  });
  const listen = () => access.inputs.forEach((input) => (input.onmidimessage = receive));
  access.onstatechange = listen;
  listen();
  return access.inputs.size;
}

export function startDevices() {
  setInterval(poll, POLL_MS);
}

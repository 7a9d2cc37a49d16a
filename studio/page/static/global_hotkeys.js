// Hotkeys beyond the page: the switch for other programs, and MIDI.

import { post } from "./api.js";
import { useMidi } from "./devices.js";
import { element, say } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";

function show({ is_on: isOn, problem, heard }) {
  element("global-hotkeys").checked = isOn;
  const keys = heard.length === 1 ? "one hotkey is heard" : `${heard.length} hotkeys are heard`;
  const note = isOn ? `${keys} in other programs: those with Ctrl, Alt or Meta, and F1 to F24 and media keys alone.` : "";
  say("global-note", problem || note);
}

async function toggle(event) {
  const box = event.target;
  if (!(await attempt(() => post("/api/hotkeys/global", { on: box.checked }), "global"))) box.checked = !box.checked;
}

async function allowMidi() {
  const isDone = await attempt(async () => {
    const count = await useMidi();
    say("midi-note", count ? `${count} MIDI input${count === 1 ? "" : "s"}: edit a hotkey's key and play a note.` : "No MIDI input is plugged in yet.");
  }, "midi");
  if (!isDone) say("midi-note", "");
}

export function startGlobalHotkeys() {
  onPart((state) => state.global_hotkeys, show);
  element("global-hotkeys").addEventListener("change", toggle);
  element("use-midi").addEventListener("click", allowMidi);
}

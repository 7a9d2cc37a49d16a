// Hotkeys beyond the page: the switch for other programs, and MIDI.

import { post } from "./api.js";
import { useMidi } from "./devices.js";
import { element, say } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

function show({ is_on: isOn, problem, heard }) {
  element("global-hotkeys").checked = isOn;
  say("global-note", problem || (isOn ? t("global.heard", { count: heard.length }) : ""));
}

async function toggle(event) {
  const box = event.target;
  if (!(await attempt(() => post("/api/hotkeys/global", { on: box.checked }), "global"))) box.checked = !box.checked;
}

async function allowMidi() {
  const isDone = await attempt(async () => {
    const count = await useMidi();
    say("midi-note", count ? t("midi.inputs", { count }) : t("midi.no_input"));
  }, "midi");
  if (!isDone) say("midi-note", "");
}

export function startGlobalHotkeys() {
  onPart((state) => state.global_hotkeys, show);
  element("global-hotkeys").addEventListener("change", toggle);
  element("use-midi").addEventListener("click", allowMidi);
}

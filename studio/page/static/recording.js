// Recording a take: the button and its progress.

import { post } from "./api.js";
import { clock, element, say } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { current, onPart } from "./state.js";
import { t } from "./text.js";

function show(recording) {
  const isOn = recording !== null;
  element("record").setAttribute("aria-pressed", String(isOn));
  say("record-label", isOn ? clock(recording.seconds) : t("recording.record"));
  element("recording").hidden = !isOn;
  if (!isOn) return;
  say("recording", t("recording.rows", { count: recording.rows, path: recording.path }));
  notice(recording.error, { key: "recording" });
}

async function toggle() {
  const isOn = current()?.recording != null;
  let over = null;
  const isDone = await attempt(async () => {
    ({ recording: over } = await post("/api/recording", { on: !isOn }));
  }, "recording");
  if (!isDone || !isOn || !over) return;
  if (over.rows === 0) notice(t("recording.nothing"), { key: "recorded", kind: "warning" });
  else if (!over.error) notice(t("recording.recorded", { time: clock(over.seconds), path: over.path }), { key: "recorded", kind: "news" });
}

export function startRecording() {
  onPart((state) => state.recording, show);
  element("record").addEventListener("click", toggle);
}

// Recording a take: the button and its progress.

import { post } from "./api.js";
import { clock, element, say } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { current, onPart } from "./state.js";

function show(recording) {
  const isOn = recording !== null;
  element("record").setAttribute("aria-pressed", String(isOn));
  say("record-label", isOn ? clock(recording.seconds) : "Record");
  element("recording").hidden = !isOn;
  if (!isOn) return;
  say("recording", `${recording.rows.toLocaleString("en")} rows into ${recording.path}`);
  notice(recording.error, { key: "recording" });
}

async function toggle() {
  const isOn = current()?.recording != null;
  let over = null;
  const isDone = await attempt(async () => {
    ({ recording: over } = await post("/api/recording", { on: !isOn }));
  }, "recording");
  if (!isDone || !isOn || !over) return;
  if (over.rows === 0) notice("Nothing was recorded, and there is no file: the source sent no picture.", { key: "recorded", kind: "warning" });
  else if (!over.error) notice(`Recorded ${clock(over.seconds)} into ${over.path}`, { key: "recorded", kind: "news" });
}

export function startRecording() {
  onPart((state) => state.recording, show);
  element("record").addEventListener("click", toggle);
}

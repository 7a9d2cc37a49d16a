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
  const recording = current()?.recording ?? null;
  const isDone = await attempt(() => post("/api/recording", { on: recording === null }), "recording");
  if (isDone && recording) notice(`Recorded ${clock(recording.seconds)} into ${recording.path}`, { kind: "news" });
}

export function startRecording() {
  onPart((state) => state.recording, show);
  element("record").addEventListener("click", toggle);
}

// The source, and the button that makes the current face the resting face.

import { post } from "./api.js";
import { element, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { current, onPart } from "./state.js";

function showSources([sources, kind]) {
  const select = element("source");
  const options = sources.map((one) => make("option", { value: one.kind, text: one.label }));
  if (!sources.some((one) => one.kind === kind)) {
    options.unshift(make("option", { value: kind, text: current().source.name, disabled: true }));
  }
  select.replaceChildren(...options);
  select.value = kind;
}

async function change() {
  const select = element("source");
  select.disabled = true; // opening a camera takes a while
  const isDone = await attempt(() => post("/api/source", { source: select.value }), "source");
  select.disabled = false;
  if (!isDone && current()) select.value = current().source.kind;
}

/** Makes the face of the last half second the resting face. */
export async function renew() {
  const isDone = await attempt(() => post("/api/recalibrate"), "neutral");
  if (isDone) notice("This face is now the one at rest.", { key: "neutral", kind: "news" });
}

export function startSource() {
  onPart((state) => [state.sources, state.source.kind], showSources);
  const select = element("source");
  let isByKey = false;
  select.addEventListener("pointerdown", () => (isByKey = false));
  select.addEventListener("keydown", () => (isByKey = true));
  select.addEventListener("change", async () => {
    await change();
    if (isByKey) select.focus();
    else select.blur(); // give the keys back to the hotkeys
  });
  element("neutral").addEventListener("click", renew);
}

// The source, and the button that makes the current face the resting face.

import { post } from "./api.js";
import { element, make } from "./elements.js";
import { attempt, notice, withdraw } from "./notices.js";
import { current, onPart } from "./state.js";
import { named, t } from "./text.js";

function showSources([sources, kind]) {
  const select = element("source");
  const options = sources.map((one) => make("option", { value: one.kind, text: named("source_kind", one.kind, one.label) }));
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

const HOLD_MS = 600; // how long the key is held, so that a slip of a finger changes nothing
let holding = 0;

/** Makes the face of the last half second the resting face. */
export async function renew() {
  withdraw("neutral");
  if (!(await attempt(() => post("/api/recalibrate"), "neutral"))) return;
  const undo = () => attempt(() => post("/api/recalibrate", { do: "undo" }), "neutral");
  notice(t("neutral.done"), { key: "neutral", kind: "news", offer: [t("button.undo"), undo] });
}

/** The key of Neutral goes down: after a moment of holding it, the face becomes the resting face. */
export function holdNeutral() {
  element("neutral").classList.add("is-held");
  holding = setTimeout(() => {
    dropNeutral();
    renew();
  }, HOLD_MS);
}

/** The key goes up; too early, the page says how long to hold it. */
export function releaseNeutral() {
  if (!holding) return;
  dropNeutral();
  notice(t("neutral.hold"), { key: "hold", kind: "news" });
}

/** Ends the holding without a word, as when the window loses the keyboard. */
export function dropNeutral() {
  clearTimeout(holding);
  holding = 0;
  element("neutral").classList.remove("is-held");
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

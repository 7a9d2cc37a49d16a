// Errors and notices, in one place; each stays until it is dismissed or no longer true, and news go by themselves.

import { button, element, make } from "./elements.js";

const shown = new Map(); // key -> {box, text}
const MOST = 4;
const NEWS_MS = 6000;

/** Shows a sentence; another one of the same key takes its place. `kind` is "error", "news" or "warning". */
export function notice(text, { key = text, kind = "error" } = {}) {
  if (!text) return withdraw(key);
  if (shown.get(key)?.text === text) return undefined;
  withdraw(key);
  const close = button("×", () => box.remove(), { class: "close", "aria-label": `Dismiss: ${text}` });
  const box = make("div", { class: `notice ${kind}` }, make("p", { text }), close);
  shown.set(key, { box, text });
  element("notices").append(box);
  const standing = [...shown].filter(([, one]) => one.box.isConnected);
  if (standing.length > MOST) withdraw(standing[0][0]);
  if (kind === "news") setTimeout(() => leave(key, box), NEWS_MS);
  return undefined;
}

/** When nobody points at it; it may be another sentence's turn by now. */
function leave(key, box) {
  if (shown.get(key)?.box !== box) return;
  if (box.matches(":hover, :focus-within")) setTimeout(() => leave(key, box), NEWS_MS);
  else withdraw(key);
}

/** It is no longer so; a dismissed sentence may come again afterwards. */
export function withdraw(key) {
  shown.get(key)?.box.remove();
  shown.delete(key);
}

/** Does what was asked, and shows why not where that fails; whether it was done. */
export async function attempt(doing, key = "action") {
  try {
    await doing();
    withdraw(key);
    return true;
  } catch (error) {
    withdraw(key); // so that the same sentence is said again to who tries again
    notice(error.message, { key });
    return false;
  }
}

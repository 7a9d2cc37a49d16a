// Notices: each stays until it is dismissed or no longer true; news disappear after a few seconds.

import { button, element, make } from "./elements.js";
import { t } from "./text.js";

const shown = new Map(); // key -> {box, text}
const MOST = 4;
const NEWS_MS = 6000;
const OFFER_MS = 15000; // news with a button

/**
 * Shows a sentence; a later one with the same key replaces it. `kind` is "error", "news" or "warning"; `offer` is
 * [label, do] of a button, as Undo.
 */
export function notice(text, { key = text, kind = "error", offer = null } = {}) {
  if (!text) return withdraw(key);
  if (shown.get(key)?.text === text) return undefined;
  withdraw(key);
  const close = button("×", () => box.remove(), { class: "close", "aria-label": t("button.dismiss_notice", { text }) });
  const take = () => {
    withdraw(key);
    offer[1]();
  };
  const box = make("div", { class: `notice ${kind}` }, make("p", { text }), offer && button(offer[0], take), close);
  shown.set(key, { box, text });
  element("notices").append(box);
  const standing = [...shown].filter(([, one]) => one.box.isConnected);
  if (standing.length > MOST) withdraw(standing[0][0]);
  if (kind === "news") setTimeout(() => leave(key, box), offer ? OFFER_MS : NEWS_MS);
  return undefined;
}

/** Removes a notice, unless it was replaced or the pointer is on it. */
function leave(key, box) {
  if (shown.get(key)?.box !== box) return;
  if (box.matches(":hover, :focus-within")) setTimeout(() => leave(key, box), NEWS_MS);
  else withdraw(key);
}

/** Removes the notice of this key; it may be shown again later. */
export function withdraw(key) {
  shown.get(key)?.box.remove();
  shown.delete(key);
}

/** Runs `doing` and shows its error, if it fails; resolves to whether it succeeded. */
export async function attempt(doing, key = "action") {
  try {
    await doing();
    withdraw(key);
    return true;
  } catch (error) {
    withdraw(key); // so that the same sentence is shown again
    notice(error.message, { key });
    return false;
  }
}

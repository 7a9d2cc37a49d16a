// The first run: five steps from the camera to OBS, shown until they are done or skipped.

import { button, element, make } from "./elements.js";
import { readStored, store } from "./storage.js";
import { openPanel } from "./tabs.js";
import { t } from "./text.js";

const STEPS = [
  [t("welcome.camera"), t("welcome.camera_hint"), t("welcome.camera_do"), () => element("set-up-source").click()],
  [t("welcome.character"), t("welcome.character_hint"), t("tab.characters"), () => openPanel("characters")],
  [t("welcome.calibrate"), t("welcome.calibrate_hint"), t("tab.calibration"), () => openPanel("calibration")],
  [t("welcome.obs"), t("welcome.obs_hint"), t("welcome.obs_do"), () => element("outputs").querySelector("button")?.click()],
  [t("welcome.done"), t("welcome.done_hint"), t("tab.expressions"), () => openPanel("expressions")],
];

let at = 0;

function finish() {
  store("welcome", "done");
  element("welcome").hidden = true;
}

function go(step) {
  if (step >= STEPS.length) return finish();
  at = step;
  store("welcome", String(at));
  return show();
}

function show() {
  const [title, text, label, act] = STEPS[at];
  const items = STEPS.map(([name], index) => {
    const attributes = { "aria-current": index === at ? "step" : false, class: index < at ? "is-done" : null };
    return make("li", attributes, button(`${index + 1} ${name}`, () => go(index), { class: "plain" }));
  });
  const isLast = at === STEPS.length - 1;
  element("welcome").replaceChildren(
    make("ol", { class: "walk" }, ...items),
    make("p", { text, "aria-live": "polite" }),
    make(
      "div",
      { class: "row" },
      button(label, act, { "aria-label": `${title}: ${label}` }),
      button(isLast ? t("welcome.finish") : t("welcome.next"), () => go(at + 1), { class: "accent" }),
      isLast ? make("span") : button(t("welcome.skip"), finish, { class: "plain" }),
    ),
  );
  element("welcome").hidden = false;
}

export function startWelcome() {
  const kept = readStored("welcome", "0");
  at = Math.min(Number(kept) || 0, STEPS.length - 1);
  if (kept !== "done") show();
}

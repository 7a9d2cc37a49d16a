// The first run: five steps from the camera to OBS, shown until they are done or skipped.

import { button, element, make } from "./elements.js";
import { readStored, store } from "./storage.js";
import { openPanel } from "./tabs.js";

const STEPS = [
  ["Camera", "Choose what performs: a camera, a phone or a file.", "Set up the source", () => element("set-up-source").click()],
  ["Character", "Choose a character, or make one from a photo or a drawing.", "Characters", () => openPanel("characters")],
  ["Calibrate", "One minute of poses makes your full smile a full smile.", "Calibration", () => openPanel("calibration")],
  ["OBS", "Add a browser source to your scene, with this address.", "Copy the address", () => element("outputs").querySelector("button")?.click()],
  ["Done", "Press an expression's key, or Record. All of this can be changed at any time.", "Expressions", () => openPanel("expressions")],
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
      button(isLast ? "Finish" : "Next", () => go(at + 1), { class: "accent" }),
      isLast ? make("span") : button("Skip the steps", finish, { class: "plain" }),
    ),
  );
  element("welcome").hidden = false;
}

export function startWelcome() {
  const kept = readStored("welcome", "0");
  at = Math.min(Number(kept) || 0, STEPS.length - 1);
  if (kept !== "done") show();
}

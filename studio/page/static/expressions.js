// Buttons that show an expression once, and the expressions that are recognised in the face.

import { element, make } from "./elements.js";
import { onceButton } from "./hotkeys.js";
import { on, onPart } from "./state.js";
import { named } from "./text.js";

const LIT_MS = 500; // so that a blink is visible

function showRecognisable(names) {
  const lights = names.map((name) => make("span", { class: "chip light", "data-rule": name, text: named("expression", name) }));
  element("recognised").replaceChildren(...lights);
}

function light(name, isOn) {
  const chip = element("recognised").querySelector(`[data-rule="${CSS.escape(name)}"]`);
  if (!chip) return;
  clearTimeout(chip.dataset.timer);
  if (isOn) chip.classList.add("is-on");
  else chip.dataset.timer = setTimeout(() => chip.classList.remove("is-on"), LIT_MS);
}

export function startExpressions() {
  onPart((state) => state.expressions, (names) => element("expressions").replaceChildren(...names.map(onceButton)));
  onPart((state) => state.recognisable, showRecognisable);
  onPart((state) => [state.recognisable, state.recognised], ([all, now]) => {
    all.forEach((name) => light(name, now.includes(name)));
  });
  on("recognised", ({ name, is_on }) => light(name, is_on));
}

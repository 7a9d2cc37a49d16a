// A field that takes the key it is given: of the keyboard, with modifiers, of a gamepad or of MIDI.

import { chordOf, isModifier } from "./chord.js";
import { onDeviceKey } from "./devices.js";
import { make } from "./elements.js";
import { t } from "./text.js";

/** The field; it sends "change" with each new key. Backspace and Delete empty it. */
export function keyField(key, attributes = {}) {
  const input = make("input", { type: "text", value: key ?? "", readonly: true, placeholder: t("hotkeys.press_key"), class: "key", ...attributes });
  input.addEventListener("keydown", (event) => {
    const chord = chordOf(event);
    if (isModifier(event.key) || event.key === "Tab" || chord === "Escape") return;
    event.preventDefault();
    put(input, ["Backspace", "Delete"].includes(chord) ? "" : chord);
  });
  return input;
}

function put(input, key) {
  input.value = key;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

onDeviceKey((name, isDown) => {
  const focused = document.activeElement;
  if (isDown && focused?.matches("input.key")) put(focused, name);
});

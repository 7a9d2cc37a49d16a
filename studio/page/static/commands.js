// Clear all, pause, hide and the AI label: the buttons under the portrait, and what the portrait says meanwhile.

import { post } from "./api.js";
import { button, element, say } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";

const COMMANDS = [
  ["clear", "Clear all", "Takes back every expression, mark and character that a hotkey or a script shows"],
  ["pause", "Pause", "The portrait rests and does not follow you until you press this again"],
  ["hide", "Hide", "The portrait is transparent in every output until you press this again"],
  ["label", "AI label", "A small mark in the corner of every output says that the picture is generated"],
];

function run(name, pressed) {
  const body = name === "clear" ? {} : { on: pressed.getAttribute("aria-pressed") !== "true" };
  return attempt(() => post(`/api/${name}`, body), name);
}

function show([isPaused, isHidden, isLabelled]) {
  element("command-pause").setAttribute("aria-pressed", String(isPaused));
  element("command-hide").setAttribute("aria-pressed", String(isHidden));
  element("command-label").setAttribute("aria-pressed", String(isLabelled));
  const words = [isHidden && "Hidden", isPaused && "Paused"].filter(Boolean).join(", ");
  element("standing").hidden = !words;
  say("standing", words);
}

export function startCommands() {
  const buttons = COMMANDS.map(([name, label, title]) => {
    const pressed = button(label, () => run(name, pressed), { id: `command-${name}`, title });
    return pressed;
  });
  element("commands").replaceChildren(...buttons);
  onPart((state) => [state.is_paused, state.is_hidden, state.is_labelled], show);
}

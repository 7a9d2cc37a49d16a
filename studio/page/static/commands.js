// Clear all, pause, hide and the AI label: the buttons under the portrait, and what the portrait says meanwhile.

import { post } from "./api.js";
import { button, element, say } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

const COMMANDS = [
  ["clear", t("command.clear"), t("commands.clear_title")],
  ["pause", t("command.pause"), t("commands.pause_title")],
  ["hide", t("command.hide"), t("commands.hide_title")],
  ["label", t("command.label"), t("commands.label_title")],
];

function run(name, pressed) {
  const body = name === "clear" ? {} : { on: pressed.getAttribute("aria-pressed") !== "true" };
  return attempt(() => post(`/api/${name}`, body), name);
}

function show([isPaused, isHidden, isLabelled]) {
  element("command-pause").setAttribute("aria-pressed", String(isPaused));
  element("command-hide").setAttribute("aria-pressed", String(isHidden));
  element("command-label").setAttribute("aria-pressed", String(isLabelled));
  const words = [isHidden && t("commands.hidden"), isPaused && t("commands.paused")].filter(Boolean).join(", ");
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

// Hotkeys: as buttons under the portrait and in their panel, and on the keyboard. A held one is always released.

import { post } from "./api.js";
import { chordOf, shownKey } from "./chord.js";
import { onDeviceKey } from "./devices.js";
import { button, element, make } from "./elements.js";
import { attempt } from "./notices.js";
import { dropNeutral, holdNeutral, releaseNeutral } from "./source.js";
import { current, onPart } from "./state.js";
import { named, number, t } from "./text.js";

const held = new Map(); // id -> its key and its last request, so that no release overtakes its press
const TYPED = "input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]";

function trigger(hotkey, phase) {
  return attempt(() => post(`/api/trigger/${encodeURIComponent(hotkey.id)}`, { phase }), `hotkey ${hotkey.id}`);
}

function down(hotkey, code) {
  if (hotkey.mode !== "hold") return trigger(hotkey, "press");
  if (!held.has(hotkey.id)) held.set(hotkey.id, { hotkey, code, sent: trigger(hotkey, "down") });
  return undefined;
}

async function up(hotkey) {
  const one = held.get(hotkey.id);
  if (!one) return;
  held.delete(hotkey.id);
  await one.sent;
  await trigger(hotkey, "up");
}

function letGo() {
  dropNeutral();
  [...held.values()].forEach(({ hotkey }) => up(hotkey));
}

/** The hotkey's label, or the name of what it shows. */
export function titleOf(hotkey) {
  if (hotkey.label) return hotkey.label;
  if (hotkey.expression) return named("expression", hotkey.expression);
  if (hotkey.command) return named("command", hotkey.command);
  if (hotkey.throw) return named("picture", hotkey.throw);
  return hotkey.character ?? hotkey.scene ?? hotkey.item ?? hotkey.id;
}

function pad(hotkey) {
  const label = make("span", { class: "name", text: titleOf(hotkey) });
  const cap = hotkey.key ? make("kbd", { text: shownKey(hotkey.key) }) : null;
  const bound = hotkey.on ? ` · ${t("hotkeys.on", { name: named("expression", hotkey.on) })}` : "";
  const mode = hotkey.mode === "timer" ? `${number(hotkey.seconds, hotkey.seconds % 1 ? 1 : 0)} s` : named("mode", hotkey.mode);
  const group = hotkey.group ? ` · ${hotkey.group}` : "";
  const about = make("small", { text: `${hotkey.command === "clear" || hotkey.scene || hotkey.item || hotkey.throw ? t("hotkeys.once") : mode}${bound}${group}` });
  const box = make(
    "button",
    { type: "button", class: `pad ${hotkey.mode}`, "aria-pressed": String(hotkey.is_on), "data-hotkey": hotkey.id },
    make("span", { class: "row" }, label, cap),
    about,
  );
  if (hotkey.mode === "hold") {
    box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      box.setPointerCapture(event.pointerId);
      down(hotkey);
    });
    ["pointerup", "pointercancel", "lostpointercapture"].forEach((end) => box.addEventListener(end, () => up(hotkey)));
    box.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press opens no menu
    box.addEventListener("keydown", (event) => {
      if (![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) down(hotkey);
    });
    box.addEventListener("keyup", (event) => [" ", "Enter"].includes(event.key) && up(hotkey));
    box.addEventListener("blur", () => up(hotkey));
  } else {
    box.addEventListener("click", () => down(hotkey));
  }
  return box;
}

const byKey = (key) => current()?.hotkeys.find((one) => one.key && one.key.toLowerCase() === key.toLowerCase());

/** Whether the server hears this hotkey from the system's keyboard, so that the page must not press it too. */
const isHeardGlobally = (hotkey) => current().global_hotkeys.heard.includes(hotkey.id);

function isForUs(event) {
  if (event.defaultPrevented) return false;
  if (document.querySelector("dialog[open]") || event.target.closest?.(TYPED)) return false;
  if (event.target.closest?.("[type=range], [type=radio], [role=tab], #ball")) return event.key.length === 1 && event.key !== " ";
  return !(event.target.closest?.("button, a, summary, label") && [" ", "Enter"].includes(event.key));
}

function onKeyDown(event) {
  if (!isForUs(event)) return;
  const chord = chordOf(event);
  const hotkey = byKey(chord);
  if (!hotkey && chord.toLowerCase() !== "n") return;
  event.preventDefault();
  if (event.repeat || (hotkey && isHeardGlobally(hotkey))) return;
  if (hotkey) down(hotkey, event.code);
  else holdNeutral();
}

function onKeyUp(event) {
  if (event.key.toLowerCase() === "n") releaseNeutral();
  for (const { hotkey, code } of [...held.values()]) {
    if (code === event.code) up(hotkey); // by its position, because Shift may have changed the letter
  }
}

/** A button of a gamepad, or a note or controller of MIDI. */
function onDevice(name, isDown) {
  if (!isDown) return [...held.values()].filter(({ code }) => code === name).forEach(({ hotkey }) => up(hotkey));
  const hotkey = byKey(name);
  if (hotkey && !document.activeElement?.matches("input.key")) down(hotkey, name);
  return undefined;
}

/** All but what changes with each press, so that a button is not replaced while it is held. */
const lasting = (state) => state.hotkeys.map(({ is_on, ...rest }) => rest);

function showAll(hotkeys, state) {
  letGo();
  const pads = state.hotkeys.map(pad);
  element("pads").replaceChildren(...pads);
  if (!pads.length) element("pads").append(make("p", { class: "hint", text: t("hotkeys.none") }));
  element("quick").replaceChildren(...state.hotkeys.slice(0, 12).map(pad));
}

export function startHotkeys() {
  onPart(lasting, showAll);
  onPart((state) => state.hotkeys.filter((one) => one.is_on).map((one) => one.id), (ids) => {
    for (const one of document.querySelectorAll("[data-hotkey]")) {
      one.setAttribute("aria-pressed", String(ids.includes(one.dataset.hotkey)));
    }
  });
  addEventListener("keydown", onKeyDown);
  addEventListener("keyup", onKeyUp);
  onDeviceKey(onDevice);
  addEventListener("blur", letGo);
  addEventListener("pagehide", letGo);
  document.addEventListener("visibilitychange", () => document.hidden && letGo());
}

/** A button that shows an expression once. */
export function onceButton(name) {
  return button(named("expression", name), () => attempt(() => post("/api/expression", { name }), "expression"), { class: "chip" });
}

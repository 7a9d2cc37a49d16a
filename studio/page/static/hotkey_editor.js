// The editor of the hotkeys. It saves the whole list, which the server checks.

import { post } from "./api.js";
import { button, choice, element, field, make, words } from "./elements.js";
import { attempt } from "./notices.js";
import { current } from "./state.js";

const MODES = [["toggle", "Toggle"], ["hold", "Hold"], ["timer", "Timer"]];
const SECONDS = [0.1, 60]; // as in hotkeys.py
const FADE_S = [0, 2];

function keyField(key) {
  const input = make("input", { type: "text", value: key ?? "", readonly: true, placeholder: "press a key", class: "key" });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.key === "Escape" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.key === "Shift") return;
    input.value = event.key === "Backspace" || event.key === "Delete" ? "" : event.key;
  });
  return input;
}

/** Any fraction is valid, because a script may have set it. */
function seconds(value, [min, max]) {
  return make("input", { type: "number", min, max, step: "any", required: true, value });
}

/** "expression:smile", "character:aoi", or "weights:" for one from a script. */
function whatOf(hotkey) {
  if (hotkey.character) return `character:${hotkey.character}`;
  return hotkey.weights ? "weights:" : `expression:${hotkey.expression ?? ""}`;
}

function whatField(hotkey, state) {
  const select = make("select");
  const group = (label, kind, names) => {
    const options = names.map((name) => make("option", { value: `${kind}:${name}`, text: kind === "expression" ? words(name) : name }));
    select.append(make("optgroup", { label }, ...options));
  };
  group("Expression", "expression", state.expressions);
  group("Character", "character", state.characters.map((one) => one.name));
  if (hotkey.weights) select.append(make("option", { value: "weights:", text: "Custom weights" }));
  select.value = whatOf(hotkey);
  return select;
}

function row(hotkey, state) {
  const label = make("input", { type: "text", value: hotkey.label ?? "", maxlength: 40, placeholder: "name" });
  const key = keyField(hotkey.key);
  const what = whatField(hotkey, state);
  const mode = choice(MODES, hotkey.mode);
  const stays = seconds(hotkey.seconds, SECONDS);
  const fade = seconds(hotkey.fade_s, FADE_S);
  const rules = [["", "–"], ...state.recognisable.map((name) => [name, words(name)])];
  const by = choice(rules, hotkey.on ?? "");
  const staying = field("Seconds", stays);
  const arrange = () => {
    staying.hidden = mode.value !== "timer";
    if (staying.hidden && !stays.checkValidity()) stays.value = hotkey.seconds; // a hidden field must not be invalid
  };
  mode.addEventListener("change", arrange);
  arrange();
  const box = make(
    "div",
    { class: "hotkey", role: "group", "aria-label": hotkey.label || "Hotkey" },
    field("Label", label),
    field("Key", key),
    field("Shows", what),
    field("Mode", mode),
    staying,
    field("Fade, s", fade),
    field("Also when I", by),
  );
  box.append(button("Remove", () => box.remove(), { class: "plain" }));
  box.read = () => {
    const [kind, name] = what.value.split(/:(.*)/s);
    return {
      id: hotkey.id,
      label: label.value.trim(),
      key: key.value,
      on: by.value || null,
      expression: kind === "expression" ? name : null,
      weights: kind === "weights" ? hotkey.weights : null,
      character: kind === "character" ? name : null,
      mode: mode.value,
      seconds: Number(stays.value),
      fade_s: Number(fade.value),
    };
  };
  return box;
}

function fresh(state) {
  const id = `hotkey-${Date.now().toString(36)}`;
  const expression = state.expressions[0];
  return { id, label: "", key: "", on: null, expression, weights: null, character: null, mode: "toggle", seconds: 2, fade_s: 0.25 };
}

/** Opens or closes the editor, and moves the focus along. */
function show(isOpen) {
  element("hotkey-editor").hidden = !isOpen;
  element("pads").hidden = isOpen;
  element("edit-hotkeys").hidden = isOpen;
  const next = isOpen ? element("hotkey-editor").querySelector("input, button") : element("edit-hotkeys");
  next.focus({ preventScroll: true });
}

function open() {
  const state = current();
  if (!state) return;
  const rows = make("div", { class: "hotkeys" }, ...state.hotkeys.map((one) => row(one, state)));
  const add = () => {
    const one = row(fresh(state), state);
    rows.append(one);
    one.querySelector("input").focus();
  };
  const ending = make(
    "div",
    { class: "row" },
    button("Add a hotkey", add),
    make("span", { class: "gap" }),
    button("Cancel", () => show(false)),
    make("button", { type: "submit", class: "accent", text: "Save" }),
  );
  element("hotkey-editor").replaceChildren(rows, ending);
  show(true);
}

async function save(event) {
  event.preventDefault();
  const rows = [...element("hotkey-editor").querySelectorAll(".hotkey")];
  const hotkeys = rows.map((one) => one.read());
  if (await attempt(() => post("/api/hotkeys", { hotkeys }), "hotkeys")) show(false);
}

export function startHotkeyEditor() {
  element("edit-hotkeys").addEventListener("click", open);
  element("hotkey-editor").addEventListener("submit", save);
}

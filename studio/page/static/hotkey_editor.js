// The editor of the hotkeys. It saves the whole list, which the server checks.

import { post } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, choice, element, make, say } from "./elements.js";
import { titleOf } from "./hotkeys.js";
import { keyField } from "./key_field.js";
import { current } from "./state.js";
import { named, t } from "./text.js";

const MODES = [["toggle", t("mode.toggle")], ["hold", t("mode.hold")], ["timer", t("mode.timer")]];
const SECONDS = [0.1, 60]; // as in hotkeys.py
const FADE_S = [0, 2];
const EVENTS = ["scene", "item", "throw"]; // at each press, never on
const COLUMNS = [
  ...[t("hotkeys.label"), t("hotkeys.key"), t("hotkeys.shows"), t("hotkeys.mode"), t("hotkeys.seconds"), t("hotkeys.fade_in")],
  ...[t("hotkeys.fade_out"), t("hotkeys.group"), t("hotkeys.also_when"), ""],
];
const COMMANDS = ["clear", "pause", "hide", "label"];

let seen = []; // the hotkeys when the editor was opened
let opened = ""; // what the rows said then

/** Any fraction is valid, because a script may have set it. */
function seconds(value, [min, max]) {
  return make("input", { type: "number", min, max, step: "any", required: true, value });
}

/** "expression:smile", "character:aoi", "command:hide", or "weights:" for one from a script. */
function whatOf(hotkey) {
  if (hotkey.character) return `character:${hotkey.character}`;
  if (hotkey.command) return `command:${hotkey.command}`;
  for (const kind of EVENTS) if (hotkey[kind]) return `${kind}:${hotkey[kind]}`;
  return hotkey.weights ? "weights:" : `expression:${hotkey.expression ?? ""}`;
}

function whatField(hotkey, state) {
  const select = make("select");
  const group = (label, kind, names, nameKind = kind) => {
    const options = names.map((name) => make("option", { value: `${kind}:${name}`, text: ["expression", "picture"].includes(nameKind) ? named(nameKind, name) : name }));
    select.append(make("optgroup", { label }, ...options));
  };
  group(t("hotkeys.expression"), "expression", state.expressions);
  group(t("hotkeys.character"), "character", state.characters.map((one) => one.name));
  const events = [
    [t("hotkeys.scene"), "scene", state.scene.presets],
    [t("hotkeys.item"), "item", state.items.map((one) => one.name)],
    [t("items.throw"), "throw", [...state.shipped_pictures, ...state.pictures]],
  ];
  for (const [label, kind, names] of events) {
    const all = new Set([...names, ...(hotkey[kind] ? [hotkey[kind]] : [])]);
    if (all.size) group(label, kind, [...all], kind === "throw" ? "picture" : kind);
  }
  const commands = COMMANDS.map((name) => make("option", { value: `command:${name}`, text: named("command", name) }));
  select.append(make("optgroup", { label: t("hotkeys.command") }, ...commands));
  if (hotkey.weights) select.append(make("option", { value: "weights:", text: t("hotkeys.weights") }));
  select.value = whatOf(hotkey);
  return select;
}

function row(hotkey, state) {
  const label = make("input", { type: "text", value: hotkey.label ?? "", maxlength: 40, placeholder: titleOf(hotkey) });
  const key = keyField(hotkey.key);
  const what = whatField(hotkey, state);
  const mode = choice(MODES, hotkey.mode);
  const stays = seconds(hotkey.seconds, SECONDS);
  const fade = seconds(hotkey.fade_s, FADE_S);
  const fadeOut = seconds(hotkey.fade_out_s ?? hotkey.fade_s, FADE_S);
  const group = make("input", { type: "text", value: hotkey.group, maxlength: 40, list: "hotkey-groups", placeholder: t("hotkeys.no_group") });
  group.title = t("hotkeys.group_title");
  const rules = [["", "–"], ...state.recognisable.map((name) => [name, named("expression", name)])];
  const by = choice(rules, hotkey.on ?? "");
  const arrange = () => {
    const kind = what.value.split(":")[0];
    stays.hidden = mode.value !== "timer" || EVENTS.includes(kind);
    [fade, fadeOut].forEach((one) => (one.hidden = !["expression", "weights"].includes(kind)));
    group.hidden = ["command", ...EVENTS].includes(kind);
    mode.hidden = EVENTS.includes(kind);
    // A hidden field must not be invalid.
    for (const [input, usual] of [[stays, hotkey.seconds], [fade, hotkey.fade_s], [fadeOut, hotkey.fade_s]]) {
      if (input.hidden && !input.checkValidity()) input.value = usual;
    }
  };
  [mode, what].forEach((one) => one.addEventListener("change", arrange));
  arrange();
  const fields = [label, key, what, mode, stays, fade, fadeOut, group, by];
  fields.forEach((one, at) => one.setAttribute("aria-label", COLUMNS[at]));
  const box = make(
    "tr",
    { class: "hotkey", "aria-label": titleOf(hotkey) },
    ...fields.map((one, at) => make("td", { "data-column": COLUMNS[at] }, one)),
  );
  const remove = () => {
    box.remove();
    markClashes();
  };
  box.append(make("td", {}, button("×", remove, { class: "close", "aria-label": t("button.remove_name", { name: titleOf(hotkey) }) })));
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
      command: kind === "command" ? name : null,
      ...Object.fromEntries(EVENTS.map((one) => [one, kind === one ? name : null])),
      mode: mode.value,
      seconds: Number(stays.value),
      fade_s: Number(fade.value),
      fade_out_s: Number(fadeOut.value),
      group: group.hidden ? "" : group.value.trim(),
    };
  };
  return box;
}

function fresh(state) {
  const id = `hotkey-${Date.now().toString(36)}`;
  const expression = state.expressions[0];
  return { id, label: "", key: "", on: null, expression, weights: null, character: null, command: null, scene: null, item: null, throw: null, mode: "toggle", seconds: 2, fade_s: 0.25, group: "" };
}

const rows = () => [...element("hotkey-editor").querySelectorAll(".hotkey")];
const written = () => JSON.stringify(rows().map((one) => one.read()));

/** Marks the rows whose key another row has too, and says so; returns whether there are any. */
function markClashes() {
  const keys = rows().map((one) => one.read().key.toLowerCase());
  const clashing = keys.filter((key, at) => key && keys.indexOf(key) !== at);
  rows().forEach((one, at) => {
    const isClashing = clashing.includes(keys[at]);
    one.classList.toggle("is-clashing", isClashing);
    one.querySelector(".key").setAttribute("aria-invalid", String(isClashing));
  });
  say("hotkey-problem", clashing.length ? t("hotkeys.clash", { key: clashing[0] }) : "");
  return clashing.length > 0;
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
  seen = state.hotkeys;
  const groups = [...new Set(seen.map((one) => one.group).filter(Boolean))];
  const known = make("datalist", { id: "hotkey-groups" }, ...groups.map((value) => make("option", { value })));
  const body = make("tbody", {}, ...seen.map((one) => row(one, state)));
  const add = () => {
    const one = row(fresh(state), state);
    body.append(one);
    one.querySelector("input").focus();
  };
  const heading = make("tr", {}, ...COLUMNS.map((text) => make("th", { scope: "col", text })));
  const table = make("table", { class: "hotkeys" }, make("thead", {}, heading), body);
  const ending = make(
    "div",
    { class: "row" },
    make("p", { id: "hotkey-problem", class: "problem", role: "alert" }),
    button(t("hotkeys.add"), add),
    make("span", { class: "gap" }),
    button(t("button.cancel"), () => show(false)),
    make("button", { type: "submit", class: "accent", text: t("button.save") }),
  );
  element("hotkey-editor").replaceChildren(known, table, ending);
  opened = written();
  show(true);
}

async function save(event) {
  event.preventDefault();
  if (markClashes()) return;
  try {
    await post("/api/hotkeys", { hotkeys: rows().map((one) => one.read()), seen });
    show(false);
  } catch (error) {
    say("hotkey-problem", error.message); // beside Save, which a notice would cover
  }
}

/** Escape leaves the editor, after a question if something was changed. */
async function onKey(event) {
  if (event.key !== "Escape") return;
  event.preventDefault();
  const isUnchanged = written() === opened;
  if (isUnchanged || (await confirmed(t("hotkeys.discard_title"), t("hotkeys.discard_hint"), t("button.discard")))) show(false);
}

export function startHotkeyEditor() {
  element("edit-hotkeys").addEventListener("click", open);
  element("hotkey-editor").addEventListener("submit", save);
  element("hotkey-editor").addEventListener("change", markClashes);
  element("hotkey-editor").addEventListener("keydown", onKey);
}

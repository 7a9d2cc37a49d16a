// The editor of the user's own expressions: sliders, what the performer does now, files. Each is kept as a hotkey.

import { get, newest, post } from "./api.js";
import { NAMES, PAIRED, REGIONS, titleOf } from "./arkit.js";
import { button, element, field, make, say } from "./elements.js";
import { keyField } from "./key_field.js";
import { attempt } from "./notices.js";
import { slider } from "./slider.js";
import { current, onPart } from "./state.js";
import { named, t } from "./text.js";

const LAYER = "expression editor"; // of the preview, so that nothing else replaces it
const FORMAT = 1; // of an exported file

let weights = {}; // what is edited, by name; zeros are left out
let edited = null; // the hotkey that holds it; null for a new one
let sliders = {}; // by name
let seen = []; // the hotkeys when the editor was opened

const editor = () => element("expression-editor");

const preview = newest(() => {
  const isShown = !editor().hidden && element("expression-preview")?.checked;
  const shown = isShown && Object.keys(weights).length ? weights : { [NAMES[0]]: 0 };
  return attempt(() => post("/api/expression", { weights: shown, layer: LAYER, attack: 0.1, hold: null }), "preview");
});

function put(name, value) {
  if (value > 0) weights[name] = value;
  else delete weights[name];
}

/** Shows these weights on the sliders and on the portrait. */
function showWeights(now) {
  weights = {};
  for (const [name, value] of Object.entries(now)) put(name, value);
  for (const [name, one] of Object.entries(sliders)) one.show(weights[name] ?? 0);
  const isEven = NAMES.every((name) => !name.endsWith("Left") || (weights[name] ?? 0) === (weights[name.replace(/Left$/, "Right")] ?? 0) || !PAIRED.test(name));
  element("both-sides").checked = isEven;
  arrange();
  preview();
}

/** With both sides at once, one slider stands for the two. */
function arrange() {
  const isBoth = element("both-sides").checked;
  for (const [name, { box }] of Object.entries(sliders)) {
    const side = PAIRED.exec(name);
    box.closest(".shape").hidden = isBoth && side?.[2] === "Right";
    box.closest(".shape").querySelector(".label").textContent = titleOf(isBoth && side ? side[1] : name);
  }
}

function shape(name) {
  const one = slider({
    label: titleOf(name),
    usual: 0,
    send: (value) => {
      put(name, value);
      if (element("both-sides").checked && PAIRED.test(name)) {
        const other = name.replace(/Left$/, "Right");
        put(other, value);
        sliders[other].show(value);
      }
      return preview();
    },
  });
  sliders[name] = one;
  return make("div", { class: "shape" }, make("span", { class: "label", text: titleOf(name) }), one.box);
}

async function capture() {
  say("expression-note", "");
  const isDone = await attempt(async () => showWeights((await get("/api/expression/now")).weights), "capture");
  if (isDone) say("expression-note", t("editor.captured"));
}

function exportFile() {
  const name = element("expression-name").value.trim() || t("editor.file_name");
  const text = JSON.stringify({ omote_expression: FORMAT, name, weights }, null, 2);
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href: address, download: `${name}.expression.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function importFile(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  say("expression-problem", "");
  try {
    const read = JSON.parse(await file.text());
    if (read?.omote_expression !== FORMAT || typeof read.weights !== "object") throw new Error("no expression");
    for (const [name, value] of Object.entries(read.weights)) {
      if (!NAMES.includes(name) || !(value >= 0 && value <= 1)) throw new Error(name);
    }
    if (typeof read.name === "string" && !element("expression-name").value) element("expression-name").value = read.name.slice(0, 40);
    showWeights(read.weights);
  } catch {
    say("expression-problem", t("editor.bad_file", { name: file.name }));
  }
}

function hotkeyOf() {
  const own = { label: element("expression-name").value.trim(), key: element("expression-key").value, weights, expression: null };
  if (edited) return { ...edited, ...own };
  const id = `own-${Date.now().toString(36)}`;
  return { id, on: null, character: null, command: null, mode: "toggle", seconds: 2, fade_s: 0.25, group: "", ...own };
}

async function save(event) {
  event.preventDefault();
  say("expression-problem", "");
  if (!Object.keys(weights).length) return say("expression-problem", t("editor.empty"));
  const own = hotkeyOf();
  const hotkeys = edited ? seen.map((one) => (one.id === own.id ? own : one)) : [...seen, own];
  try {
    await post("/api/hotkeys", { hotkeys, seen });
    close();
  } catch (error) {
    say("expression-problem", error.message);
  }
  return undefined;
}

function close() {
  editor().hidden = true;
  element("new-expression").hidden = false;
  preview(); // takes it back
  element("new-expression").focus({ preventScroll: true });
}

function open(hotkey) {
  if (!current()) return;
  edited = hotkey;
  seen = current().hotkeys;
  sliders = {};
  const name = make("input", { type: "text", id: "expression-name", value: hotkey?.label ?? "", maxlength: 40, required: true });
  const key = keyField(hotkey?.key, { id: "expression-key" });
  const tick = (id, text, isOn, onChange) => make("label", { class: "tick" }, make("input", { type: "checkbox", id, checked: isOn, on: { change: onChange } }), make("span", { text }));
  const file = make("input", { type: "file", accept: ".json", class: "unseen", "aria-label": t("editor.import_title"), on: { change: importFile } });
  const regions = Object.entries(REGIONS).map(([region, names]) =>
    make("details", { class: "shapes", open: region === "mouth" || region === "brows" }, make("summary", { text: named("region", region) }), ...names.map(shape)),
  );
  editor().replaceChildren(
    make("div", { class: "row" }, field(t("editor.name"), name), field(t("hotkeys.key"), key)),
    make("div", { class: "row" }, button(t("editor.capture"), capture, { class: "accent" }), button(t("editor.zero"), () => showWeights({})), make("span", { class: "gap" }), button(t("button.export"), exportFile), make("span", { class: "import" }, button(t("button.import"), () => file.click(), { tabindex: -1 }), file)),
    make("div", { class: "row" }, tick("both-sides", t("editor.both_sides"), true, arrange), tick("expression-preview", t("editor.preview"), true, preview)),
    make("p", { id: "expression-note", class: "hint", role: "status" }),
    make("div", { class: "shape-regions" }, ...regions),
    make("div", { class: "row" }, make("p", { id: "expression-problem", class: "problem", role: "alert" }), make("span", { class: "gap" }), button(t("button.cancel"), close), make("button", { type: "submit", class: "accent", text: t("button.save") })),
  );
  editor().hidden = false;
  element("new-expression").hidden = true;
  showWeights(hotkey?.weights ?? {});
  name.focus();
}

function showOwn(hotkeys) {
  const own = hotkeys.filter((one) => one.weights);
  const chips = own.map((one) => button(one.label || one.id, () => open(current().hotkeys.find(({ id }) => id === one.id)), { class: "chip", title: t("editor.edit") }));
  element("own-expressions").replaceChildren(...chips);
}

export function startExpressionEditor() {
  element("new-expression").addEventListener("click", () => open(null));
  editor().addEventListener("submit", save);
  editor().addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("pagehide", () => !editor().hidden && close());
  onPart((state) => state.hotkeys.map(({ id, label, weights: own }) => ({ id, label, weights: own })), showOwn);
}

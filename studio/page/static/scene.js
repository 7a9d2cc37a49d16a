// The scene: what is behind the portrait, where it stands, and presets of both. The portrait itself can be dragged.

import { addressOf } from "./address.js";
import { newest, post, remove, upload } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, element, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { current, onPart } from "./state.js";
import { slider } from "./slider.js";
import { onVisible } from "./tabs.js";
import { number, percent, signedPercent, t } from "./text.js";

const BACKGROUNDS = [["none", t("scene.transparent")], ["colour", t("scene.colour")], ["picture", t("scene.picture")]];
const SHAPES = [["1:1", t("scene.square")], ["4:3", "4:3"], ["16:9", "16:9"], ["9:16", "9:16"]];
const GREEN = "#00b140";
const PLACES = [
  { name: "zoom", label: t("place.size"), min: 0.25, max: 3, usual: 1, step: 0.01, format: percent },
  { name: "x", label: t("place.right"), min: -1, max: 1, usual: 0, step: 0.01, format: signedPercent },
  { name: "y", label: t("place.up"), min: -1, max: 1, usual: 0, step: 0.01, format: signedPercent },
  { name: "turn_deg", label: t("place.turn"), min: -180, max: 180, usual: 0, step: 1, format: (value) => `${number(value)}°` },
];
const LEAN = { name: "lean", label: t("scene.lean"), max: 2, usual: 0, step: 0.05, format: percent };
const CROPS = [
  ["left", t("scene.cut_left")],
  ["top", t("scene.cut_top")],
  ["right", t("scene.cut_right")],
  ["bottom", t("scene.cut_bottom")],
].map(([name, label]) => ({ name, label, max: 0.49, usual: 0, step: 0.01, format: percent }));
const STEP = 0.02; // of the portrait's side, for an arrow key
const WHEEL = 1.05; // by which one notch of the wheel enlarges
const STILL_MS = 600; // after the last drag, because the server may still send the old place

const send = newest((changes) => attempt(() => post("/api/scene", changes), "scene"));
const path = (name) => `/api/pictures/${encodeURIComponent(name)}`;
let place = { x: 0, y: 0, zoom: 1 }; // as it is being dragged, until the server knows
let dragged = -Infinity;
let isOpen = false;
let guest = ""; // whose place is changed; "" for the main character

const change = (changes) => attempt(() => post("/api/scene", changes), "scene");
const placed = (placement) => (guest ? { placement, character: guest } : { placement });
const limited = (value, low, high) => Math.min(Math.max(value, low), high);

function segments(id, options, use) {
  const radios = options.map(([value, label]) => {
    const input = make("input", { type: "radio", name: id, value, on: { change: () => use(value) } });
    return make("label", {}, input, make("span", { text: label }));
  });
  element(id).replaceChildren(...radios);
  return (value) => {
    for (const input of element(id).querySelectorAll("input")) input.checked = input.value === value;
  };
}

function knob({ name, label, ...about }, use) {
  const one = slider({ ...about, label, send: (value) => use({ [name]: value }) });
  return { name, show: one.show, row: make("div", { class: "knob" }, make("span", { class: "label", text: label }), one.box) };
}

function useBackground(kind) {
  const { scene, pictures } = current();
  if (kind === "picture" && !pictures.includes(scene.picture)) {
    if (!pictures.length) return element("scene-file").click();
    return change({ background: kind, picture: pictures[0] });
  }
  return change({ background: kind });
}

async function add(file) {
  if (!file) return;
  await attempt(async () => {
    const { name } = await upload("/api/pictures", { name: file.name.replace(/\.\w+$/, "") }, file);
    await post("/api/scene", { background: "picture", picture: name });
  }, "picture");
}

async function removePicture(name) {
  const isSure = await confirmed(t("scene.delete_picture", { name }), t("scene.delete_picture_hint"), t("delete.delete"));
  if (isSure) await attempt(() => remove(path(name)), "picture");
}

function card(name) {
  const choose = make(
    "button",
    { type: "button", class: "shot", title: name, "data-picture": name, "aria-label": t("scene.background_name", { name }) },
    make("img", { src: addressOf(path(name)), alt: "", loading: "lazy" }),
  );
  choose.addEventListener("click", () => change({ background: "picture", picture: name }));
  const forget = button("×", () => removePicture(name), { class: "close", "aria-label": t("delete.delete_name", { name }) });
  return make("div", { class: "shot-box" }, choose, forget);
}

function showPictures([pictures, scene]) {
  const now = [...element("scene-pictures").querySelectorAll("[data-picture]")].map((one) => one.dataset.picture);
  if (now.join("\n") !== pictures.join("\n")) element("scene-pictures").replaceChildren(...pictures.map(card));
  for (const one of element("scene-pictures").querySelectorAll("[data-picture]")) {
    const isShown = scene.background === "picture" && one.dataset.picture === scene.picture;
    one.setAttribute("aria-pressed", String(isShown));
  }
}

function preset(name) {
  const show = button(name, () => attempt(() => post("/api/scenes/show", { name }), "scene"), { class: "chip" });
  const forget = button("×", () => attempt(() => post("/api/scenes/remove", { name }), "scene"), {
    class: "close",
    "aria-label": t("scene.remove_name", { name }),
  });
  return make("span", { class: "preset", "data-scene": name }, show, forget);
}

async function keep(event) {
  event.preventDefault();
  const input = element("scene-name");
  if (await attempt(() => post("/api/scenes/save", { name: input.value }), "scene")) input.value = "";
}

// Moving the portrait by hand, while the panel is open.

function move(changes) {
  dragged = performance.now();
  place = { ...place, ...changes };
  send(placed(changes));
}

/** Pixels on the screen of one side of the drawn square at 100 %. */
function sideOnScreen(canvas) {
  const box = canvas.getBoundingClientRect();
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  return Math.min(canvas.width, canvas.height) * scale;
}

function startDragging() {
  const canvas = element("portrait");
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!isOpen || event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    from = { x: event.clientX, y: event.clientY, place: { ...place } };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const side = sideOnScreen(canvas);
    const x = limited(from.place.x + (event.clientX - from.x) / side, -2, 2);
    const y = limited(from.place.y - (event.clientY - from.y) / side, -2, 2);
    move({ x, y });
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(end, () => (from = null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!isOpen) return;
      event.preventDefault();
      move({ zoom: limited(place.zoom * WHEEL ** -Math.sign(event.deltaY), 0.1, 5) });
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    const [x, y] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key] ?? [0, 0];
    if (!isOpen || (!x && !y)) return;
    event.preventDefault();
    move({ x: limited(place.x + x, -2, 2), y: limited(place.y + y, -2, 2) });
  });
  onVisible("scene", (isVisible) => {
    isOpen = isVisible;
    canvas.classList.toggle("is-movable", isVisible);
    if (isVisible) canvas.tabIndex = 0;
    else canvas.removeAttribute("tabindex");
  });
}

/** The place of the character whose sliders these are. */
function placeOf({ scene, guests }) {
  return guests.find((one) => one.character === guest)?.placement ?? scene.placement;
}

function showWhose([main, guests], showPlace) {
  if (!guests.includes(guest)) guest = "";
  const select = element("scene-whose-choice").querySelector("select");
  const options = [["", main], ...guests.map((name) => [name, name])];
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, text, selected: value === guest })));
  element("scene-whose-choice").hidden = guests.length === 0;
  say("scene-whose", t("scene.place_of", { name: guest || main }));
  showPlace();
}

export function startScene() {
  const showBackground = segments("scene-backgrounds", BACKGROUNDS, useBackground);
  const showShape = segments("scene-shapes", SHAPES, (aspect) => change({ aspect }));
  const colour = element("scene-colour");
  colour.addEventListener("input", () => send({ background: "colour", colour: colour.value }));
  element("scene-green").addEventListener("click", () => change({ background: "colour", colour: GREEN }));
  element("scene-add").addEventListener("click", () => element("scene-file").click());
  element("scene-file").addEventListener("change", (event) => {
    add(event.target.files[0]);
    event.target.value = ""; // so that the same file can be chosen again
  });
  element("scene-centre").addEventListener("click", () => change(placed(null)));
  element("scene-keep").addEventListener("submit", keep);

  const blur = knob({ name: "blur", label: t("scene.blur"), usual: 0, step: 0.01, format: percent }, change);
  const knobs = [...PLACES, ...CROPS].map((one) => knob(one, (value) => change(placed(value))));
  const lean = knob(LEAN, change);
  element("scene-lean").replaceChildren(lean.row);
  element("scene-blur").replaceChildren(blur.row);
  element("scene-places").replaceChildren(...knobs.slice(0, PLACES.length).map((one) => one.row));
  element("scene-crops").replaceChildren(...knobs.slice(PLACES.length).map((one) => one.row));

  onPart((state) => state.scene, (scene) => {
    showBackground(scene.background);
    showShape(scene.aspect);
    if (document.activeElement !== colour) colour.value = scene.colour;
    blur.show(scene.blur);
    lean.show(scene.lean);
    element("scene-picture").hidden = scene.background !== "picture";
  });
  const showPlace = () => {
    const shown = placeOf(current());
    knobs.forEach((one) => one.show(shown[one.name]));
    if (performance.now() - dragged > STILL_MS) place = { ...shown };
  };
  onPart(placeOf, showPlace);
  const whose = (state) => [state.character, state.guests.map((one) => one.character)];
  onPart(whose, (parts) => showWhose(parts, showPlace));
  element("scene-whose-choice").addEventListener("change", (event) => {
    guest = event.target.value;
    showWhose(whose(current()), showPlace);
  });
  onPart((state) => [state.pictures, state.scene], showPictures);
  onPart((state) => state.scene.presets, (names) => {
    element("scene-presets").replaceChildren(...names.map(preset));
  });
  startDragging();
}

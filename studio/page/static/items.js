// Items: pictures on the head, the shoulder or the screen, and pictures that are thrown.

import { addressOf } from "./address.js";
import { post, upload } from "./api.js";
import { button, choice, element, make } from "./elements.js";
import { attempt } from "./notices.js";
import { current, on, onPart } from "./state.js";
import { slider } from "./slider.js";
import { named, number, percent, signedPercent, t } from "./text.js";

const ANCHORS = [["head", t("items.head")], ["shoulder", t("items.shoulder")], ["screen", t("items.screen")]];
const KNOBS = [
  { name: "width", label: t("items.width"), min: 0.02, max: 1.5, step: 0.01, format: percent },
  { name: "x", label: t("place.right"), min: -1, max: 1, step: 0.01, format: signedPercent },
  { name: "y", label: t("place.up"), min: -1, max: 1, step: 0.01, format: signedPercent },
  { name: "turn_deg", label: t("place.turn"), min: -180, max: 180, step: 1, format: (value) => `${number(value)}°` },
];

let shows = []; // each sets one control to the server's value

const ask = (path, body) => attempt(() => post(`/api/items/${path}`, body), "items");
const picture = (name) => make("img", { src: addressOf(`/api/pictures/${encodeURIComponent(name)}`), alt: "", loading: "lazy" });
const find = (name) => current().items.find((one) => one.name === name);

function flag(item, name, label) {
  const input = make("input", { type: "checkbox", role: "switch", "aria-label": `${item.name}: ${label}` });
  input.addEventListener("change", () => ask("change", { item: item.name, [name]: input.checked }));
  shows.push(() => (input.checked = find(item.name)?.[name]));
  return make("label", { class: "switch" }, input, make("span", { text: label }));
}

function box(item) {
  const anchor = choice(ANCHORS, item.anchor, { "aria-label": t("items.where", { name: item.name }) });
  anchor.addEventListener("change", () => ask("change", { item: item.name, anchor: anchor.value }));
  shows.push(() => (anchor.value = find(item.name)?.anchor));
  const knobs = KNOBS.map(({ name, label, ...about }) => {
    const send = (value) => post("/api/items/change", { item: item.name, [name]: value });
    const one = slider({ ...about, label: `${item.name}: ${label}`, send });
    shows.push(() => find(item.name) && one.show(find(item.name)[name]));
    return make("div", { class: "knob" }, make("span", { class: "label", text: label }), one.box);
  });
  return make(
    "div",
    { class: "item", role: "group", "aria-label": item.name, "data-item": item.name },
    make(
      "div",
      { class: "row" },
      make("span", { class: "item-picture" }, picture(item.picture)),
      make("strong", { text: named("picture", item.name, item.name) }),
      make("span", { class: "gap" }),
      button("×", () => ask("remove", { item: item.name }), { class: "close", "aria-label": t("button.remove_name", { name: item.name }) }),
    ),
    make("div", { class: "row" }, anchor, flag(item, "is_shown", t("items.shown")), flag(item, "is_behind", t("items.behind"))),
    make("div", { class: "knobs-2" }, ...knobs),
  );
}

function pictures(id, labelOf, use) {
  onPart((state) => [state.shipped_pictures, state.pictures], ([shipped, own]) => {
    const chips = [...shipped, ...own].map((name) => {
      const chip = button("", () => use(name), { class: "shot small", title: named("picture", name), "aria-label": labelOf(named("picture", name)) });
      chip.append(picture(name));
      return chip;
    });
    element(id).replaceChildren(...chips);
  });
}

async function add(file) {
  if (!file) return;
  await attempt(async () => {
    const { name } = await upload("/api/pictures", { name: file.name.replace(/\.\w+$/, "") }, file);
    await post("/api/items/add", { picture: name });
  }, "items");
}

export function startItems() {
  onPart((state) => state.items.map((one) => [one.name, one.picture]), (_, { items }) => {
    shows = [];
    element("items").replaceChildren(...items.map(box));
  });
  on("state", () => shows.forEach((show) => show()));
  pictures("item-pictures", (name) => t("items.add_name", { name }), (name) => ask("add", { picture: name }));
  pictures("item-throws", (name) => t("items.throw_name", { name }), (name) => ask("throw", { picture: name }));
  element("item-add").addEventListener("click", () => element("item-file").click());
  element("item-file").addEventListener("change", (event) => {
    add(event.target.files[0]);
    event.target.value = "";
  });
}

// Makes a character: from a photo, from a seed, between two others, or another one adjusted.

import { post, upload } from "./api.js";
import { adjustments } from "./adjustments.js";
import { button, choice, element, field, make } from "./elements.js";
import { current } from "./state.js";
import { photoField } from "./photo.js";

const MOST_SEED = 2 ** 31 - 1;

const names = () => current().characters.filter((one) => one.kind === "open" && !one.error).map((one) => [one.name, one.name]);
const shown = () => (names().some(([name]) => name === current().character) ? current().character : names()[0]?.[0]);

function fromPhoto() {
  const photo = photoField();
  const consent = make("input", { type: "checkbox", required: true, id: "consent" });
  const sentence = "The person in this photo is me, or has agreed that a character is made from it.";
  return {
    boxes: [
      photo.box,
      make("label", { class: "tick", for: "consent" }, consent, make("span", { text: sentence })),
      make("p", { class: "hint", text: "One face, from the front, sharp and evenly lit. The photo stays on this machine and is not kept." }),
    ],
    send(name) {
      if (!photo.file) throw new Error("Choose a photo first.");
      if (!consent.checked) throw new Error("Without the consent of the person in the photo there is no character.");
      return upload("/api/characters/photo", { name, consent: "yes" }, photo.file);
    },
  };
}

function fromSeed() {
  const roll = () => Math.floor(Math.random() * MOST_SEED);
  const seed = make("input", { type: "number", min: 0, max: MOST_SEED, step: 1, value: roll(), required: true });
  const dice = button("Another", () => (seed.value = roll()));
  return {
    boxes: [
      make("div", { class: "row" }, field("Seed", seed), dice),
      make("p", { class: "hint", text: "Someone who does not exist; the same number makes the same person again." }),
    ],
    send(name) {
      if (!seed.value) throw new Error("Say a whole number as the seed."); // an empty text is a 0 too
      return post("/api/characters", { name, seed: Number(seed.value) });
    },
  };
}

function fromTwo() {
  const first = choice(names(), shown());
  const second = choice(names(), names().find(([name]) => name !== shown())?.[0]);
  const share = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.5, "aria-label": "How much of the second" });
  const says = make("p", { class: "mix", "aria-live": "polite" });
  const tell = () => {
    const percent = Math.round(100 * share.value);
    share.style.setProperty("--share", `${percent}%`);
    says.textContent = `${100 - percent} % ${first.value}, ${percent} % ${second.value}`;
  };
  [first, second, share].forEach((one) => one.addEventListener("input", tell));
  tell();
  return {
    boxes: [make("div", { class: "row halves" }, field("From", first), field("to", second)), share, says],
    send: (name) => post("/api/characters", { name, blend: [first.value, second.value, Number(share.value)] }),
  };
}

function fromOther() {
  const other = choice(names(), shown());
  const wishes = adjustments();
  return {
    boxes: [field("Of", other), wishes.box],
    send(name) {
      const set = wishes.values();
      if (!Object.keys(set).length) throw new Error("Change something first: a colour, a style or a number.");
      return post("/api/characters", { name, from: other.value, set });
    },
  };
}

const WAYS = [
  ["photo", "Photo", fromPhoto],
  ["seed", "Seed", fromSeed],
  ["blend", "Blend", fromTwo],
  ["adjust", "Adjust", fromOther],
];

function build(dialog) {
  let way = fromPhoto();
  const body = make("div", { class: "way" }, ...way.boxes);
  const problem = make("p", { class: "problem", role: "alert" });
  const name = make("input", { type: "text", required: true, maxlength: 60, autocomplete: "off", spellcheck: "false" });
  const making = make("button", { type: "submit", class: "accent", text: "Make" });

  const ways = make("div", { class: "segments", role: "radiogroup", "aria-label": "How it is made" });
  for (const [key, label, start] of WAYS) {
    const radio = make("input", { type: "radio", name: "way", value: key, checked: key === "photo" });
    radio.addEventListener("change", () => {
      way = start();
      body.replaceChildren(...way.boxes);
      problem.textContent = "";
    });
    ways.append(make("label", {}, radio, make("span", { text: label })));
  }

  async function send(event) {
    event.preventDefault();
    making.disabled = true;
    try {
      await way.send(name.value.trim());
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
    making.disabled = false;
  }

  const ending = make("div", { class: "row end" }, button("Cancel", () => dialog.close()), making);
  const foot = make("div", { class: "foot" }, field("Name", name, "Letters, digits, - and _"), problem, ending);
  const form = make("form", { novalidate: true }, ways, body, foot);
  form.addEventListener("submit", send);
  dialog.replaceChildren(make("h2", { id: "maker-title", text: "New character" }), form);
}

export function startMaker() {
  element("make-character").addEventListener("click", () => {
    if (!current()) return;
    build(element("maker"));
    element("maker").showModal();
  });
}

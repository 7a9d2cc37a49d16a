// Makes a character from a photo, a drawing or a 3D model.

import { upload } from "./api.js";
import { button, choice, element, field, make } from "./elements.js";
import { photoField } from "./photo.js";
import { pointsField } from "./points.js";
import { current } from "./state.js";

const KINDS = {
  person: {
    label: "A photo of a person",
    consent: "The person in this photo is me, or has agreed that a character is made from it.",
    hint: "One face, from the front, calm, sharp and evenly lit.",
    refusal: "Without the consent of the person in the photo there is no character.",
  },
  drawing: {
    label: "A drawing",
    consent: "This is a drawing, not a photo of a real person, and I may make a character of it.",
    hint: "One character, from the front, with open eyes and a closed mouth; a PNG with a transparent background is best.",
    refusal: "Tick that it is a drawing that you may use: without that there is no character.",
  },
  model: {
    label: "A 3D model (.vrm)",
    consent: "The model's terms of use allow that I make a character of it.",
    hint: "VRM 0.x or 1.0, as VRoid Studio exports it. It takes about half a minute.",
    refusal: "Tick that the model's terms allow it: without that there is no character.",
  },
};
const STAYS = "The character is made of the file itself and stays on this machine.";

function build(dialog) {
  const points = pointsField();
  const photo = photoField(look);
  const consent = make("input", { type: "checkbox", required: true, id: "consent" });
  const name = make("input", { type: "text", required: true, maxlength: 60, autocomplete: "off", spellcheck: "false" });
  const of = choice(Object.entries(KINDS).map(([value, kind]) => [value, kind.label]), "person", { id: "of" });
  const agrees = make("span");
  const hint = make("p", { class: "hint" });
  const problem = make("p", { class: "problem", role: "alert" });
  const making = make("button", { type: "submit", class: "accent", text: "Make" });

  async function look(file) {
    points.clear();
    problem.textContent = "";
    if (of.value !== "drawing" || !file) return;
    try {
      await points.read(file);
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  function say() {
    const kind = KINDS[of.value];
    agrees.textContent = kind.consent;
    hint.textContent = `${kind.hint} ${STAYS}`;
    consent.checked = false;
    look(photo.file);
  }

  async function send(event) {
    event.preventDefault();
    making.disabled = true;
    try {
      if (!photo.file) throw new Error("Choose a file first.");
      if (!consent.checked) throw new Error(KINDS[of.value].refusal);
      const asked = { name: name.value.trim(), of: of.value, consent: "yes" };
      if (points.placed) asked.points = JSON.stringify(points.placed);
      await upload("/api/characters/photo", asked, photo.file);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
    making.disabled = false;
  }

  const tick = make("label", { class: "tick", for: "consent" }, consent, agrees);
  const body = make("div", { class: "body" }, field("Made from", of), photo.box, points.box, tick, hint);
  of.addEventListener("change", say);
  say();
  const ending = make("div", { class: "row end" }, button("Cancel", () => dialog.close()), making);
  const foot = make("div", { class: "foot" }, field("Name", name), problem, ending);
  const form = make("form", { novalidate: true }, body, foot);
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

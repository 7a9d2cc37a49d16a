// Makes a character from a photo.

import { upload } from "./api.js";
import { button, element, field, make } from "./elements.js";
import { photoField } from "./photo.js";
import { current } from "./state.js";

const CONSENT = "The person in this photo is me, or has agreed that a character is made from it.";
const HINT =
  "One face, from the front, calm, sharp and evenly lit. The character is made of the photo itself and stays on this machine.";

function build(dialog) {
  const photo = photoField();
  const consent = make("input", { type: "checkbox", required: true, id: "consent" });
  const name = make("input", { type: "text", required: true, maxlength: 60, autocomplete: "off", spellcheck: "false" });
  const problem = make("p", { class: "problem", role: "alert" });
  const making = make("button", { type: "submit", class: "accent", text: "Make" });

  async function send(event) {
    event.preventDefault();
    making.disabled = true;
    try {
      if (!photo.file) throw new Error("Choose a photo first.");
      if (!consent.checked) throw new Error("Without the consent of the person in the photo there is no character.");
      await upload("/api/characters/photo", { name: name.value.trim(), consent: "yes" }, photo.file);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
    making.disabled = false;
  }

  const tick = make("label", { class: "tick", for: "consent" }, consent, make("span", { text: CONSENT }));
  const body = make("div", { class: "body" }, photo.box, tick, make("p", { class: "hint", text: HINT }));
  const ending = make("div", { class: "row end" }, button("Cancel", () => dialog.close()), making);
  const foot = make("div", { class: "foot" }, field("Name", name, "Letters, digits, - and _"), problem, ending);
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

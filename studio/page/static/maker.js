// Makes a character from a photo, a drawing or a 3D model.

import { upload } from "./api.js";
import { button, choice, element, field, make } from "./elements.js";
import { photoField } from "./photo.js";
import { pointsField } from "./points.js";
import { current } from "./state.js";
import { termsField } from "./terms.js";
import { t } from "./text.js";

const KINDS = {
  person: {
    label: t("maker.person"),
    consent: t("maker.person_consent"),
    hint: t("maker.person_hint"),
    refusal: t("maker.person_refusal"),
  },
  drawing: {
    label: t("maker.drawing"),
    consent: t("maker.drawing_consent"),
    hint: t("maker.drawing_hint"),
    refusal: t("maker.drawing_refusal"),
  },
  model: {
    label: t("maker.model"),
    consent: t("maker.model_consent"),
    hint: t("maker.model_hint"),
    refusal: t("maker.model_refusal"),
  },
};

function build(dialog) {
  const points = pointsField();
  const terms = termsField();
  const photo = photoField(look);
  const consent = make("input", { type: "checkbox", required: true, id: "consent" });
  const name = make("input", { type: "text", required: true, maxlength: 60, autocomplete: "off", spellcheck: "false" });
  const of = choice(Object.entries(KINDS).map(([value, kind]) => [value, kind.label]), "person", { id: "of" });
  const agrees = make("span");
  const hint = make("p", { class: "hint" });
  const problem = make("p", { class: "problem", role: "alert" });
  const making = make("button", { type: "submit", class: "accent", text: t("maker.make") });

  async function look(file) {
    points.clear();
    terms.clear();
    problem.textContent = "";
    consent.checked = false; // it was about another file
    consent.disabled = of.value === "model"; // until the terms are shown
    const field = { drawing: points, model: terms }[of.value];
    if (!field || !file) return;
    try {
      await field.read(file);
      consent.disabled = of.value === "model" && !terms.isShown;
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  function say() {
    const kind = KINDS[of.value];
    agrees.textContent = kind.consent;
    hint.textContent = `${kind.hint} ${t("maker.stays")}`;
    look(photo.file);
  }

  async function send(event) {
    event.preventDefault();
    making.disabled = true;
    try {
      if (!photo.file) throw new Error(t("file.choose"));
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
  const body = make("div", { class: "body" }, field(t("maker.made_from"), of), photo.box, points.box, terms.box, tick, hint);
  of.addEventListener("change", say);
  say();
  const ending = make("div", { class: "row end" }, button(t("button.cancel"), () => dialog.close()), making);
  const foot = make("div", { class: "foot" }, field(t("maker.name"), name), problem, ending);
  const form = make("form", { novalidate: true }, body, foot);
  form.addEventListener("submit", send);
  dialog.replaceChildren(make("h2", { id: "maker-title", text: t("maker.title") }), form);
}

export function startMaker() {
  element("make-character").addEventListener("click", () => {
    if (!current()) return;
    build(element("maker"));
    element("maker").showModal();
  });
}

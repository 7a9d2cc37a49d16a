// The characters as cards: a click shows one, and own ones can be deleted.

import { addressOf } from "./address.js";
import { newest, post, remove } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, element, make } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

const path = (name) => `/api/characters/${encodeURIComponent(name)}`;

/** A picture of this character, or its initial if its file cannot be read. */
export function thumbnail(character) {
  if (!character.has_thumbnail) {
    return make("span", { class: "initial", "aria-hidden": "true", text: [...character.name][0] ?? "?" });
  }
  const picture = make("img", { src: addressOf(`${path(character.name)}/thumbnail`), alt: "", loading: "lazy" });
  picture.addEventListener("error", () => picture.replaceWith(thumbnail({ ...character, has_thumbnail: false })));
  return picture;
}

function tags(character) {
  const said = [];
  if (character.is_own) said.push(t("characters.yours"));
  if (character.kind === "photoreal") said.push(t("characters.photoreal"));
  return said.map((text) => make("span", { class: "tag", text }));
}

function why(character) {
  if (character.error) return character.error;
  if (!character.can_be_shown) return t("characters.other_model", { name: character.name });
  return [character.made_from, character.consent, character.licence].filter(Boolean).join(" · ");
}

/** Shows a character; of several quick choices the last one, because requests may overtake each other. */
export const showCharacter = newest((name) => attempt(() => post("/api/character", { name }), "character"));

async function choose(name) {
  markBusy(name);
  await showCharacter(name);
  if (!showCharacter.isBusy) markBusy(null);
}

function markBusy(name) {
  for (const one of element("characters").querySelectorAll(".card")) {
    if (one.dataset.name === name) one.setAttribute("aria-busy", "true");
    else one.removeAttribute("aria-busy");
  }
}

async function forget(character) {
  const isSure = await confirmed(t("delete.title", { name: character.name }), t("characters.delete_hint"), t("delete.delete"));
  if (isSure) await attempt(() => remove(path(character.name)), "character");
}

function card(character) {
  const about = why(character);
  const picture = make("span", { class: "thumbnail" }, thumbnail(character));
  const label = make("span", { class: "name", text: character.name });
  const choosing = make(
    "button",
    { type: "button", class: "card", title: about, disabled: !character.can_be_shown, "data-name": character.name },
    picture,
    make("span", { class: "tags" }, ...tags(character)),
    label,
  );
  choosing.addEventListener("click", () => choose(character.name));
  const box = make("div", { class: "card-box" }, choosing);
  if (character.is_own) {
    box.append(button("×", () => forget(character), { class: "close", "aria-label": t("delete.delete_name", { name: character.name }) }));
  }
  return box;
}

function mark(name) {
  for (const one of element("characters").querySelectorAll(".card")) {
    const isShown = one.dataset.name === name;
    one.setAttribute("aria-pressed", String(isShown));
    const deleting = one.parentElement.querySelector(".close");
    if (!deleting) continue;
    deleting.disabled = isShown;
    deleting.title = isShown ? t("characters.is_shown") : "";
  }
}

function showAll(characters, state) {
  const focused = document.activeElement?.dataset?.name;
  const cards = characters.map(card);
  element("characters").replaceChildren(...cards);
  if (!cards.length) element("characters").append(make("p", { class: "hint", text: t("characters.none") }));
  mark(state.character);
  if (focused) element("characters").querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

export function startCharacters() {
  onPart((state) => state.characters, showAll);
  onPart((state) => state.character, mark);
}

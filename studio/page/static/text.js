// The page's texts, from the catalogue of the chosen language: `text/en.json` and its neighbours.
//
// To add a text: a key in each catalogue, and `t` here or `data-text` in studio.html.

import { readStored, store } from "./storage.js";

const LANGUAGES = { en: "English", ja: "日本語", de: "Deutsch" };
const ATTRIBUTES = { "data-text-title": "title", "data-text-label": "aria-label", "data-text-placeholder": "placeholder" };
const RETRY_MS = 1000;

const preferred = [readStored("language", ""), ...navigator.languages.map((one) => one.slice(0, 2))];

/** The language of the page: the chosen one, else the first of the browser's that there is, else English. */
export const language = preferred.find((one) => one in LANGUAGES) ?? "en";

const texts = await load();
const plurals = new Intl.PluralRules(language);

async function load() {
  for (;;) {
    const answer = await fetch(new URL(`text/${language}.json`, import.meta.url)).catch(() => null);
    if (answer?.ok) return answer.json();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS)); // Omote has ended meanwhile
  }
}

/**
 * The text of this key, with `{name}` replaced by `values.name`. A text with plural forms, as {"one": …, "other": …},
 * is chosen by `values.count`.
 */
export function t(key, values = {}) {
  const text = typeof texts[key] === "object" ? texts[key][plurals.select(values.count)] : texts[key];
  if (text === undefined) throw new Error(`The catalogue ${language}.json has no text for ${key}.`);
  return text.replaceAll(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

/** What the server calls `name`, in the page's language: "wink_left" of "expression" is "Wink left". */
export function named(kind, name, otherwise = words(name)) {
  return texts[`${kind}.${name}`] ?? otherwise;
}

/** "Wink left" for "wink_left". */
function words(name) {
  const spaced = name.replaceAll(/[_-]/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A number as it is written in this language, with so many digits after the point. */
export function number(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share as "50 %". */
export const percent = (share) => `${number(100 * share)} %`;

/** A shift as "+5 %". */
export const signedPercent = (share) => `${share > 0 ? "+" : ""}${percent(share)}`;

/** Fills in the texts of studio.html, and shows the choice of languages. The page is hidden until then. */
export function startText() {
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const [from, to] of Object.entries(ATTRIBUTES)) {
    for (const one of document.querySelectorAll(`[${from}]`)) one.setAttribute(to, t(one.getAttribute(from)));
  }
  const select = document.getElementById("language");
  for (const [code, name] of Object.entries(LANGUAGES)) select.add(new Option(name, code, false, code === language));
  select.addEventListener("change", () => {
    store("language", select.value);
    location.reload();
  });
  document.documentElement.lang = language;
}

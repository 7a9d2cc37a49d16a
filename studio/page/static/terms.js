// The terms of use that a 3D model's file states.

import { upload } from "./api.js";
import { make } from "./elements.js";
import { named, t } from "./text.js";

const START = 20; // bytes of a glTF file before its JSON
const LENGTH_AT = 12; // of the JSON, 4 bytes

/** A field for the terms: `box` is its element, `read(file)` shows them, and `isShown` says whether they are there. */
export function termsField() {
  const says = make("p");
  const list = make("dl");
  const box = make("div", { class: "terms", role: "status", hidden: true }, says, list);
  const terms = { box, isShown: false, read, clear };
  let asked = 0;

  function clear() {
    asked += 1;
    box.hidden = true;
    terms.isShown = false;
  }

  async function read(file) {
    clear();
    const mine = asked;
    const found = await upload("/api/characters/terms", {}, await start(file));
    if (mine !== asked) return; // another file was chosen meanwhile
    const rows = Object.entries(found.terms);
    says.textContent = rows.length ? t("maker.model_terms", found) : t("maker.model_no_terms", found);
    list.replaceChildren(...rows.flatMap(([name, value]) => [
      make("dt", { text: named("term", name) }),
      make("dd", { text: named("term_value", value.toLowerCase(), value) }),
    ]));
    box.hidden = false;
    terms.isShown = true;
  }

  return terms;
}

/** The file up to the end of its JSON, where the terms are; what follows are meshes and pictures. */
async function start(file) {
  const head = new DataView(await file.slice(0, START).arrayBuffer());
  const length = head.byteLength < START ? 0 : head.getUint32(LENGTH_AT, true);
  return file.slice(0, START + length);
}

// The 52 weights as bars by region: the shown value, and a mark at the tracked one.

import { NAMES, PAIRED, REGIONS, titleOf } from "./arkit.js";
import { element, make } from "./elements.js";
import { on, watch } from "./state.js";
import { named } from "./text.js";

const bars = []; // {shown, seen} in the order of NAMES
let stop = null;

function bar(name, side) {
  const shown = make("i", { class: "shown" });
  const seen = make("i", { class: "seen" });
  bars[NAMES.indexOf(name)] = { shown, seen };
  return make("span", { class: `bar ${side}`, title: name }, shown, seen);
}

/** A row for a weight, or for both sides of a pair, with the subject's left on the right. */
function row(name) {
  const pair = PAIRED.exec(name);
  if (pair?.[2] === "Right") return null;
  const title = titleOf(pair?.[1] ?? name);
  const track = pair
    ? make("span", { class: "pair" }, bar(`${pair[1]}Right`, "right"), bar(name, "left"))
    : make("span", { class: "pair" }, bar(name, "one"));
  return make("div", { class: "weight" }, make("span", { class: "name", text: title }), track);
}

function build() {
  for (const [region, names] of Object.entries(REGIONS)) {
    element("weights-view").append(make("h3", { text: named("region", region) }), ...names.map(row).filter(Boolean));
  }
}

function follow({ weights, shown }) {
  if (!stop) return;
  bars.forEach((one, index) => {
    one.shown.style.setProperty("--weight", shown ? Math.min(Math.max(shown[index], 0), 1) : 0);
    one.seen.hidden = !weights;
    if (weights) one.seen.style.setProperty("--weight", Math.min(Math.max(weights[index], 0), 1));
  });
}

/** Follows the face while the bars are visible. */
export function showWeights(isWanted) {
  if (isWanted && !bars.length) build();
  element("weights-view").hidden = !isWanted;
  if (isWanted && !stop) stop = watch("face");
  if (!isWanted && stop) stop = stop();
}

export function startWeights() {
  on("face", follow);
}

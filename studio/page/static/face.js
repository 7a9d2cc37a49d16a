// The tracked face: the camera's picture with its landmarks, the weights as bars, or neither.

import { showCamera, showConfidence } from "./camera.js";
import { element, make, say } from "./elements.js";
import { readStored, store } from "./storage.js";
import { current, on, onPart } from "./state.js";
import { onVisible } from "./tabs.js";
import { t } from "./text.js";
import { showWeights, startWeights } from "./weights.js";

const VIEWS = [["camera", t("face.camera")], ["weights", t("face.weights")], ["off", t("face.off")]];

let wanted = readStored("face", "camera");
let isInSight = false;

function arrange() {
  const source = current()?.source;
  const hasPicture = Boolean(source?.has_picture);
  const view = wanted === "camera" && !hasPicture ? "weights" : wanted;
  showCamera(isInSight && view === "camera");
  showWeights(isInSight && view === "weights");
  for (const input of element("views").querySelectorAll("input")) {
    input.checked = input.value === view;
    if (input.value === "camera") input.disabled = !hasPicture;
  }
  const note = { off: t("face.off_note"), weights: hasPicture ? "" : t("face.no_camera") };
  say("face-note", source ? (note[view] ?? "") : "");
  element("face-note").hidden = !element("face-note").textContent;
}

function choose(view) {
  wanted = view;
  store("face", view);
  arrange();
}

export function startFace() {
  const radios = VIEWS.map(([view, label]) => {
    const input = make("input", { type: "radio", name: "view", value: view, on: { change: () => choose(view) } });
    return make("label", {}, input, make("span", { text: label }));
  });
  element("views").replaceChildren(...radios);
  startWeights();
  onPart((state) => state.source, arrange);
  for (const kind of ["face", "status"]) on(kind, ({ confidence }) => showConfidence(confidence));
  onVisible("face", (isOpen) => {
    isInSight = isOpen;
    arrange();
  });
}

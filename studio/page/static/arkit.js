// The 52 weights of a face in Apple's order, and their regions; left is the subject's left.

import { named, t } from "./text.js";

const sides = (...names) => names.flatMap((name) => [`${name}Left`, `${name}Right`]);
const EYE = ["Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide"].map((part) => `eye${part}`);

export const NAMES = [
  ...EYE.map((name) => `${name}Left`),
  ...EYE.map((name) => `${name}Right`),
  ...["jawForward", "jawLeft", "jawRight", "jawOpen"],
  ...["mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"],
  ...sides("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
  ...["mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"],
  ...sides("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"),
  "browInnerUp",
  ...sides("browOuterUp"),
  "cheekPuff",
  ...sides("cheekSquint", "noseSneer"),
  "tongueOut",
];

const starting = (...beginnings) => NAMES.filter((name) => beginnings.some((one) => name.startsWith(one)));

/** Of a weight that has one on the other side, its name without the side, and the side. */
export const PAIRED = /^(?!jaw|mouthLeft|mouthRight)(.+?)(Left|Right)$/; // jawLeft is a movement, not a side

/** "Smile left" for "mouthSmileLeft", and "Smile" for both sides, "mouthSmile". */
export function titleOf(name) {
  const [, pair, side] = PAIRED.exec(name) ?? [];
  if (!pair) return named("weight", name);
  return side === "Left" ? t("side.left", { name: named("weight", pair) }) : t("side.right", { name: named("weight", pair) });
}

export const REGIONS = {
  brows: starting("brow"),
  eyes: starting("eyeBlink", "eyeSquint", "eyeWide"),
  gaze: starting("eyeLook"),
  cheeks: starting("cheek", "nose"),
  jaw: starting("jaw"),
  mouth: starting("mouth"),
  tongue: starting("tongue"),
};

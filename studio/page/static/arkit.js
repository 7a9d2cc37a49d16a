// The 52 weights of a face in Apple's order, and their regions; left is the subject's left.

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

export const REGIONS = {
  brows: starting("brow"),
  eyes: starting("eyeBlink", "eyeSquint", "eyeWide"),
  gaze: starting("eyeLook"),
  cheeks: starting("cheek", "nose"),
  jaw: starting("jaw"),
  mouth: starting("mouth"),
  tongue: starting("tongue"),
};

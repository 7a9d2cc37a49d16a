/** A face on a head of your own: ARKit weights by name, VRM's expressions, rotations. It imports nothing. */

/** ARKit's 52 weights in the order of the wire. Left is the subject's left. */
export const ARKIT_NAMES = Object.freeze([
  ...["Left", "Right"].flatMap((side) =>
    ["Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide"].map((part) => `eye${part}${side}`)),
  "jawForward", "jawLeft", "jawRight", "jawOpen",
  "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
  ...sides("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
  "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
  ...sides("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"),
  "browInnerUp",
  ...sides("browOuterUp"),
  "cheekPuff",
  ...sides("cheekSquint", "noseSneer"),
  "tongueOut",
]);

/** @param {string[]} names */
function sides(...names) {
  return names.flatMap((name) => [`${name}Left`, `${name}Right`]);
}

/**
 * The weights by name.
 * @param {ArrayLike<number>} weights [52] in the order of ARKIT_NAMES
 * @returns {{ [name: string]: number }}
 */
export function namedWeights(weights) {
  return Object.fromEntries(ARKIT_NAMES.map((name, i) => [name, Math.min(Math.max(weights[i], 0), 1)]));
}

/**
 * VRM 1's preset expressions for these weights, each 0 to 1, for a model without the 52 as custom expressions.
 * A model adds its expressions up, so each movement appears once. As omote.bridge.vmc's `vrm_presets`.
 * @param {ArrayLike<number>} weights [52]
 * @returns {{ [preset: string]: number }}
 */
export function vrmPresets(weights) {
  const value = namedWeights(weights);
  /** @param {string} name */
  const both = (name) => (value[`${name}Left`] + value[`${name}Right`]) / 2;
  const [left, right] = [value.eyeBlinkLeft, value.eyeBlinkRight];
  const blink = Math.min(left, right);
  const smile = both("mouthSmile");
  const happy = smile * both("cheekSquint");
  const opened = value.jawOpen;
  const narrow = Math.max(value.mouthFunnel, value.mouthPucker);
  const wide = both("mouthStretch") * (1 - narrow);
  return {
    aa: opened * (1 - narrow - wide),
    ih: (1 - opened) * wide,
    ou: (1 - opened) * narrow,
    ee: opened * wide,
    oh: opened * narrow,
    blink,
    blinkLeft: left - blink,
    blinkRight: right - blink,
    happy,
    relaxed: smile - happy,
    angry: both("browDown"),
    sad: both("mouthFrown"),
  };
}

/**
 * Which shape of a mesh follows each weight: by name in any spelling (jawOpen, JawOpen, jaw_open, A25_Jaw_Open,
 * mouthSmile_L, blendShape1.jawOpen). Shapes that no weight drives are left out.
 * @param {Iterable<string>} shapes
 * @returns {Map<string, number>} the shape's name and the index of its weight
 */
export function matchShapes(shapes) {
  const known = new Map(ARKIT_NAMES.map((name, i) => [name.toLowerCase(), i]));
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const shape of shapes) {
    const bare = (shape.split(".").pop() ?? shape).replace(/^[A-Za-z]\d+[_ ]/, "").replace(/[\s_-]/g, "");
    const longer = bare.replace(/L$/, "Left").replace(/R$/, "Right");
    const index = known.get(bare.toLowerCase()) ?? known.get(longer.toLowerCase());
    if (index !== undefined) found.set(shape, index);
  }
  return found;
}

/**
 * The quaternion [x, y, z, w] of a rotation vector of the wire, in the frame of glTF, three.js and VRM 1: x to the
 * subject's left, y up, z to where the face looks. A VRM 0 model looks the other way: negate x and z.
 * @param {ArrayLike<number>} radians
 * @param {number} [start] where the three numbers begin
 * @returns {[number, number, number, number]}
 */
export function quaternionOf(radians, start = 0) {
  const [x, y, z] = [radians[start], radians[start + 1], radians[start + 2]];
  const angle = Math.hypot(x, y, z);
  const scale = angle > 1e-9 ? Math.sin(angle / 2) / angle : 0.5;
  return [x * scale, y * scale, z * scale, Math.cos(angle / 2)];
}

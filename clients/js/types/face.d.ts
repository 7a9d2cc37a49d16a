/**
 * The weights by name.
 * @param {ArrayLike<number>} weights [52] in the order of ARKIT_NAMES
 * @returns {{ [name: string]: number }}
 */
export function namedWeights(weights: ArrayLike<number>): {
    [name: string]: number;
};
/**
 * VRM 1's preset expressions for these weights, each 0 to 1, for a model without the 52 as custom expressions.
 * A model adds its expressions up, so each movement appears once. As omote.bridge.vmc's `vrm_presets`.
 * @param {ArrayLike<number>} weights [52]
 * @returns {{ [preset: string]: number }}
 */
export function vrmPresets(weights: ArrayLike<number>): {
    [preset: string]: number;
};
/**
 * Which shape of a mesh follows each weight: by name in any spelling (jawOpen, JawOpen, jaw_open, A25_Jaw_Open,
 * mouthSmile_L, blendShape1.jawOpen). Shapes that no weight drives are left out.
 * @param {Iterable<string>} shapes
 * @returns {Map<string, number>} the shape's name and the index of its weight
 */
export function matchShapes(shapes: Iterable<string>): Map<string, number>;
/**
 * The quaternion [x, y, z, w] of a rotation vector of the wire, in the frame of glTF, three.js and VRM 1: x to the
 * subject's left, y up, z to where the face looks. A VRM 0 model looks the other way: negate x and z.
 * @param {ArrayLike<number>} radians
 * @param {number} [start] where the three numbers begin
 * @returns {[number, number, number, number]}
 */
export function quaternionOf(radians: ArrayLike<number>, start?: number): [number, number, number, number];
/** A face on a head of your own: ARKit weights by name, VRM's expressions, rotations. It imports nothing. */
/** ARKit's 52 weights in the order of the wire. Left is the subject's left. */
export const ARKIT_NAMES: readonly string[];

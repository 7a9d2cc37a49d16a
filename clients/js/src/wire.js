/** The messages of Omote, as bridge/WIRE.md specifies them. */

import { ARKIT_NAMES } from "./face.js";
import { WireError } from "./errors.js";
import { checkJpeg, lz4Block } from "./compressed.js";
import { unpack } from "./messagepack.js";

export const VERSION = 1;
export const MAX_PAYLOAD_BYTES = 64 << 20;
export const MAX_REQUEST_BYTES = 16384;
const MAX_SIDE = 8192;
const MAX_UINT64 = (1n << 64n) - 1n;
const TOPIC = /^(?:v(?:\.[a-z0-9+.]{1,64})?|[psh])\/[A-Za-z0-9_.-]{1,64}$/;
const ALPHAS = /** @type {const} */ ({
  rgba8: ["straight", "premultiplied"],
  bgra8: ["straight", "premultiplied"],
  jpeg: ["opaque"],
  "jpeg+lz4a": ["straight", "premultiplied"],
});
const FIELDS = /** @type {const} */ ([
  ["weights", 52], ["expression", 50], ["jawPose", 3], ["neckPose", 3], ["eyePose", 6], ["eyelids", 2],
  ["translation", 3], ["headRotation", 3], ["headTranslation", 3], ["gaze", 4], ["confidence", 1], ["presence", 1],
]);
const PARAMS_FLOATS = FIELDS.reduce((sum, [, count]) => sum + count, 0);

/** @typedef {keyof typeof ALPHAS} Pixels */
/**
 * Times are nanoseconds. `captured`, `generated` and `sent` are of the sender's monotonic clock, which on the same
 * machine under Linux and Windows is `process.hrtime.bigint()`; `wall` is since 1970.
 * @typedef {object} Header
 * @property {bigint} session one run of one sender
 * @property {bigint} seq counts the messages of this topic; a jump is a gap
 * @property {bigint} index of the source's picture, the same in video and params
 * @property {bigint} captured
 * @property {bigint} generated
 * @property {bigint} sent
 * @property {bigint} wall
 */
/**
 * @typedef {object} Picture
 * @property {"picture"} kind
 * @property {string} topic
 * @property {Header} header
 * @property {number} width
 * @property {number} height
 * @property {number} stride bytes from row to row; 0 for a JPEG
 * @property {Pixels} format
 * @property {"top" | "bottom"} origin where the first row is
 * @property {"straight" | "premultiplied" | "opaque"} alpha
 * @property {Uint8Array} data rows of pixels, or one baseline JPEG
 * @property {Uint8Array | null} alphaPlane of jpeg+lz4a: the alpha of each pixel, rows as in the JPEG
 */
/**
 * What the tracker saw (`weights`, `headRotation`, `headTranslation`, `gaze`) and what the portrait shows (the rest).
 * Rotations are rotation vectors in radians; left is the subject's left.
 * @typedef {object} Face
 * @property {"face"} kind
 * @property {string} topic
 * @property {Header} header
 * @property {string} basis of `expression`
 * @property {string[]} recognised the expressions that the performer makes now
 * @property {Float32Array} weights [52]
 * @property {Float32Array} shownWeights [52] as the portrait shows them; as seen where the sender does not say
 * @property {Float32Array} expression [50]
 * @property {Float32Array} jawPose [3]
 * @property {Float32Array} neckPose [3]
 * @property {Float32Array} eyePose [6] left, right
 * @property {Float32Array} eyelids [2]
 * @property {Float32Array} translation [3] metres
 * @property {Float32Array} headRotation [3]
 * @property {Float32Array} headTranslation [3] metres
 * @property {Float32Array} gaze [4] pitch, yaw of the left eye, of the right
 * @property {number} confidence 0 where no face is seen
 * @property {number} presence 1 the performer's face, 0 idle
 */
/**
 * @typedef {object} Schema
 * @property {"schema"} kind
 * @property {string} topic
 * @property {Header} header
 * @property {string[]} weights
 * @property {[string, number][]} fields
 */
/**
 * @typedef {object} Hello
 * @property {"hello"} kind
 * @property {string} topic
 * @property {Header} header
 * @property {string} omote
 * @property {number} wire
 * @property {string[]} formats
 * @property {number} video
 * @property {number} params
 * @property {number} control
 * @property {string[]} methods
 */

/**
 * The message in these parts; throws only WireError.
 * @param {Uint8Array[]} parts
 * @param {number} count of all parts of the message, also those that were not kept
 * @returns {Picture | Face | Schema | Hello}
 */
export function decode(parts, count = parts.length) {
  if (count < 3 || count > 8) throw new WireError(`a message has 3 to 8 parts, got ${count}`);
  const topic = Buffer.from(parts[0]).toString("latin1");
  if (!TOPIC.test(topic)) throw new WireError(`this is no topic: ${JSON.stringify(topic.slice(0, 80))}`);
  if (parts[1].length === 0) throw new WireError("the header is empty, or has more than 4096 bytes");
  const fields = unpack(parts[1], "header");
  const version = uint(fields, "v");
  if (version < 1n) throw new WireError(`a header names its version, ${VERSION}, got ${version}`);
  if (version > BigInt(VERSION)) throw new WireError(`wire version ${version} is newer than ${VERSION}: update this client`);
  const header = {
    session: uint(fields, "session"), seq: uint(fields, "seq"), index: uint(fields, "index"),
    captured: uint(fields, "captured"), generated: uint(fields, "generated"), sent: uint(fields, "sent"),
    wall: uint(fields, "wall"),
  };
  const payload = parts.slice(2);
  switch (topic[0]) {
    case "v": return { kind: "picture", topic, header, ...decodePicture(fields, payload) };
    case "p": return { kind: "face", topic, header, ...decodeFace(fields, payload[0]) };
    case "s": return { kind: "schema", topic, header, ...decodeSchema(unpack(payload[0], "schema")) };
    default: return { kind: "hello", topic, header, ...decodeHello(unpack(payload[0], "hello")) };
  }
}

/** @param {import("./messagepack.js").Fields} fields @param {string} key @param {bigint} [most] @returns {bigint} */
export function uint(fields, key, most = MAX_UINT64) {
  const value = fields[key];
  if (typeof value !== "bigint" || value < 0n || value > most) {
    throw new WireError(`'${key}' must be a whole number from 0 to ${most}, got ${value}`);
  }
  return value;
}

/** @param {import("./messagepack.js").Fields} fields @param {string} key @returns {string} */
function text(fields, key) {
  const value = fields[key];
  if (typeof value !== "string") throw new WireError(`'${key}' must be a text, got ${value}`);
  return value;
}

/** @param {import("./messagepack.js").Fields} fields @param {string} key @returns {string[]} */
function texts(fields, key) {
  const value = fields[key];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw new WireError(`'${key}' must be a list of texts`);
  }
  return /** @type {string[]} */ (value);
}

/**
 * @template {string} Word
 * @param {import("./messagepack.js").Fields} fields
 * @param {string} key
 * @param {readonly Word[]} known
 * @returns {Word}
 */
function word(fields, key, known) {
  const value = text(fields, key);
  const found = known.find((one) => one === value);
  if (found === undefined) throw new WireError(`${key} '${value.slice(0, 40)}' is not known here, only ${known.join(", ")}`);
  return found;
}

/** @param {import("./messagepack.js").Fields} fields @param {Uint8Array[]} parts */
function decodePicture(fields, parts) {
  word(fields, "colour", ["srgb"]);
  const format = word(fields, "fmt", /** @type {Pixels[]} */ (Object.keys(ALPHAS)));
  const alpha = word(fields, "alpha", ["straight", "premultiplied", "opaque"]);
  if (!(/** @type {readonly string[]} */ (ALPHAS[format]).includes(alpha))) {
    throw new WireError(`the alpha of ${format} is ${ALPHAS[format].join(" or ")}, got ${alpha}`);
  }
  const origin = word(fields, "origin", ["top", "bottom"]);
  const width = Number(uint(fields, "w", BigInt(MAX_SIDE)));
  const height = Number(uint(fields, "h", BigInt(MAX_SIDE)));
  if (width < 1 || height < 1 || 4 * width * height > MAX_PAYLOAD_BYTES) {
    throw new WireError(`a picture has sides from 1 and at most ${MAX_PAYLOAD_BYTES / 4} pixels, got ${width}x${height}`);
  }
  const stride = Number(uint(fields, "stride", BigInt(MAX_PAYLOAD_BYTES)));
  const data = parts[0];
  const picture = { width, height, stride, format, origin, alpha, data };
  if (format === "rgba8" || format === "bgra8") {
    if (stride < 4 * width) throw new WireError(`rows have at least 4 bytes a pixel, got stride ${stride} for ${width} pixels`);
    if (data.length !== stride * height) {
      throw new WireError(`${height} rows of ${stride} bytes are ${stride * height}, got ${data.length}`);
    }
    return { ...picture, alphaPlane: null };
  }
  if (stride !== 0) throw new WireError(`the stride of ${format} is 0, got ${stride}`);
  checkJpeg(data, width, height);
  if (format === "jpeg") return { ...picture, alphaPlane: null };
  if (parts.length < 2) throw new WireError(`jpeg+lz4a has its alpha in a fourth part, got ${parts.length + 2} parts`);
  return { ...picture, alphaPlane: lz4Block(parts[1], width * height) };
}

/** @param {import("./messagepack.js").Fields} fields @param {Uint8Array} payload */
function decodeFace(fields, payload) {
  if (payload.length < 4 * PARAMS_FLOATS || payload.length % 4) {
    throw new WireError(`params have at least ${4 * PARAMS_FLOATS} bytes, in fours, got ${payload.length}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  let at = 0;
  /** @param {number} count */
  const floats = (count) => Float32Array.from({ length: count }, () => {
    const value = view.getFloat32(4 * at++, true);
    if (!Number.isFinite(value)) throw new WireError(`params must be finite numbers, got ${value}`);
    return value;
  });
  const read = Object.fromEntries(FIELDS.map(([name, count]) => [name, floats(count)]));
  const { confidence, presence, ...poses } = /** @type {{ [Name in (typeof FIELDS)[number][0]]: Float32Array }} */ (read);
  for (const [name, value] of /** @type {const} */ ([["confidence", confidence[0]], ["presence", presence[0]]])) {
    if (value < 0 || value > 1) throw new WireError(`${name} must be between 0 and 1, got ${value}`);
  }
  const basis = text(fields, "basis");
  if (basis.length < 1 || basis.length > 64) throw new WireError(`basis must have 1 to 64 letters, got ${basis.length}`);
  const recognised = fields.recognised === undefined ? [] : texts(fields, "recognised");
  if (recognised.length > 16) throw new WireError(`at most 16 expressions are recognised at once, got ${recognised.length}`);
  for (const name of recognised) {
    const bytes = Buffer.byteLength(name);
    if (bytes < 1 || bytes > 64) throw new WireError(`the name of a recognised expression has 1 to 64 bytes, got ${bytes}`);
  }
  const isShown = payload.length >= 4 * (PARAMS_FLOATS + ARKIT_NAMES.length);
  const shownWeights = isShown ? floats(ARKIT_NAMES.length) : poses.weights;
  return { ...poses, basis, recognised, shownWeights, confidence: confidence[0], presence: presence[0] };
}

/** @param {import("./messagepack.js").Fields} fields */
function decodeSchema(fields) {
  const layout = fields.fields;
  if (!isLayout(layout)) {
    throw new WireError("a schema lists the fields of the params payload as [name, count]");
  }
  return { weights: texts(fields, "weights"), fields: layout.map(([name, count]) => /** @type {[string, number]} */ ([name, Number(count)])) };
}

/** @param {unknown} value @returns {value is [string, bigint][]} */
function isLayout(value) {
  return Array.isArray(value) && value.every(
    (one) => Array.isArray(one) && one.length === 2 && typeof one[0] === "string" && typeof one[1] === "bigint");
}

/** @param {import("./messagepack.js").Fields} fields */
function decodeHello(fields) {
  /** @param {string} name */
  const port = (name) => Number(uint(fields, name, 65535n));
  return {
    omote: text(fields, "omote"), wire: Number(uint(fields, "wire")), formats: texts(fields, "formats"),
    video: port("video"), params: port("params"), control: port("control"), methods: texts(fields, "methods"),
  };
}

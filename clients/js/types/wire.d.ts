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
export function decode(parts: Uint8Array[], count?: number): Picture | Face | Schema | Hello;
/** @param {import("./messagepack.js").Fields} fields @param {string} key @param {bigint} [most] @returns {bigint} */
export function uint(fields: import("./messagepack.js").Fields, key: string, most?: bigint): bigint;
export const VERSION: 1;
export const MAX_PAYLOAD_BYTES: number;
export const MAX_REQUEST_BYTES: 16384;
export type Pixels = keyof typeof ALPHAS;
/**
 * Times are nanoseconds. `captured`, `generated` and `sent` are of the sender's monotonic clock, which on the same
 * machine under Linux and Windows is `process.hrtime.bigint()`; `wall` is since 1970.
 */
export type Header = {
    /**
     * one run of one sender
     */
    session: bigint;
    /**
     * counts the messages of this topic; a jump is a gap
     */
    seq: bigint;
    /**
     * of the source's picture, the same in video and params
     */
    index: bigint;
    captured: bigint;
    generated: bigint;
    sent: bigint;
    wall: bigint;
};
export type Picture = {
    kind: "picture";
    topic: string;
    header: Header;
    width: number;
    height: number;
    /**
     * bytes from row to row; 0 for a JPEG
     */
    stride: number;
    format: Pixels;
    /**
     * where the first row is
     */
    origin: "top" | "bottom";
    alpha: "straight" | "premultiplied" | "opaque";
    /**
     * rows of pixels, or one baseline JPEG
     */
    data: Uint8Array;
    /**
     * of jpeg+lz4a: the alpha of each pixel, rows as in the JPEG
     */
    alphaPlane: Uint8Array | null;
};
/**
 * What the tracker saw (`weights`, `headRotation`, `headTranslation`, `gaze`) and what the portrait shows (the rest).
 * Rotations are rotation vectors in radians; left is the subject's left.
 */
export type Face = {
    kind: "face";
    topic: string;
    header: Header;
    /**
     * of `expression`
     */
    basis: string;
    /**
     * the expressions that the performer makes now
     */
    recognised: string[];
    /**
     * [52]
     */
    weights: Float32Array;
    /**
     * [52] as the portrait shows them; as seen where the sender does not say
     */
    shownWeights: Float32Array;
    /**
     * [50]
     */
    expression: Float32Array;
    /**
     * [3]
     */
    jawPose: Float32Array;
    /**
     * [3]
     */
    neckPose: Float32Array;
    /**
     * [6] left, right
     */
    eyePose: Float32Array;
    /**
     * [2]
     */
    eyelids: Float32Array;
    /**
     * [3] metres
     */
    translation: Float32Array;
    /**
     * [3]
     */
    headRotation: Float32Array;
    /**
     * [3] metres
     */
    headTranslation: Float32Array;
    /**
     * [4] pitch, yaw of the left eye, of the right
     */
    gaze: Float32Array;
    /**
     * 0 where no face is seen
     */
    confidence: number;
    /**
     * 1 the performer's face, 0 idle
     */
    presence: number;
};
export type Schema = {
    kind: "schema";
    topic: string;
    header: Header;
    weights: string[];
    fields: [string, number][];
};
export type Hello = {
    kind: "hello";
    topic: string;
    header: Header;
    omote: string;
    wire: number;
    formats: string[];
    video: number;
    params: number;
    control: number;
    methods: string[];
};
declare const ALPHAS: {
    readonly rgba8: readonly ["straight", "premultiplied"];
    readonly bgra8: readonly ["straight", "premultiplied"];
    readonly jpeg: readonly ["opaque"];
    readonly "jpeg+lz4a": readonly ["straight", "premultiplied"];
};
export {};

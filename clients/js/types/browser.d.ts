/**
 * A picture with straight alpha, the first row on top. Times are of the wall clock in milliseconds, as `Date.now()`.
 * @typedef {object} PagePicture
 * @property {number} width
 * @property {number} height
 * @property {number} number of the picture since Omote started
 * @property {number} index of the source's picture, the same in the face
 * @property {number} capturedMs
 * @property {number} sentMs
 * @property {Uint8ClampedArray<ArrayBuffer>} pixels red, green, blue, alpha
 */
/**
 * A face, as bridge/WIRE.md describes its fields. Rotations are rotation vectors in radians; left is the subject's left.
 * @typedef {object} PageFace
 * @property {number} number
 * @property {number} index
 * @property {number} captured_ms
 * @property {number} sent_ms
 * @property {string} basis
 * @property {string[]} recognised
 * @property {number[]} weights [52] as the tracker saw them
 * @property {number[]} shown_weights [52] as the portrait shows them
 * @property {number[]} jaw_pose [3] as shown, and so the next four
 * @property {number[]} neck_pose [3]
 * @property {number[]} eye_pose [6]
 * @property {number[]} eyelids [2]
 * @property {number[]} translation [3]
 * @property {number[]} head_rotation [3] as the tracker saw it, and so the next two
 * @property {number[]} head_translation [3]
 * @property {number[]} gaze [4]
 * @property {number} confidence
 * @property {number} presence
 */
/**
 * Receives from Omote's page, and connects again by itself. Each message is asked for when the last was handled, at the
 * display's rate, so a slow or hidden page gets fewer of them and never an old one.
 *
 * Omote accepts a page of another origin only where it was started with `--page-origin`, this page's origin.
 *
 * @example
 * const connection = connect("http://127.0.0.1:8765/clean?token=...", { onPicture: show, onFace: drive });
 *
 * @param {string} address of the clean page, as `omote live` prints it after OBS
 * @param {{
 *   onPicture?: (picture: PagePicture) => void,
 *   onFace?: (face: PageFace) => void,
 *   onConnection?: (isConnected: boolean) => void,
 * }} handlers
 * @returns {{ close: () => void }}
 */
export function connect(address: string, { onPicture, onFace, onConnection }: {
    onPicture?: (picture: PagePicture) => void;
    onFace?: (face: PageFace) => void;
    onConnection?: (isConnected: boolean) => void;
}): {
    close: () => void;
};
/**
 * The picture in a message of /pictures; an Error where it is none.
 * @param {ArrayBuffer} buffer
 * @returns {PagePicture}
 */
export function decodePicture(buffer: ArrayBuffer): PagePicture;
/**
 * A picture with straight alpha, the first row on top. Times are of the wall clock in milliseconds, as `Date.now()`.
 */
export type PagePicture = {
    width: number;
    height: number;
    /**
     * of the picture since Omote started
     */
    number: number;
    /**
     * of the source's picture, the same in the face
     */
    index: number;
    capturedMs: number;
    sentMs: number;
    /**
     * red, green, blue, alpha
     */
    pixels: Uint8ClampedArray<ArrayBuffer>;
};
/**
 * A face, as bridge/WIRE.md describes its fields. Rotations are rotation vectors in radians; left is the subject's left.
 */
export type PageFace = {
    number: number;
    index: number;
    captured_ms: number;
    sent_ms: number;
    basis: string;
    recognised: string[];
    /**
     * [52] as the tracker saw them
     */
    weights: number[];
    /**
     * [52] as the portrait shows them
     */
    shown_weights: number[];
    /**
     * [3] as shown, and so the next four
     */
    jaw_pose: number[];
    /**
     * [3]
     */
    neck_pose: number[];
    /**
     * [6]
     */
    eye_pose: number[];
    /**
     * [2]
     */
    eyelids: number[];
    /**
     * [3]
     */
    translation: number[];
    /**
     * [3] as the tracker saw it, and so the next two
     */
    head_rotation: number[];
    /**
     * [3]
     */
    head_translation: number[];
    /**
     * [4]
     */
    gaze: number[];
    confidence: number;
    presence: number;
};

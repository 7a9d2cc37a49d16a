/**
 * The map in these bytes; throws only WireError. Integers are bigints, so that a float is not taken for one.
 * @param {Uint8Array} bytes
 * @param {string} what names the map in the message
 * @param {number} maxBytes
 * @returns {Fields}
 */
export function unpack(bytes: Uint8Array, what: string, maxBytes?: number): Fields;
/**
 * The same value with a number for each integer that a number holds exactly.
 * @param {unknown} value
 * @returns {unknown}
 */
export function withNumbers(value: unknown): unknown;
/**
 * This map in bytes. Whole numbers become integers, other numbers float64; `undefined` is left out.
 * @param {{ [key: string]: unknown }} fields
 * @param {number} maxBytes
 * @returns {Uint8Array}
 */
export function pack(fields: {
    [key: string]: unknown;
}, maxBytes: number): Uint8Array;
export type Value = null | boolean | number | bigint | string | Uint8Array | unknown[] | {
    [key: string]: unknown;
};
export type Fields = {
    [key: string]: unknown;
};

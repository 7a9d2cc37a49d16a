/**
 * WireError unless this is a whole baseline JPEG of one scan, three channels and this size (ITU-T T.81, B.2.2).
 * @param {Uint8Array} bytes @param {number} width @param {number} height
 */
export function checkJpeg(bytes: Uint8Array, width: number, height: number): void;
/**
 * The bytes in one LZ4 block (lz4's doc/lz4_Block_format.md); WireError unless they are exactly this many.
 * @param {Uint8Array} packed @param {number} count @returns {Uint8Array}
 */
export function lz4Block(packed: Uint8Array, count: number): Uint8Array;

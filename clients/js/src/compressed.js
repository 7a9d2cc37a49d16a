/** Checks a JPEG before it is decoded, and unpacks the LZ4 block of its alpha. */

import { WireError } from "./errors.js";

const START = 0xd8;
const END = 0xd9;
const SCAN = 0xda;
const BASELINE = 0xc0;
const NOT_FRAMES = [0xc4, 0xc8, 0xcc]; // tables, and one that is reserved

/**
 * WireError unless this is a whole baseline JPEG of one scan, three channels and this size (ITU-T T.81, B.2.2).
 * @param {Uint8Array} bytes @param {number} width @param {number} height
 */
export function checkJpeg(bytes, width, height) {
  const at = findFrame(bytes);
  const [foundHeight, foundWidth] = [(bytes[at + 3] << 8) | bytes[at + 4], (bytes[at + 5] << 8) | bytes[at + 6]];
  if (foundWidth !== width || foundHeight !== height) {
    throw new WireError(`the jpeg is ${foundWidth}x${foundHeight}, but its header says ${width}x${height}`);
  }
  if (bytes[at + 7] !== 3) throw new WireError(`the jpeg must have three channels, got ${bytes[at + 7]}`);
  let scans = 0;
  let isWhole = false;
  for (let i = bytes.indexOf(0xff); i >= 0 && i + 1 < bytes.length; i = bytes.indexOf(0xff, i + 1)) {
    if (bytes[i + 1] === SCAN) scans += 1;
    if (scans > 0 && bytes[i + 1] === END) isWhole = true;
  }
  if (scans !== 1) throw new WireError(`the jpeg must be baseline, with one scan, got ${scans}`);
  if (!isWhole) throw new WireError("the jpeg cannot be read: it is cut off");
}

/** Where the length field of the frame header stands. @param {Uint8Array} bytes @returns {number} */
function findFrame(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== START) throw new WireError("the jpeg cannot be read: it does not begin as one");
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw new WireError(`the jpeg cannot be read: expected a marker, got ${bytes[at]}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) at += 1; // fill bytes may come before a marker
    else if (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.includes(marker)) {
      if (marker !== BASELINE) throw new WireError("the jpeg must be baseline, with one scan");
      if (at + 10 > bytes.length) break;
      return at + 2;
    } else {
      const length = (bytes[at + 2] << 8) | bytes[at + 3];
      if (marker === SCAN || marker === END || length < 2) throw new WireError("the jpeg cannot be read: it has no frame header");
      at += 2 + length;
    }
  }
  throw new WireError("the jpeg cannot be read: it ends before its frame header");
}

/**
 * The bytes in one LZ4 block (lz4's doc/lz4_Block_format.md); WireError unless they are exactly this many.
 * @param {Uint8Array} packed @param {number} count @returns {Uint8Array}
 */
export function lz4Block(packed, count) {
  const out = new Uint8Array(count);
  let read = 0;
  let written = 0;
  /** @param {number} length */
  const extended = (length) => {
    if (length < 15) return length;
    for (;;) {
      if (read >= packed.length) throw broken("it ends within a length");
      const more = packed[read++];
      length += more;
      if (length > count) throw broken(`a length above ${count}`);
      if (more !== 255) return length;
    }
  };
  while (read < packed.length) {
    const token = packed[read++];
    const literals = extended(token >> 4);
    if (literals > packed.length - read || literals > count - written) throw broken("more literals than there is room for");
    out.set(packed.subarray(read, read + literals), written);
    read += literals;
    written += literals;
    if (read === packed.length) break; // the last sequence has no match
    if (packed.length - read < 2) throw broken("it ends within a distance");
    const distance = packed[read] | (packed[read + 1] << 8);
    read += 2;
    if (distance === 0 || distance > written) throw broken(`a match ${distance} bytes back, of ${written}`);
    const match = 4 + extended(token & 15);
    if (match > count - written) throw broken("a match longer than the room that is left");
    if (distance >= match) out.copyWithin(written, written - distance, written - distance + match);
    else for (let i = 0; i < match; i++) out[written + i] = out[written + i - distance]; // it overlaps what it writes
    written += match;
  }
  if (written !== count) throw broken(`it gives ${written} bytes, expected ${count}`);
  return out;
}

/** @param {string} what */
function broken(what) {
  return new WireError(`the alpha is not an LZ4 block: ${what}`);
}

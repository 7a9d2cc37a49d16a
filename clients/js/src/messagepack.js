/** Reads and writes msgpack maps within the bounds of WIRE.md. */

import { WireError } from "./errors.js";

const MAX_TEXT_BYTES = 256;
const MAX_LIST = 256;
const MAX_MAP = 64;
const MAX_DEPTH = 8;

/** @typedef {null | boolean | number | bigint | string | Uint8Array | unknown[] | { [key: string]: unknown }} Value */
/** @typedef {{ [key: string]: unknown }} Fields */

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The map in these bytes; throws only WireError. Integers are bigints, so that a float is not taken for one.
 * @param {Uint8Array} bytes
 * @param {string} what names the map in the message
 * @param {number} maxBytes
 * @returns {Fields}
 */
export function unpack(bytes, what, maxBytes = 4096) {
  if (bytes.length > maxBytes) throw new WireError(`a ${what} has at most ${maxBytes} bytes, got ${bytes.length}`);
  const reader = new Reader(bytes, what);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new WireError(`the ${what} has ${bytes.length - reader.at} bytes too many`);
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
    throw new WireError(`the ${what} must be a map`);
  }
  return value;
}

class Reader {
  /** @param {Uint8Array} bytes @param {string} what */
  constructor(bytes, what) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.what = what;
    this.at = 0;
  }

  /** @param {number} count @returns {number} where they begin */
  take(count) {
    if (count > this.bytes.length - this.at) throw new WireError(`the ${this.what} ends within a value`);
    this.at += count;
    return this.at - count;
  }

  /** @param {number} width @returns {number} */
  length(width) {
    const at = this.take(width);
    return width === 1 ? this.view.getUint8(at) : width === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** @param {number} depth @returns {Value} */
  value(depth) {
    const kind = this.view.getUint8(this.take(1));
    if (kind < 0x80) return BigInt(kind);
    if (kind < 0x90) return this.map(kind & 15, depth);
    if (kind < 0xa0) return this.list(kind & 15, depth);
    if (kind < 0xc0) return this.text(kind & 31);
    if (kind >= 0xe0) return BigInt(kind - 256);
    switch (kind) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.binary(this.length(1 << (kind - 0xc4)));
      case 0xca: return this.view.getFloat32(this.take(4));
      case 0xcb: return this.view.getFloat64(this.take(8));
      case 0xcc: return BigInt(this.view.getUint8(this.take(1)));
      case 0xcd: return BigInt(this.view.getUint16(this.take(2)));
      case 0xce: return BigInt(this.view.getUint32(this.take(4)));
      case 0xcf: return this.view.getBigUint64(this.take(8));
      case 0xd0: return BigInt(this.view.getInt8(this.take(1)));
      case 0xd1: return BigInt(this.view.getInt16(this.take(2)));
      case 0xd2: return BigInt(this.view.getInt32(this.take(4)));
      case 0xd3: return this.view.getBigInt64(this.take(8));
      case 0xd9: case 0xda: case 0xdb: return this.text(this.length(1 << (kind - 0xd9)));
      case 0xdc: case 0xdd: return this.list(this.length(2 << (kind - 0xdc)), depth);
      case 0xde: case 0xdf: return this.map(this.length(2 << (kind - 0xde)), depth);
      default: throw new WireError(`the ${this.what} holds a value of the msgpack type 0x${kind.toString(16)}`);
    }
  }

  /** @param {number} count @param {number} most @param {string} kind */
  check(count, most, kind) {
    if (count > most) throw new WireError(`a ${kind} in the ${this.what} has at most ${most}, got ${count}`);
  }

  /** @param {number} length @returns {Uint8Array} */
  binary(length) {
    this.check(length, MAX_TEXT_BYTES, "binary");
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** @param {number} length @returns {string} */
  text(length) {
    this.check(length, MAX_TEXT_BYTES, "text");
    const at = this.take(length);
    try {
      return utf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw new WireError(`a text of the ${this.what} is not UTF-8`);
    }
  }

  /** @param {number} depth @returns {number} */
  deeper(depth) {
    if (depth === MAX_DEPTH) throw new WireError(`the ${this.what} is more than ${MAX_DEPTH} maps and lists deep`);
    return depth + 1;
  }

  /** @param {number} count @param {number} depth @returns {unknown[]} */
  list(count, depth) {
    this.check(count, MAX_LIST, "list");
    const inner = this.deeper(depth);
    return Array.from({ length: count }, () => this.value(inner));
  }

  /** @param {number} count @param {number} depth @returns {Fields} */
  map(count, depth) {
    this.check(count, MAX_MAP, "map");
    const inner = this.deeper(depth);
    /** @type {Fields} */
    const fields = Object.create(null); // so that "__proto__" is a key as any other
    for (let i = 0; i < count; i++) {
      const key = this.value(inner);
      if (typeof key !== "string") throw new WireError(`the keys of the ${this.what} must be texts`);
      fields[key] = this.value(inner);
    }
    return fields;
  }
}

/**
 * The same value with a number for each integer that a number holds exactly.
 * @param {unknown} value
 * @returns {unknown}
 */
export function withNumbers(value) {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(withNumbers);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNumbers(inner)]));
}

/**
 * This map in bytes. Whole numbers become integers, other numbers float64; `undefined` is left out.
 * @param {{ [key: string]: unknown }} fields
 * @param {number} maxBytes
 * @returns {Uint8Array}
 */
export function pack(fields, maxBytes) {
  /** @type {number[]} */
  const out = [];
  write(out, fields);
  if (out.length > maxBytes) throw new WireError(`a request has at most ${maxBytes} bytes, got ${out.length}`);
  return Uint8Array.from(out);
}

/** @param {number[]} out @param {unknown} value */
function write(out, value) {
  if (value === null) out.push(0xc0);
  else if (typeof value === "boolean") out.push(value ? 0xc3 : 0xc2);
  else if (typeof value === "bigint") writeInteger(out, value);
  else if (typeof value === "number") Number.isSafeInteger(value) ? writeInteger(out, BigInt(value)) : writeFloat(out, value);
  else if (typeof value === "string") writeText(out, value);
  else if (Array.isArray(value)) {
    out.push(0xdc, value.length >> 8, value.length & 255);
    for (const inner of value) write(out, inner);
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    out.push(0xde, entries.length >> 8, entries.length & 255);
    for (const [key, inner] of entries) {
      writeText(out, key);
      write(out, inner);
    }
  } else throw new WireError(`a request holds null, booleans, numbers, texts, lists and maps, got ${typeof value}`);
}

/** @param {number[]} out @param {bigint} value */
function writeInteger(out, value) {
  const view = new DataView(new ArrayBuffer(8));
  if (value < 0n) view.setBigInt64(0, value);
  else view.setBigUint64(0, value);
  out.push(value < 0n ? 0xd3 : 0xcf, ...new Uint8Array(view.buffer));
}

/** @param {number[]} out @param {number} value */
function writeFloat(out, value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  out.push(0xcb, ...new Uint8Array(view.buffer));
}

/** @param {number[]} out @param {string} value */
function writeText(out, value) {
  const bytes = new TextEncoder().encode(value);
  if (bytes.length > MAX_TEXT_BYTES) throw new WireError(`a text has at most ${MAX_TEXT_BYTES} bytes, got ${bytes.length}`);
  out.push(0xda, bytes.length >> 8, bytes.length & 255, ...bytes);
}

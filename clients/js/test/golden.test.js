/** The golden vectors of tests/data: what each decodes to, and what has to be refused. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { unpack } from "../src/messagepack.js";
import { decode } from "../src/wire.js";

const DATA = new URL("../../../tests/data/", import.meta.url);
const golden = JSON.parse(readFileSync(new URL("golden.json", DATA), "utf8"));
const HEADER = { session: "session", seq: "sequence", index: "index", captured: "captured_ns", generated: "generated_ns", sent: "sent_ns", wall: "wall_ns" };

/** The parts of a vector: each after its length as a little-endian uint32. */
function stored(name) {
  const data = readFileSync(new URL(`${name}.bin`, DATA));
  const parts = [];
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt32LE(at);
    parts.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

/** Red, green, blue, alpha of each pixel, the first row on top. */
function rgba({ width, height, stride, format, origin, data }) {
  const order = format === "bgra8" ? [2, 1, 0, 3] : [0, 1, 2, 3];
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => order.map((c) => data[y * stride + 4 * x + c])).flat());
  return (origin === "bottom" ? rows.reverse() : rows).flat();
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

for (const [name, expected] of Object.entries(golden)) {
  if (!name.startsWith("wire_")) continue;
  test(name, () => {
    const found = decode(stored(name));
    assert.equal(found.topic, expected.topic);
    for (const [ours, theirs] of Object.entries(HEADER)) assert.equal(String(found.header[ours]), golden.header[theirs]);
    if (expected.kind === "video") {
      assert.deepEqual([found.width, found.height, found.alpha], [expected.width, expected.height, expected.alpha]);
      if (found.stride) assert.deepEqual(rgba(found), expected.rgba);
      if (found.alphaPlane) {
        const rows = Array.from({ length: found.height }, (_, y) => [...found.alphaPlane.subarray(y * found.width, (y + 1) * found.width)]);
        assert.deepEqual((found.origin === "bottom" ? rows.reverse() : rows).flat(), expected.rgba.filter((_, i) => i % 4 === 3));
      }
    } else if (expected.kind === "params") {
      for (const [ours, value] of Object.entries(found)) {
        const theirs = expected[snake(ours)];
        if (ArrayBuffer.isView(value) && theirs !== undefined) assert.deepEqual([...value], theirs.flat());
      }
      assert.equal(found.basis, expected.basis);
      assert.deepEqual(found.recognised, expected.recognised ?? []);
      assert.deepEqual([...found.shownWeights], expected.shown_weights ?? expected.weights);
    } else {
      const { kind, topic, ...fields } = expected;
      for (const [key, value] of Object.entries(fields)) assert.deepEqual(found[key], value);
    }
  });
}

for (const [name, word] of Object.entries(golden.refused)) {
  if (!name.startsWith("wire_")) continue;
  test(name, () => {
    assert.throws(() => decode(stored(name)), (error) => error.name === "WireError" && error.message.includes(word));
  });
}

test("a header that is cut anywhere is refused and nothing else is thrown", () => {
  const [, header] = stored("wire_video");
  for (let length = 0; length < header.length; length++) {
    assert.throws(() => unpack(header.subarray(0, length), "header"), { name: "WireError" });
  }
});

/**
 * Prints what arrives: `node examples/listen.js [tcp://127.0.0.1:5557] [--format jpeg] [--subject NAME] [--seconds N]`.
 * At the end one line of JSON: what was received, missed and refused, and the ages in milliseconds.
 */

import { parseArgs } from "node:util";

import { Receiver } from "../src/node.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    format: { type: "string", default: "rgba8" },
    subject: { type: "string", default: "omote" },
    seconds: { type: "string", default: "0" },
    frames: { type: "boolean", default: false }, // a line for each picture and face
  },
});
const receiver = new Receiver(positionals[0] ?? "tcp://127.0.0.1:5557", { format: values.format, subject: values.subject });
const ages = [];
const transits = [];

receiver.on("open", () => console.log("connected"));
receiver.on("lost", (error) => console.log(`not connected: ${error.message}`));
receiver.on("refused", (error) => console.log(`refused: ${error.message}`));
receiver.on("stale", () => console.log("nothing has come for 500 ms"));
receiver.on("picture", (picture) => {
  ages.push(receiver.ageMs(picture.header));
  transits.push(receiver.transitMs(picture.header));
  if (values.frames) console.log(`picture ${picture.header.index} ${picture.width}x${picture.height} ${picture.format} ${picture.data.length}`);
});
receiver.on("face", (face) => {
  if (values.frames) console.log(`face ${face.header.index} ${face.confidence} jawOpen ${face.shownWeights[17].toFixed(3)}`);
});

function end() {
  receiver.close();
  console.log(JSON.stringify({ ...receiver.counts, age_ms: percentiles(ages), transit_ms: percentiles(transits) }));
  process.exit(0);
}

function percentiles(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return [0.5, 0.95, 0.99].map((part) => Number((sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(3)));
}

process.on("SIGINT", end);
if (Number(values.seconds) > 0) setTimeout(end, 1000 * Number(values.seconds));

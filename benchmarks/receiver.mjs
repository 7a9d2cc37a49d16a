/** The receiver in JavaScript, with the options and the line of JSON of `receivers.py`. */

import { parseArgs } from "node:util";

import { Receiver } from "../clients/js/src/node.js";

const MOST_AGES = 4096; // only the last are kept

const { values } = parseArgs({
  options: {
    endpoint: { type: "string" },
    subject: { type: "string", default: "omote" },
    format: { type: "string", default: "rgba8" },
    seconds: { type: "string", default: "Infinity" },
    "work-ms": { type: "string", default: "0" }, // how long the consumer is busy with each picture
    "warm-up": { type: "string", default: "0" }, // first pictures that do not count
  },
});
const workMs = Number(values["work-ms"]);

/** Milliseconds since a picture was sent, of the last pictures after the warm-up. */
class LatencyLog {
  warmUpLeft = Number(values["warm-up"]);
  values = [];

  add(ms) {
    if (this.warmUpLeft > 0) this.warmUpLeft -= 1;
    else if (this.values.push(ms) > MOST_AGES) this.values.shift();
  }

  summary() {
    const sorted = this.values.length ? this.values.sort((a, b) => a - b) : [0];
    const at = (share) => { // interpolated, as NumPy's percentiles are
      const place = share * (sorted.length - 1);
      const below = sorted[Math.floor(place)];
      return Number((below + (place % 1) * (sorted[Math.ceil(place)] - below)).toFixed(3));
    };
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}

/** Notes how old each picture is when its last byte has been read. */
class MeasuredReceiver extends Receiver {
  arrivals = new LatencyLog();

  keep(message) {
    if (message.kind === "picture") this.arrivals.add(this.transitMs(message.header));
    super.keep(message);
  }
}

const receiver = new MeasuredReceiver(values.endpoint, { subject: values.subject, format: values.format });
const used = new LatencyLog();
let taken = 0;
receiver.on("open", () => taken || console.log("ready"));

function use({ header }) {
  used.add(receiver.transitMs(header));
  taken += 1;
}

/** Takes the newest picture, is busy with it, and takes the next. */
function work() {
  const { picture } = receiver.take();
  if (picture) use(picture);
  setTimeout(work, picture ? workMs : 1);
}

if (workMs) work();
else receiver.on("picture", use);

function end() {
  const { received, missed, replaced, refused, sessions } = receiver.counts;
  const figures = { received, taken, missed, skipped: replaced, rejected: refused, sessions, stale: !receiver.isLive };
  console.log(JSON.stringify({ ...figures, arrival_ms: receiver.arrivals.summary(), used_ms: used.summary() }));
  process.exit(0);
}

if (Number.isFinite(Number(values.seconds))) setTimeout(end, 1000 * Number(values.seconds));

/** @typedef {{ name: string, subject: string, session: bigint, video: string, params: string, control: string, curve: boolean, omote: string }} Sender */
/**
 * The senders of this machine that answer in this time. `video`, `params` and `control` are endpoints; `curve` says that a
 * sender is encrypted, which this client cannot receive.
 * @param {{ timeoutMs?: number, ports?: number[] }} [options]
 * @returns {Promise<Sender[]>}
 */
export function discover({ timeoutMs, ports }?: {
    timeoutMs?: number;
    ports?: number[];
}): Promise<Sender[]>;
export { decode } from "./wire.js";
export * from "./face.js";
/** @typedef {import("./wire.js").Picture} Picture */
/** @typedef {import("./wire.js").Face} Face */
/** @typedef {import("./wire.js").Schema} Schema */
/** @typedef {import("./wire.js").Hello} Hello */
/** @typedef {import("./wire.js").Header} Header */
/** @typedef {{ session: bigint, offsetNs: bigint, uncertaintyNs: bigint }} ClockReading */
/**
 * Listens to one endpoint of Omote and connects again by itself.
 *
 * Only the newest picture and the newest face are kept: `take()` gives each once. The events "picture" and "face" bring
 * the same, at most one of each a turn of the event loop. "stale" comes when nothing has arrived for 500 ms, "live" when
 * something arrives again; "refused" with a WireError for a message that breaks the wire's rules, "lost" with an Error
 * when the connection is lost or cannot be made, "open" when it is made.
 *
 * @example
 * const receiver = new Receiver("tcp://127.0.0.1:5557");
 * receiver.on("picture", ({ width, height, data }) => console.log(width, height, data.length));
 */
export class Receiver extends EventEmitter<[never]> {
    /**
     * @param {string} endpoint video or params
     * @param {{ subject?: string, format?: string, clock?: () => ClockReading | null }} [options] `format` as in
     *   WIRE.md, "rgba8" by default; `clock` the sender's clock as `Control.measureClock` gives it, for another machine
     */
    constructor(endpoint: string, { subject, format, clock }?: {
        subject?: string;
        format?: string;
        clock?: () => ClockReading | null;
    });
    topics: string[];
    isSameClock: boolean;
    clock: () => ClockReading | null;
    counts: {
        received: number;
        missed: number;
        refused: number;
        replaced: number;
        sessions: number;
    };
    /** @type {Schema | null} */
    schema: Schema | null;
    /** @type {Hello | null} */
    hello: Hello | null;
    isLive: boolean;
    /** @type {bigint | null} */
    session: bigint | null;
    /** @type {Map<string, bigint>} */
    expected: Map<string, bigint>;
    /** @type {{ picture: Picture | null, face: Face | null }} */
    newest: {
        picture: Picture | null;
        face: Face | null;
    };
    isScheduled: boolean;
    arrived: bigint;
    link: Link;
    watch: NodeJS.Timeout;
    get isOpen(): boolean;
    /** The newest picture and face that were not taken yet. */
    take(): {
        picture: Picture | null;
        face: Face | null;
    };
    /**
     * Milliseconds from the capture of the performer's picture to now; null where the sender's clock is not known.
     * @param {Header} header
     */
    ageMs(header: Header): number | null;
    /** Milliseconds since the message was handed to ZeroMQ; null where the clock is not known. @param {Header} header */
    transitMs(header: Header): number | null;
    close(): void;
    /** @param {Header} header @param {bigint} then */
    sinceMs(header: Header, then: bigint): number | null;
    /** @param {Buffer[]} parts @param {number} count */
    receive(parts: Buffer[], count: number): void;
    /** @param {Picture | Face | Schema | Hello} message */
    accept(message: Picture | Face | Schema | Hello): void;
    /** @param {Picture | Face} message */
    keep(message: Picture | Face): void;
    checkStale(): void;
}
/**
 * Asks Omote: every method of WIRE.md's *Control*.
 *
 * @example
 * const control = new Control();
 * await control.request("set_character", { name: "mira" });
 */
export class Control {
    /** @param {string} [endpoint] @param {{ timeoutMs?: number }} [options] of a request; 2000, for a character 10000 */
    constructor(endpoint?: string, { timeoutMs }?: {
        timeoutMs?: number;
    });
    timeoutMs: number | undefined;
    lastId: bigint;
    /** @type {Map<bigint, { resolve: (result: import("./messagepack.js").Fields) => void, reject: (error: Error) => void }>} */
    waiting: Map<bigint, {
        resolve: (result: import("./messagepack.js").Fields) => void;
        reject: (error: Error) => void;
    }>;
    /** @type {Map<bigint, Uint8Array>} */
    unsent: Map<bigint, Uint8Array>;
    lastError: string;
    link: Link;
    /**
     * The result of this method. Rejects with ControlError where Omote refuses, or does not reply in time.
     * @param {string} method
     * @param {{ [name: string]: unknown }} [arguments_]
     * @returns {Promise<import("./messagepack.js").Fields>}
     */
    request(method: string, arguments_?: {
        [name: string]: unknown;
    }): Promise<import("./messagepack.js").Fields>;
    /**
     * How far the sender's monotonic clock is ahead of ours: of eight exchanges, the shortest counts.
     * @returns {Promise<ClockReading>}
     */
    measureClock(): Promise<ClockReading>;
    close(): void;
    /** @param {Buffer} part */
    receive(part: Buffer): void;
}
export type Sender = {
    name: string;
    subject: string;
    session: bigint;
    video: string;
    params: string;
    control: string;
    curve: boolean;
    omote: string;
};
export type Picture = import("./wire.js").Picture;
export type Face = import("./wire.js").Face;
export type Schema = import("./wire.js").Schema;
export type Hello = import("./wire.js").Hello;
export type Header = import("./wire.js").Header;
export type ClockReading = {
    session: bigint;
    offsetNs: bigint;
    uncertaintyNs: bigint;
};
import { EventEmitter } from "node:events";
import { Link } from "./zmtp.js";
export { ControlError, LinkError, WireError } from "./errors.js";

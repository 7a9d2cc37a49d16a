/**
 * @param {string} endpoint
 * @returns {{ host: string, port: number }}
 */
export function parseEndpoint(endpoint: string): {
    host: string;
    port: number;
};
/**
 * @typedef {object} Handlers
 * @property {(parts: Buffer[], count: number) => void} onMessage the first eight parts; `count` is of all parts.
 *   A part that is too long is empty.
 * @property {() => void} [onOpen] after the handshake
 * @property {(error: Error) => void} [onLost] why the connection is lost or was refused
 */
/** Connects, and connects again until `close` is called. */
export class Link {
    /**
     * @param {string} endpoint as tcp://127.0.0.1:5557
     * @param {"SUB" | "DEALER"} type
     * @param {number} maxPartBytes of parts after the second, or of each part for a DEALER
     * @param {Handlers} handlers
     */
    constructor(endpoint: string, type: "SUB" | "DEALER", maxPartBytes: number, handlers: Handlers);
    address: {
        host: string;
        port: number;
    };
    type: "SUB" | "DEALER";
    maxPartBytes: number;
    handlers: Handlers;
    /** @type {Connection | null} */
    connection: Connection | null;
    pauseMs: number;
    isClosed: boolean;
    /** @type {NodeJS.Timeout | undefined} */
    retry: NodeJS.Timeout | undefined;
    get isOpen(): boolean;
    /** Sends a message of one part; false without a connection. @param {Uint8Array} body */
    send(body: Uint8Array): boolean;
    close(): void;
    connect(): void;
}
/**
 * @typedef {object} FrameHandlers
 * @property {() => void} onGreetingStart after the eleven bytes that tell the version
 * @property {(bytes: Buffer) => void} onGreeting
 * @property {(name: string, body: Buffer) => void} onCommand
 * @property {(parts: Buffer[], count: number) => void} onMessage
 */
/** Turns bytes, in whatever pieces they come, into commands and messages. Its memory is bounded. */
export class FrameReader {
    /** @param {"SUB" | "DEALER"} type @param {number} maxPartBytes @param {FrameHandlers} handlers */
    constructor(type: "SUB" | "DEALER", maxPartBytes: number, handlers: FrameHandlers);
    type: "SUB" | "DEALER";
    maxPartBytes: number;
    handlers: FrameHandlers;
    flags: number;
    /** @type {Buffer[]} */
    parts: Buffer[];
    count: number;
    wanted: Buffer<ArrayBuffer>;
    have: number;
    /** @type {(bytes: Buffer) => void} */
    then: (bytes: Buffer) => void;
    skip: number;
    /** @param {Uint8Array} bytes */
    push(bytes: Uint8Array): void;
    /** @param {number} length @param {(bytes: Buffer) => void} then */
    expect(length: number, then: (bytes: Buffer) => void): void;
    expectFrame(): void;
    /** @param {number} length */
    expectBody(length: number): void;
    /** @param {Buffer} body */
    endPart(body: Buffer): void;
}
export type Handlers = {
    /**
     * the first eight parts; `count` is of all parts.
     * A part that is too long is empty.
     */
    onMessage: (parts: Buffer[], count: number) => void;
    /**
     * after the handshake
     */
    onOpen?: (() => void) | undefined;
    /**
     * why the connection is lost or was refused
     */
    onLost?: ((error: Error) => void) | undefined;
};
export type FrameHandlers = {
    /**
     * after the eleven bytes that tell the version
     */
    onGreetingStart: () => void;
    onGreeting: (bytes: Buffer) => void;
    onCommand: (name: string, body: Buffer) => void;
    onMessage: (parts: Buffer[], count: number) => void;
};
declare class Connection {
    /**
     * @param {{ host: string, port: number }} address
     * @param {"SUB" | "DEALER"} type
     * @param {number} maxPartBytes
     * @param {Required<Handlers>} handlers
     */
    constructor(address: {
        host: string;
        port: number;
    }, type: "SUB" | "DEALER", maxPartBytes: number, handlers: Required<Handlers>);
    type: "SUB" | "DEALER";
    handlers: Required<Handlers>;
    isReady: boolean;
    isOver: boolean;
    heardMs: number;
    frames: FrameReader;
    socket: net.Socket;
    beat: NodeJS.Timeout;
    /** @param {number} count @param {Uint8Array} buffer */
    read: (count: number, buffer: Uint8Array) => boolean;
    /** @param {number} flags @param {Uint8Array} body */
    sendFrame(flags: number, body: Uint8Array): void;
    /** @param {Error | null} error null where it was closed on purpose */
    end(error: Error | null): void;
    check(): void;
    /** @param {Buffer} theirs */
    checkGreeting(theirs: Buffer): void;
    /** @param {string} name @param {Buffer} body */
    obey(name: string, body: Buffer): void;
}
import net from "node:net";
export {};

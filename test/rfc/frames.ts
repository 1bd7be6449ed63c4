/** Reads a frame as its RFC draws it: field after field, numbers in network byte order. */
export class FrameReader {
  readonly #bytes: Uint8Array;
  #next = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(octets: 1 | 2 | 4): number {
    return this.bytes(octets).reduce((value, octet) => value * 256 + octet, 0);
  }

  /** As two hexadecimal digits an octet, joined by colons. */
  mac(): string {
    return Array.from(this.bytes(6), (octet) => octet.toString(16).padStart(2, '0')).join(':');
  }

  /** As hexadecimal digits. */
  hex(octets: number): string {
    return Array.from(this.bytes(octets), (octet) => octet.toString(16).padStart(2, '0')).join('');
  }

  ipv4(): string {
    return Array.from(this.bytes(4)).join('.');
  }

  bytes(octets: number): Uint8Array {
    if (this.rest < octets) throw new Error(`the frame ends after ${this.#bytes.length} octets`);
    const taken = this.#bytes.subarray(this.#next, this.#next + octets);
    this.#next += octets;
    return taken;
  }

  /** How many octets are left. */
  get rest(): number {
    return this.#bytes.length - this.#next;
  }
}

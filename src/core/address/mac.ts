declare const canonical: unique symbol;

/** An EUI-48 hardware address as `xx:xx:xx:xx:xx:xx` in lower case. */
export type MacAddress = string & { readonly [canonical]: true };

/** Reads six hexadecimal bytes joined by `:` or by `-`, not both. */
export function parseMacAddress(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i.test(text)) return undefined;
  return brand(text.toLowerCase().replaceAll('-', ':'));
}

export function macBytes(mac: MacAddress): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** @throws {RangeError} when there are not 6 bytes. */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6) throw new RangeError(`A MAC address has 6 bytes, not ${bytes.length}`);
  return brand(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));
}

function brand(text: string): MacAddress {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place that makes one
  return text as MacAddress;
}

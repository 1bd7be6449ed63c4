const OFFSET_BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/**
 * Sixty-four bits that stand for a text where only equality matters: FNV-1a over its UTF-16 units,
 * low byte first (draft-eastlake-fnv). It guards against mistakes; forgery is the authentication's
 * business.
 */
export function fingerprint(text: string): bigint {
  let hash = OFFSET_BASIS;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = BigInt.asUintN(64, (hash ^ BigInt(unit & 0xff)) * PRIME);
    hash = BigInt.asUintN(64, (hash ^ BigInt(unit >>> 8)) * PRIME);
  }
  return hash;
}

/**
 * What every message carries of the list of voters (fencing.md A5): two nodes that differ in it, or
 * in the cluster's id, neither acknowledge nor count each other. The order of the ids does not
 * matter.
 */
export function listFingerprint(clusterId: string, voters: readonly string[]): bigint {
  return fingerprint(JSON.stringify([clusterId, ...[...voters].sort()]));
}

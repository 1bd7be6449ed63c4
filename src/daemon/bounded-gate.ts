import { OperationalError } from '../core/errors.ts';
import { addressKey, type LinkAddress } from '../core/plan/state.ts';
import type { GatePort } from './local-dataplane.ts';
import { endsWithin } from './shutdown.ts';

/** Two answers of a kernel that nobody else keeps busy take a thousandth of this. */
const PATIENCE_MS = 100;

/**
 * A gate that keeps nobody waiting. Arming is a transaction of nf_tables, and those stand behind
 * each other: 39 s behind one of kube-proxy's with 10,000 Services. Whoever waited for it in the
 * loop that withdraws could not withdraw.
 */
export class BoundedGate implements GatePort {
  readonly #gate: GatePort;
  #arming: { readonly list: string; readonly work: Promise<void> } | undefined;

  constructor(gate: GatePort) {
    this.#gate = gate;
  }

  get armed(): readonly LinkAddress[] {
    return this.#gate.armed;
  }

  get isOpen(): boolean {
    return this.#gate.isOpen;
  }

  /** Asked for the same list again while the first time lasts, it only waits again. */
  async arm(addresses: readonly LinkAddress[]): Promise<void> {
    const list = addresses.map(addressKey).join();
    if (this.#arming?.list !== list) {
      const work = this.#gate.arm(addresses).finally(() => {
        if (this.#arming?.work === work) this.#arming = undefined;
      });
      this.#arming = { list, work };
    }
    await soon('arm', this.#arming.work);
  }

  acquire(): Promise<void> {
    return soon('open', this.#gate.acquire());
  }

  close(): Promise<void> {
    return soon('close', this.#gate.close());
  }
}

/** @throws {OperationalError} ETIMEDOUT when it takes longer; it goes on then. */
async function soon(verb: string, work: Promise<void>): Promise<void> {
  work.catch(() => {}); // Whoever has stopped waiting is told by the next look.
  if (await endsWithin(work, PATIENCE_MS)) return;
  throw new OperationalError(`Cannot ${verb} the gate within ${PATIENCE_MS} ms`, {
    code: 'ETIMEDOUT',
    hint: 'Another program changes nftables, or the machine has no time; it goes on by itself',
  });
}

import type { IpAddress } from '../core/address/ip.ts';
import type { Resignation } from '../core/election/raft/message.ts';
import type { Log } from '../telemetry/log.ts';

/** What the guard sends as it is, once it has withdrawn for us. */
export interface SealedDatagram {
  readonly address: IpAddress;
  readonly port: number;
  readonly payload: Uint8Array;
}

/** What keeps the guard's last words up to date needs. */
export interface ResignationPorts {
  readonly peers: readonly string[];
  /** Undefined while that peer has not been met. */
  readonly seal: (peer: string, message: Resignation) => SealedDatagram | undefined;
  readonly tell: (datagrams: readonly SealedDatagram[]) => Promise<void>;
  readonly log: Log;
}

/**
 * The resignation that the guard is to send for this process: of the newest term that it led,
 * sealed for each peer's session, and sealed again whenever such a session is another.
 */
export class PreparedResignation {
  readonly #ports: ResignationPorts;
  #message: Resignation | undefined;
  #stale = false;
  #telling = false;

  constructor(ports: ResignationPorts) {
    this.#ports = ports;
  }

  prepare(message: Resignation): void {
    this.#message = message;
    this.renew();
  }

  /** What was sealed is void. Several calls during one telling are one more telling. */
  renew(): void {
    if (this.#message === undefined) return;
    this.#stale = true;
    if (!this.#telling) void this.#tell();
  }

  async #tell(): Promise<void> {
    const { peers, seal, tell, log } = this.#ports;
    this.#telling = true;
    // After what this turn has to do for a takeover: sealing takes as long as binding an address.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#stale && this.#message !== undefined) {
      this.#stale = false;
      const message = this.#message;
      try {
        await tell(peers.flatMap((peer) => seal(peer, message) ?? []));
      } catch (err) {
        // Without it the peers wait for their time-outs: slower, and as safe.
        log.warn({ err }, 'guard does not know the resignation');
      }
    }
    this.#telling = false;
  }
}

import type { HandoffResult } from '../core/status/control.ts';
import type { ElectionStatus, TakeoverStatus } from '../core/status/status.ts';

/** Decides when this node may serve, by extending and giving up the held right. */
export interface Elector {
  start(): void;
  /** Undefined when this node can serve, else why it cannot. */
  setIneligible(reason: string | undefined): void;
  /** The guard ended the right on our behalf, and may have told the others. */
  resign(): void;
  /** The VIPs were announced for the first time since the right was taken. */
  announced(at: number): void;
  /** Whether another node was heard to hold the right since this process began. */
  followsAnother(): boolean;
  handoff(to?: string): Promise<HandoffResult>;
  /** Gives up what it has, lets another take over, and takes part no more. */
  leave(): Promise<void>;
  status(): ElectionStatus;
  lastTakeover(): TakeoverStatus | null;
}

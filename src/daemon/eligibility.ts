import {
  type Condition,
  type EligibilityState,
  type IneligibleReason,
  judgeEligibility,
  NO_TROUBLE,
} from '../core/plan/eligibility.ts';
import type { Clock } from './clock.ts';

/** What the watch over this node's own condition needs. */
export interface EligibilityPorts {
  readonly clock: Clock;
  readonly linkDownGraceMs: () => number;
  /** The first answer, and every other one: the election must know. */
  readonly changed: (reason: IneligibleReason | undefined) => void;
}

/** Keeps `judgeEligibility` asked: whenever the condition is seen, and when a grace ends. */
export class Eligibility {
  readonly #ports: EligibilityPorts;
  #state: EligibilityState = NO_TROUBLE;
  #condition: Condition | undefined;
  #judged = false;
  #reason: IneligibleReason | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: EligibilityPorts) {
    this.#ports = ports;
  }

  /** Why this node cannot be elected; undefined when it can, or nothing is known yet. */
  get reason(): IneligibleReason | undefined {
    return this.#reason;
  }

  see(condition: Condition): void {
    this.#condition = condition;
    this.#judge();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#condition = undefined;
  }

  #judge(): void {
    clearTimeout(this.#timer);
    if (this.#condition === undefined) return;
    const { clock, linkDownGraceMs, changed } = this.#ports;
    const now = clock.now();
    const judged = judgeEligibility(this.#state, this.#condition, now, linkDownGraceMs());
    this.#state = judged.state;
    if (judged.reviewAt !== undefined) {
      this.#timer = setTimeout(() => this.#judge(), Math.ceil(judged.reviewAt - now));
    }
    if (this.#judged && judged.reason === this.#reason) return;
    this.#judged = true;
    this.#reason = judged.reason;
    changed(judged.reason);
  }
}

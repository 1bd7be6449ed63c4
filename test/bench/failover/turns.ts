/**
 * Who may strike or put right. Contenders stand on one machine: what starts or ends processes of
 * one while another takes over would be in the other one's gap.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Waits for the turn, does `work`, and lets the next one have it. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = Promise.allSettled([turn]);
    return await turn;
  }
}

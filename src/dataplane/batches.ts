/**
 * While the kernel thread performs one batch, the next is read from JavaScript: reading costs
 * about 1 µs an element, and is hidden but for the first batch (docs/benchmarks.md), which is
 * short for that.
 */
const FIRST_LENGTH = 32;
const MAX_LENGTH = 256;

/** Submits `requests` in batches, in their order, and joins the answers in the same order. */
export async function inBatches<Request, Answer>(
  requests: readonly Request[],
  submit: (batch: readonly Request[]) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  const answers: Promise<readonly Answer[]>[] = [];
  let length = FIRST_LENGTH;
  for (let begin = 0; begin < requests.length; ) {
    answers.push(submit(requests.slice(begin, begin + length)));
    begin += length;
    length = Math.min(2 * length, MAX_LENGTH);
  }
  return (await Promise.all(answers)).flat();
}

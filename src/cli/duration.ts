const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A duration as a person says it: `12 ms`, `8.1 s`, `1m 21s`, `3d 4h`; cut, never rounded up. */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.floor(ms)} ms`;
  if (ms < MINUTE_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${count(ms, MINUTE_MS)}m ${count(ms % MINUTE_MS, SECOND_MS)}s`;
  if (ms < DAY_MS) return `${count(ms, HOUR_MS)}h ${count(ms % HOUR_MS, MINUTE_MS)}m`;
  return `${count(ms, DAY_MS)}d ${count(ms % DAY_MS, HOUR_MS)}h`;
}

function count(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs);
}

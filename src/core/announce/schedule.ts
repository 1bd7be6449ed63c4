import type { Instant } from '../time.ts';

/**
 * When the announcements of a burst are due, in milliseconds after the VIP was taken. RFC 5227 §2.3
 * asks for two, 2 s apart; the ones in between are for receivers that drop the first: Linux ignores
 * announcements for an entry that changed less than a second ago (`locktime`, arp(7)).
 */
export const BURST_OFFSETS_MS: readonly number[] = [0, 100, 1000, 2000, 5000];

/**
 * When announcement number `sent` (0 is the first) of a VIP taken at `startedAt` is due: the burst,
 * then one every `intervalMs`, since a switch that missed the burst would stay wrong until its
 * entry ages out.
 */
export function announcementDue(startedAt: Instant, sent: number, intervalMs: number): Instant {
  const offset = BURST_OFFSETS_MS[sent];
  if (offset !== undefined) return startedAt + offset;
  const last = BURST_OFFSETS_MS.at(-1) ?? 0;
  return startedAt + last + (sent - BURST_OFFSETS_MS.length + 1) * intervalMs;
}

import type { IpAddress } from '../core/address/ip.ts';
import { announcementDue } from '../core/announce/schedule.ts';
import { type Announcement, announcementKey } from '../core/plan/state.ts';
import type { Instant } from '../core/time.ts';
import type { Clock } from './clock.ts';

/** What the announcer needs of the outside. */
export interface AnnouncerPorts {
  readonly clock: Clock;
  /** The fences' deadline: nothing is sent after it. */
  deadline(): Instant;
  intervalMs(): number;
  /** Sends one announcement each; refuses what it reaches after `notAfter`. */
  send(batch: readonly Announcement[], notAfter: Instant): Promise<void>;
  /** A VIP was announced for the first time since it was taken. */
  announced(announcement: Announcement, at: Instant): void;
  failed(error: unknown): void;
}

interface Entry {
  readonly announcement: Announcement;
  readonly startedAt: Instant;
  sent: number;
}

/** 500 VIPs in two ARP forms each 50 ms are 20,000 frames a second, which no segment minds. */
const BATCH_SIZE = 500;
const BATCH_PERIOD_MS = 50;

/**
 * Sends the announcements that are due, VIP by VIP on the schedule of `core/announce`. It starts
 * empty, so that after a crash the plan announces everything again.
 */
export class Announcer {
  readonly #ports: AnnouncerPorts;
  readonly #entries = new Map<string, Entry>();
  #timer: NodeJS.Timeout | undefined;
  #sending = false;

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  get announcements(): readonly Announcement[] {
    return [...this.#entries.values()].map((entry) => entry.announcement);
  }

  /** How often the VIP on that link was announced since it was taken. */
  sent(linkIndex: number, address: string): number {
    for (const { announcement, sent } of this.#entries.values()) {
      if (announcement.linkIndex === linkIndex && announcement.address === address) return sent;
    }
    return 0;
  }

  /** Begins the schedules of `announcements`; the first ones are sent before this resolves. */
  async start(announcements: readonly Announcement[]): Promise<void> {
    const startedAt = this.#ports.clock.now();
    for (const announcement of announcements) {
      this.#entries.set(announcementKey(announcement), { announcement, startedAt, sent: 0 });
    }
    await this.#sendDue();
  }

  /** Announces these VIPs once more, beside their schedules. */
  async repeat(vips: ReadonlySet<IpAddress>): Promise<void> {
    const deadline = this.#ports.deadline();
    if (this.#ports.clock.now() >= deadline) return;
    const batch = this.announcements.filter(({ address }) => vips.has(address));
    try {
      // What is beyond a batch is announced by its schedule soon.
      await this.#ports.send(batch.slice(0, BATCH_SIZE), deadline);
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  stop(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) this.#entries.delete(announcementKey(announcement));
    this.#schedule(0);
  }

  close(): void {
    this.#entries.clear();
    clearTimeout(this.#timer);
  }

  async #sendDue(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      const now = this.#ports.clock.now();
      // Past the deadline these VIPs are being withdrawn: the kernel's side would refuse, as it
      // should.
      if (now >= this.#ports.deadline()) return;
      const due = [...this.#entries.values()]
        .filter((entry) => this.#due(entry) <= now)
        .slice(0, BATCH_SIZE);
      if (due.length > 0) await this.#send(due, now);
    } catch (error) {
      this.#ports.failed(error);
    } finally {
      this.#sending = false;
      this.#schedule(BATCH_PERIOD_MS);
    }
  }

  async #send(due: readonly Entry[], now: Instant): Promise<void> {
    const first = due.filter((entry) => entry.sent === 0);
    // Counted before the sending: a link that refuses is not asked again every few milliseconds.
    for (const entry of due) entry.sent += 1;
    await this.#ports.send(
      due.map((entry) => entry.announcement),
      this.#ports.deadline(),
    );
    for (const entry of first) this.#ports.announced(entry.announcement, now);
  }

  #due(entry: Entry): Instant {
    return announcementDue(entry.startedAt, entry.sent, this.#ports.intervalMs());
  }

  /** Sets the timer for the earliest announcement that is due, at least `pauseMs` from now. */
  #schedule(pauseMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#entries.size === 0) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) earliest = Math.min(earliest, this.#due(entry));
    const delay = Math.max(pauseMs, earliest - this.#ports.clock.now());
    this.#timer = setTimeout(() => void this.#sendDue(), delay);
  }
}

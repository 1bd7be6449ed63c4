import { expect, test } from 'vitest';
import { announcementDue } from '../../../src/core/announce/schedule.ts';

test('announcementDue() is the burst, then the interval', () => {
  const due = Array.from({ length: 8 }, (_, sent) => announcementDue(10_000, sent, 3000));
  expect(due).toEqual([10_000, 10_100, 11_000, 12_000, 15_000, 18_000, 21_000, 24_000]);
});

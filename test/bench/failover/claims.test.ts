import { expect, test } from 'vitest';
import { answeredTwiceMs, type Claim, intrusions, parseClaim } from './claims.ts';

const SPAN = { from: 0, until: 1000 };

/** Who claims when: `a5` is node a at 5 ms, in answer to the request that was sent then. */
function claims(story: string): readonly Claim[] {
  return story.split(' ').map((word) => {
    const at = Number(word.slice(1));
    return { at, mac: word.charAt(0), request: Math.floor(at / 5) };
  });
}

function intruders(story: string): readonly string[] {
  return intrusions(claims(story), SPAN).map(({ mac, at }) => `${mac}${at}`);
}

test('answeredTwiceMs() counts the requests that two nodes answered', () => {
  expect(answeredTwiceMs(claims('a0 a5 a10 b15 b20'), SPAN)).toBe(0);
  expect(answeredTwiceMs(claims('a0 a5 b5.1 b10 b15'), SPAN)).toBe(5);
  expect(answeredTwiceMs(claims('a0 b0.1 a5 b5.1 b1000 a1000'), { from: 3, until: 50 })).toBe(5);
});

test('an announcement within a turn of another node is an intrusion; a clean move is none', () => {
  expect(intruders('a0 a5 a10 b14 b15 b20 b25')).toEqual([]);
  expect(intruders('a0 b20 b25 a27 b30 b35')).toEqual(['a27']);
  expect(intruders('a0 a5 b9 a10 b15 b20')).toEqual(['b9', 'a10']);
});

test('a node that comes back long after intrudes upon nobody', () => {
  expect(intruders('a0 a5 b30 b35 a60 a65')).toEqual([]);
});

test('parseClaim() reads what tcpdump prints', () => {
  const answer =
    '1763855000.123456 ae:00:00:00:00:01 > 02:ab:00:00:01:02, ethertype ARP (0x0806), length 42: Reply 192.0.2.100 is-at ae:00:00:00:00:01, length 28';
  expect(parseClaim(answer)).toEqual({
    at: 1763855000123.456,
    mac: 'ae:00:00:00:00:01',
    request: 258,
  });
  const announcement = answer.replace('02:ab:00:00:01:02', 'ff:ff:ff:ff:ff:ff');
  expect(parseClaim(announcement)).toEqual({ at: 1763855000123.456, mac: 'ae:00:00:00:00:01' });
  expect(parseClaim('listening on br0')).toBeUndefined();
});

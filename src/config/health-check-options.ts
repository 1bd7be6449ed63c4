/** The table of a health check's options, and what they say of each other. */
import type { StatusRange } from '../core/health/check.ts';
import { fieldsKind, refine } from './compound.ts';
import { type Kind, option, optionWithDefault } from './kind.ts';
import { boolean, choice, integer, port, text } from './kinds.ts';

const RANGE = /^(?<from>[1-5]\d\d)(?:-(?<to>[1-5]\d\d))?$/;

const statuses: Kind<readonly StatusRange[]> = refine(
  text({
    name: 'statuses of HTTP',
    pattern: /^[1-5]\d\d(?:-[1-5]\d\d)?(?: *, *[1-5]\d\d(?:-[1-5]\d\d)?)*$/,
    fix: 'write one, a range, or several joined by commas: 200-299,401',
  }),
  (written, node, reading) => {
    const ranges = written.split(',').map((part) => {
      const { from, to = from } = RANGE.exec(part.trim())?.groups ?? {};
      return { from: Number(from), to: Number(to) };
    });
    const backwards = ranges.find(({ from, to }) => to < from);
    if (backwards === undefined) return ranges;
    const { from, to } = backwards;
    reading.report(node.origin, `${reading.path} has ${from}-${to}`, `write ${to}-${from}`);
    return undefined;
  },
);

export const HEALTH_CHECK_OPTIONS = {
  type: optionWithDefault('tcp', {
    kind: choice(['tcp', 'http', 'https']),
    description:
      'tcp: a backend that accepts a connection is well. http, https: one that answers a GET with an expected status.',
    example: 'https',
  }),
  port: option({
    kind: port,
    description: 'Port that is probed.',
    defaultText: 'the port of the backend',
    example: '6443',
  }),
  path: option({
    kind: text({ name: 'a path', pattern: /^\/[!-~]*$/, fix: 'begin it with a slash: /readyz' }),
    description: 'Path that is asked for, with its query if it has one.',
    defaultText: '/',
    example: '/readyz',
  }),
  host: option({
    kind: text({ name: 'a host', pattern: /^[!-~]+$/, fix: 'write a name, or name:port' }),
    description: 'The Host header. A redirect is not followed.',
    defaultText: 'address and port of the backend',
    example: 'app.example.com',
  }),
  expectStatus: option({
    kind: statuses,
    description: 'Statuses of the answer that are well.',
    defaultText: '200-399',
    example: '200',
  }),
  intervalMs: optionWithDefault(2000, {
    kind: integer({ min: 100, max: 3_600_000 }),
    unit: 'ms',
    description:
      'From one probe of a backend to the next, give or take a tenth; a quarter of it while probes contradict what is known.',
    example: '2000',
  }),
  timeoutMs: optionWithDefault(1000, {
    kind: integer({ min: 10, max: 3_600_000 }),
    unit: 'ms',
    description: 'For the whole of a probe.',
    example: '1000',
  }),
  rise: optionWithDefault(2, {
    kind: integer({ min: 1, max: 100 }),
    description: 'How many probes in a row must pass until an unhealthy backend is used again.',
    example: '2',
  }),
  fall: optionWithDefault(3, {
    kind: integer({ min: 1, max: 100 }),
    description:
      'How many must fail in a row until a healthy one is left alone. The first probe of all decides at once.',
    example: '3',
  }),
  slowStartMs: optionWithDefault(0, {
    kind: integer({ min: 0, max: 3_600_000 }),
    unit: 'ms',
    description:
      'For how long the weight of a backend grows, from a tenth, after it was unhealthy. It shows with weights of 10 and more. 0: at once.',
    example: '30000',
  }),
  panicPercent: optionWithDefault(50, {
    kind: integer({ min: 0, max: 100 }),
    description:
      'With fewer than so many healthy ones in a hundred, all backends are used: the check is wrong, or the few would fall under the load of all. 0: never.',
    example: '50',
  }),
  caFile: option({
    kind: text({ name: 'a path', pattern: /^\/[^\0\r\n]*$/, fix: 'write an absolute path' }),
    description: 'Certificates in PEM, one of which must have signed that of the backend.',
    defaultText: 'the authorities that Node.js knows',
    example: '/etc/kubernetes/pki/ca.crt',
  }),
  insecure: optionWithDefault(false, {
    kind: boolean,
    description: 'Takes any certificate.',
    example: 'true',
  }),
  serverName: option({
    kind: text({ name: 'a host name', pattern: /^[A-Za-z0-9._-]+$/, fix: 'write a host name' }),
    description: 'Name that is asked for (SNI), and that the certificate must be for.',
    defaultText: 'that of host, else the address of the backend',
    example: 'kubernetes.default.svc',
  }),
};

export const healthCheck = fieldsKind('a health check', HEALTH_CHECK_OPTIONS);

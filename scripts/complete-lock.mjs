// Adds to package-lock.json the optional packages that npm left out of it: `npm run lock`, after
// every `npm install` that changed the lock.
//
// Tools such as Biome and oxlint name one optional package a platform. Where the registry in use
// lacks one of them (a mirror that holds only some), `npm install` drops it from the lock without a
// word, and `npm ci` then refuses that lock everywhere: "Missing: @biomejs/cli-win32-x64@ from lock
// file". An entry with its version and platform is enough: npm fetches it only where the platform
// fits.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The platform that a package is for, as its name tells it. */
function platformOf(name) {
  const words = path.basename(name).split('-');
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (os === undefined || cpu === undefined)
    throw new Error(`Cannot tell the platform of "${name}"`);
  const libc = words.map((word) => /^(gnu|musl)/.exec(word)?.[1]).find(Boolean);
  return { os: [os], cpu: [cpu], ...(libc && { libc: [libc === 'gnu' ? 'glibc' : libc] }) };
}

const file = path.resolve(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [where, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const places = [`${where}/node_modules/${name}`, `node_modules/${name}`];
    if (places.some((place) => place in lock.packages)) continue;
    const { os, cpu, libc } = platformOf(name);
    const dev = entry.dev === true ? { dev: true } : {};
    added.push([
      `node_modules/${name}`,
      { version, cpu, ...dev, ...(libc && { libc }), optional: true, os },
    ]);
  }
}
const packages = Object.entries(lock.packages).concat(added);
lock.packages = Object.fromEntries(packages.sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} optional packages added to package-lock.json`);

/** The CA that certificates of backends must be signed by. */
import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode, OperationalError } from '../core/errors.ts';

/** All that Mozilla trusts are 220 KiB. */
const MAX_FILE_BYTES = 1024 * 1024;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads the certificates of a file in PEM, and nothing else that is in it.
 *
 * @throws {OperationalError} an errno name, or `bad-ca-file` when it holds no certificate, or one
 * that cannot be read.
 */
export async function readCaFile(path: string): Promise<string> {
  const certificates = (await readSmallFile(path)).match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw badFile(path, 'it holds no certificate in PEM');
  for (const [index, pem] of certificates.entries()) {
    try {
      // Unread, a broken one would be passed over, and every backend found unhealthy.
      void new X509Certificate(pem);
    } catch (err) {
      throw badFile(path, `certificate ${index + 1} of ${certificates.length} is broken`, err);
    }
  }
  return `${certificates.join('\n')}\n`;
}

async function readSmallFile(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO waits for a writer (fifo(7)).
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES)
      throw badFile(path, 'not a small regular file');
    return await file.readFile('utf8');
  } catch (err) {
    if (err instanceof OperationalError) throw err;
    const code = errorCode(err);
    throw new OperationalError(`Cannot read the CA file "${path}": ${code}`, {
      code,
      hint: hintFor(path),
      cause: err,
    });
  } finally {
    await file?.close();
  }
}

function badFile(path: string, what: string, cause?: unknown): OperationalError {
  return new OperationalError(`Cannot use the CA file "${path}": ${what}`, {
    code: 'bad-ca-file',
    hint: hintFor(path),
    cause,
  });
}

function hintFor(path: string): string {
  return `Write the certificate of the backends' CA to ${path}, in PEM, or set insecure: true`;
}

/**
 * The parts that the demo plays in other namespaces: processes of this same program, since only a
 * process that starts in a namespace has its sockets there. The hidden command `demo-part` runs
 * them.
 */
import { loadBinding } from '../../dataplane/binding.ts';
import { type AnswererOptions, runAnswerer } from './answerer.ts';
import { type BackendsOptions, runBackends } from './backends.ts';
import { type ClientOptions, type ClientReport, runClient } from './client.ts';

export type Part =
  | ({ readonly part: 'client' } & ClientOptions)
  | ({ readonly part: 'answerer' } & AnswererOptions)
  | ({ readonly part: 'backends' } & BackendsOptions);

/** What a part tells the one who started it, over the channel of child_process. */
export type PartMessage = { readonly kind: 'ready' } | ClientReport;

function tell(message: PartMessage): void {
  process.send?.(message);
}

function ready(): void {
  tell({ kind: 'ready' });
}

/** Plays `part` until the one who started this process is gone. */
export function playPart(part: Part): Promise<void> {
  const end = new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
  });
  const binding = loadBinding();
  switch (part.part) {
    case 'client':
      runClient(part, () => binding.bootTimeMs(), tell);
      ready();
      break;
    case 'answerer':
      runAnswerer(part, ready);
      break;
    case 'backends':
      runBackends(part, ready);
      break;
  }
  return end;
}

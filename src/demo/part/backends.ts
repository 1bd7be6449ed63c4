import { createServer } from 'node:net';

export interface BackendsOptions {
  readonly port: number;
  readonly backends: readonly { readonly address: string; readonly name: string }[];
}

/** Serves HTTP/1.0 on every backend's address; the body of every answer is the backend's name. */
export function runBackends({ port, backends }: BackendsOptions, ready: () => void): void {
  let missing = backends.length;
  for (const { address, name } of backends) {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => {
        const head = `HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${name.length + 1}`;
        socket.end(`${head}\r\n\r\n${name}\n`);
      });
    });
    server.listen(port, address, () => {
      missing -= 1;
      if (missing === 0) ready();
    });
  }
}

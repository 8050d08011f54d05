import { connect } from 'node:net';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Host } from './host.ts';
import type { LinkPlan } from './links.ts';
import { labDirectory } from './registry.ts';
import { type Shape, wirefilterCommands } from './shape.ts';

/**
 * Makes a link of two VDE switches, each with a tap inside its namespace, joined by wirefilter. All three end by
 * themselves when their standard input closes, so that even a killed owner leaves none running.
 */
export async function createVdeLink(id: string, client: Host, server: Host, link: LinkPlan): Promise<void> {
  const [left, right] = [client, server].map((host) => join(labDirectory(id), `${link.name}-${host.role}`)) as [
    string,
    string,
  ];
  const switches = [
    client.spawn('vde_switch', ['-s', left, '-tap', link.name]),
    server.spawn('vde_switch', ['-s', right, '-tap', link.name]),
  ];
  // A switch answers once its tap and its socket are there.
  for (const vdeSwitch of switches) vdeSwitch.write('showinfo\n');
  await Promise.all(switches.map((vdeSwitch) => vdeSwitch.waitForLine(/Success/)));
  const filter = client.spawn('wirefilter', ['-v', `${left}:${right}`, '-M', managementSocket(id, link.name)]);
  filter.write('showinfo\n');
  await filter.waitForLine(/Success/);
  for (const { pid } of [...switches, filter]) hurry(pid);
  await shapeVdeLink(id, link.name, link.up, link.down);
}

/** A wire does not wait for its turn on a busy machine; where that is not allowed (no CAP_SYS_NICE), figures are just less exact. */
function hurry(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')))
      throw error;
  }
}

/** Changes delay and loss while packets pass. */
export async function shapeVdeLink(id: string, name: string, up: Shape, down: Shape): Promise<void> {
  await manage(managementSocket(id, name), wirefilterCommands(up, down));
}

const managementSocket = (id: string, name: string): string => join(labDirectory(id), `${name}-wirefilter`);

/** Sends commands to wirefilter's management socket; throws when one is not answered with 1000 within 2 s. */
function manage(path: string, commands: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let answered = '';
    const waiting = [...commands];
    const socket = connect(path);
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(`wirefilter: ${why} (${commands.join(', ')}): ${answered.slice(-300)}`));
    };
    // It takes one command per read, so the next waits for the answer to the last.
    const next = () => {
      const command = waiting.shift();
      if (command !== undefined) socket.write(`${command}\n`);
      else {
        socket.destroy();
        resolve();
      }
    };
    socket.setEncoding('utf8').setTimeout(2000, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('end', () => fail('closed'));
    socket.on('data', (text: string) => {
      answered += text;
      const [, code] = /(?:^|\$ )(\d{4}) .*\n/m.exec(answered) ?? [];
      if (code === undefined) return;
      answered = '';
      if (code === '1000') next();
      else fail(`answered ${code}`);
    });
    next();
  });
}

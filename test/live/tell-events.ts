import { createInterface } from 'node:readline';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import { openReceiver, openTransport } from '../../exporter/src/linux/netlink/transport.ts';
import { openNetlinkSource } from '../../exporter/src/source/netlink.ts';

// The program that events.test.ts runs inside a lab: prints what the netlink source tells as JSON lines, and a reading for
// each line of standard input. It ends when its standard input does. With a number as its argument the kernel may queue only
// that many bytes for it.

const SOL_SOCKET = 1;
const [bufferBytes] = process.argv.slice(2).map(Number);
const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
};

const libc = await loadLibc();
const narrow: typeof libc = {
  ...libc,
  setsockopt: (descriptor, level, option, value) =>
    libc.setsockopt(descriptor, level, option, level === SOL_SOCKET ? (bufferBytes ?? value) : value),
};
const source = await openNetlinkSource({
  procfs: '/proc',
  connect: (protocol) => openTransport(libc, protocol),
  listen: (protocol, groups, onReadable) => openReceiver(narrow, protocol, groups, onReadable),
});
const failure = await source.subscribe?.((events) => {
  for (const event of events) print({ event });
});
print({ subscribed: true, failure });
for await (const _ of createInterface({ input: process.stdin })) {
  const { sockets, capabilities, incidents } = await source.read(new Set());
  print({ sockets: sockets.value, events: capabilities.get('events'), incidents });
}
source.close();

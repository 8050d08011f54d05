import { constants } from 'node:os';
import { errnoError, type Wording } from './errno.ts';
import type { Libc } from './libc.ts';

/** These numbers are the same on every Linux platform that Node.js runs on. */
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
/** IFNAMSIZ without the final zero; the kernel would cut a longer name and bind to another interface. */
const MAX_INTERFACE_NAME_BYTES = 15;

/**
 * Has a socket send and receive by one interface only, whatever the routes say. Throws {@link ExporterError}: `unreachable`
 * when there is no such interface, `permission_denied`.
 */
export function bindToInterface(libc: Libc, descriptor: number, interfaceName: string): void {
  const wording: Wording = {
    doing: `bind a socket to interface ${interfaceName}`,
    remedies: { permission_denied: 'Before Linux 5.7 that takes CAP_NET_RAW: grant it.' },
  };
  const name = Buffer.from(interfaceName);
  const fits = name.length > 0 && name.length <= MAX_INTERFACE_NAME_BYTES;
  if (!fits) throw errnoError(constants.errno.ENODEV, wording);
  libc.setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, wording);
}

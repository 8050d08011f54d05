import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../exporter/src/errors.ts';
import { NetlinkSocket } from '../../../exporter/src/linux/netlink/socket.ts';
import { SocketTables } from '../../../exporter/src/linux/netlink/sockets.ts';
import {
  capture,
  captured,
  captureName,
  done,
  FakeKernel,
  messagesOf,
  plain,
  refusal,
  type Step,
  sceneKernel,
} from './fake-kernel.ts';

/** The scene's kernel, but for the answers given by the capture's name. */
function kernelBut(answers: Readonly<Record<string, readonly Step[]>>): FakeKernel {
  return new FakeKernel((request) => {
    const name = captureName(request);
    return answers[name] ?? captured('client', name);
  });
}

/** The same of a kernel that wants to be asked for one family at a time. */
function byFamilyBut(answers: Readonly<Record<string, readonly Step[]>>): FakeKernel {
  return kernelBut({ 'sock-diag-mptcp-both': [refusal(95)], 'sock-diag-tcp-both': [refusal(22)], ...answers });
}

function read(kernel: FakeKernel) {
  const incidents: ErrorCode[] = [];
  const open = () => new NetlinkSocket({ connect: kernel.connect, onIncident: (code) => incidents.push(code) });
  const tables = new SocketTables(open);
  return { incidents, tables, sockets: tables.read() };
}

describe('reading the sockets', () => {
  it('dumps connections, then subflows, of both families at once', async () => {
    const kernel = sceneKernel('client');
    const { sockets, incidents } = read(kernel);
    const { connections, subflows } = await sockets;
    expect([connections.length, subflows.length]).toEqual([7, 19]);
    expect(incidents).toEqual([]);
    expect(kernel.requests.map(captureName)).toEqual(['sock-diag-mptcp-both', 'sock-diag-tcp-both']);
  });

  it('gives the same of a kernel that must be asked for each family, which it asks so from then on', async () => {
    const together = plain(await read(sceneKernel('client')).sockets);
    const kernel = byFamilyBut({});
    const { sockets, tables } = read(kernel);
    expect(plain(await sockets)).toEqual(together);
    const before = kernel.requests.length;
    expect(plain(await tables.read())).toEqual(together);
    const asked = kernel.requests.slice(before).map(captureName).sort();
    expect(asked).toEqual(['sock-diag-mptcp4', 'sock-diag-mptcp6', 'sock-diag-tcp4', 'sock-diag-tcp6']);
  });

  it('takes a list of TCP sockets for what a kernel says to the old request alone, until it says so to the new one', async () => {
    const tcp = captured('client', 'sock-diag-tcp-both');
    const { connections, connectionsFailure } = await read(kernelBut({ 'sock-diag-mptcp-both': tcp })).sockets;
    expect(connections).toHaveLength(7);
    expect(connectionsFailure).toBeUndefined();
  });

  it('does without IPv6 where the kernel has none', async () => {
    const { sockets } = read(byFamilyBut({ 'sock-diag-mptcp6': [refusal(2)], 'sock-diag-tcp6': [done(97)] }));
    const { connections, subflows } = await sockets;
    expect([connections.length, subflows.length]).toEqual([5, 15]);
  });

  it('fails when IPv6 fails for any other reason: half the connections are not all of them', async () => {
    const { sockets } = read(byFamilyBut({ 'sock-diag-tcp6': [refusal(22)] }));
    await expect(sockets).rejects.toMatchObject({ code: 'kernel_refused' });
  });

  it.each([
    ['sock-diag-mptcp4', 'modprobe mptcp_diag'],
    ['sock-diag-tcp4', 'modprobe tcp_diag'],
  ])('of a kernel without %s says how to get it', async (name, remedy) => {
    for (const step of [refusal(2), done(2)]) {
      await expect(read(byFamilyBut({ [name]: [step] })).sockets).rejects.toMatchObject({
        code: 'not_supported',
        remedy: expect.stringContaining(remedy),
      });
    }
  });

  it('of kernels 5.7 to 5.9, which list TCP in place of MPTCP, gives the subflows and says what is missing', async () => {
    const tcp = messagesOf(capture('client', 'sock-diag-tcp4'));
    const old = captured('client', 'sock-diag-tcp-both');
    const kernel = kernelBut({ 'sock-diag-mptcp-both': old, 'sock-diag-mptcp4': tcp });
    const { connections, subflows, connectionsFailure } = await read(kernel).sockets;
    expect(connections).toEqual([]);
    expect(subflows).toHaveLength(19);
    expect(connectionsFailure).toMatchObject({ code: 'not_tcp_info', message: expect.stringContaining('Linux 5.10') });
  });

  it('asks for both tables at once when subflows show what they are, and gives the same', async () => {
    const kernel = sceneKernel('client');
    const { sockets, tables } = read(kernel);
    const first = plain(await sockets);
    expect(plain(await tables.read())).toEqual(first);
    expect(kernel.requests).toHaveLength(4);
  });

  it('goes back to asking for connections first when subflows no longer show what they are', async () => {
    let hidden = false;
    const kernel = new FakeKernel((request) => {
      const name = captureName(request);
      const messages = captured('client', name);
      return hidden && name.startsWith('sock-diag-tcp') ? messages.map(withoutUlp) : messages;
    });
    const { sockets, tables } = read(kernel);
    await sockets;
    hidden = true;
    expect((await tables.read()).subflows).toEqual([]);
    const { subflows } = await tables.read();
    expect(subflows).toHaveLength(19);
    expect(subflows.every(({ token }) => token === undefined)).toBe(true);
  });

  it('fails as a whole when one table cannot be read, and works again when it can', async () => {
    let refused = false;
    const kernel = new FakeKernel((request) => {
      const name = captureName(request);
      return refused && name.startsWith('sock-diag-tcp') ? [refusal(22)] : captured('client', name);
    });
    const { sockets, tables } = read(kernel);
    await sockets;
    refused = true;
    await expect(tables.read()).rejects.toMatchObject({ code: 'kernel_refused' });
    refused = false;
    expect((await tables.read()).subflows).toHaveLength(19);
    tables.close();
    await expect(tables.read()).rejects.toMatchObject({ code: 'interrupted' });
    expect(kernel.open).toBe(0);
  });
});

/** A row of the TCP dump as kernels before 6.15 give it without CAP_NET_ADMIN: the ULP attribute given a type that is not known. */
function withoutUlp(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  const view = new DataView(copy.buffer);
  if (view.getUint16(4, true) === 3) return copy;
  for (let offset = 16 + 72; offset < copy.length; offset += (view.getUint16(offset, true) + 3) & ~3) {
    if (view.getUint16(offset + 2, true) === 19) view.setUint16(offset + 2, 4000, true);
  }
  return copy;
}

import { type Koffi, type KoffiFunction, messageHeaderType, partType } from './koffi.ts';

const MSG_DONTWAIT = 0x40;

/** Room for datagrams that are received together in a thread of libuv's pool, while the event loop does something else. */
export interface DatagramBatch {
  /** Receives those that wait, at most as many as fit, and gives their number (recvmmsg(2)). Rejects with an `errno` as node:fs does. */
  receive(descriptor: number): Promise<number>;
  /** What the last call received in this slot; as long as the slot when it was cut off. */
  at(slot: number): DataView;
}

/** Makes a batch of `slots` datagrams of up to `slotBytes` each. */
export function datagramBatch(koffi: Koffi, recvmmsg: KoffiFunction, slots: number, slotBytes: number): DatagramBatch {
  const { bytes, headers, sizeAt, kept } = layOut(koffi, slots, slotBytes);
  return {
    receive: (descriptor) =>
      new Promise((resolve, reject) => {
        recvmmsg.async(descriptor, headers, slots, MSG_DONTWAIT, null, (error: unknown, received: unknown) => {
          // The kernel has written to this memory by its address alone: it must not have been collected till now.
          if (error || kept.length === 0) reject(error);
          else if (typeof received === 'number' && received >= 0) resolve(received);
          else reject(Object.assign(new Error('recvmmsg failed'), { errno: -koffi.errno() }));
        });
      }),
    at: (slot) => new DataView(bytes.buffer, slot * slotBytes, Math.min(sizeAt(slot), slotBytes)),
  };
}

/** The memory of a batch: a `struct mmsghdr` for each slot (recvmmsg(2)), which points to an iovec, which points to the slot. */
function layOut(koffi: Koffi, slots: number, slotBytes: number) {
  const Part = partType(koffi);
  const Header = koffi.struct({ message: messageHeaderType(koffi, 'void *'), size: 'uint32_t' });
  const bytes = new Uint8Array(slots * slotBytes);
  const fill = (type: unknown, contentOf: (slot: number) => object): Uint8Array => {
    const memory = new Uint8Array(slots * koffi.sizeof(type));
    koffi.encode(
      memory,
      koffi.array(type, slots),
      Array.from({ length: slots }, (_, slot) => contentOf(slot)),
    );
    return memory;
  };
  const pointer = (memory: Uint8Array, offset: number): bigint => koffi.address(memory) + BigInt(offset);
  const parts = fill(Part, (slot) => ({ base: pointer(bytes, slot * slotBytes), bytes: slotBytes }));
  const none = { name: null, nameBytes: 0, control: null, controlBytes: 0, flags: 0 };
  const headers = fill(Header, (slot) => {
    const part = pointer(parts, slot * koffi.sizeof(Part));
    return { message: { ...none, parts: part, partCount: 1 }, size: 0 };
  });
  const view = new DataView(headers.buffer);
  const [headerBytes, sizeOffset] = [koffi.sizeof(Header), koffi.offsetof(Header, 'size')];
  const sizeAt = (slot: number): number => view.getUint32(slot * headerBytes + sizeOffset, true);
  return { bytes, headers, sizeAt, kept: [bytes, parts, headers] };
}

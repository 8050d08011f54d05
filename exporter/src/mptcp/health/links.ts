import type { NetworkInterface, Path } from '../model.ts';
import type { Reason } from './states.ts';

/** The interfaces of one look, by what a path asks of them. */
export class Interfaces {
  readonly #byName = new Map<string, NetworkInterface>();
  readonly #byIndex = new Map<number, NetworkInterface>();
  readonly #addresses = new Set<string>();
  /** Changes exactly when the addresses do. */
  readonly signature: string;

  constructor(interfaces: readonly NetworkInterface[]) {
    for (const one of interfaces) {
      this.#byName.set(one.name, one);
      if (one.index !== undefined) this.#byIndex.set(one.index, one);
      for (const { address } of one.addresses) this.#addresses.add(address);
    }
    this.signature = [...this.#addresses].join();
  }

  /** The interface of this name. */
  named(name: string): NetworkInterface | undefined {
    return this.#byName.get(name);
  }

  /** The interface of this index, whatever its name is now. */
  indexed(index: number): NetworkInterface | undefined {
    return this.#byIndex.get(index);
  }

  /** Whether any interface has this address. */
  own(address: string): boolean {
    return this.#addresses.has(address);
  }
}

/** What one path runs over, remembered: what is lost is told by its absence. */
export class Link {
  #names: readonly string[] = [];
  #joined: string | undefined;
  #addresses: readonly string[] = [];
  #listed = false;
  readonly #indices = new Map<string, number>();

  /** Takes what a look says of the path; `undefined` when it no longer lists it. */
  learn(path: Path | undefined, interfaces: Interfaces): void {
    this.#listed = path?.interfaceName !== undefined;
    if (path?.interfaceName !== undefined && path.interfaceName !== this.#joined) {
      this.#joined = path.interfaceName;
      this.#names = path.interfaceName.split(',');
      this.#indices.clear();
    }
    for (const name of this.#names) {
      const index = interfaces.named(name)?.index ?? this.#indices.get(name);
      if (index === undefined) continue;
      // An index that was free has been given up: whoever has it later is another interface.
      if (interfaces.indexed(index) === undefined) this.#indices.delete(name);
      else this.#indices.set(name, index);
    }
    if (path?.addresses.some((address) => interfaces.own(address)) === true) this.#addresses = path.addresses;
  }

  /** Whether each of the path's interfaces goes on under another name. */
  renamed(interfaces: Interfaces): boolean {
    return (
      this.#names.length > 0 &&
      this.#names.every((name) => {
        const index = this.#indices.get(name);
        return interfaces.named(name) === undefined && index !== undefined && interfaces.indexed(index) !== undefined;
      })
    );
  }

  /**
   * What is wrong with the link, if anything: all its interfaces gone, all without carrier, or its addresses gone, which its
   * open subflows tell (`homeless`: without their address) or else the interfaces.
   */
  fault(interfaces: Interfaces, open: number, homeless: number): Reason | undefined {
    if (this.#names.length === 0) return undefined;
    const present = this.#names.map((name) => interfaces.named(name)).filter((one) => one !== undefined);
    if (present.length === 0) return 'interface_gone';
    if (present.every(({ carrier, up }) => carrier === false || up === false)) return 'carrier_lost';
    return (open > 0 ? homeless === open : this.#isBare(interfaces, present)) ? 'address_changed' : undefined;
  }

  #isBare(interfaces: Interfaces, present: readonly NetworkInterface[]): boolean {
    if (this.#addresses.length === 0 || this.#addresses.some((address) => interfaces.own(address))) return false;
    // Another address does as well, unless the path is known by the one that is gone.
    return !this.#listed || !present.some(({ addresses }) => addresses.some(isReachable));
  }
}

function isReachable({ scope }: { readonly scope?: string }): boolean {
  return scope !== 'link' && scope !== 'host';
}

import { readText } from './proc/read.ts';

/** ARPHRD_ETHER of uapi/linux/if_arp.h: WiFi has it too; a modem's or tunnel's own link, which has one neighbour, often has not. */
const ETHERNET = 1;

/** Whether many neighbours may be on an interface's link, as on Ethernet (`/sys/class/net/NAME/type`); undefined when it cannot be told. */
export async function isEthernet(interfaceName: string): Promise<boolean | undefined> {
  const text = await readText(`/sys/class/net/${interfaceName}/type`, 64).catch(() => undefined);
  return text === undefined ? undefined : Number(text.trim()) === ETHERNET;
}

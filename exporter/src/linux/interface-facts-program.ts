/** A program of its own (see interface-facts.ts): prints what systeminformation knows of the interfaces, as JSON. */
import si from 'systeminformation';

const BITS_PER_MEGABIT = 1e6;

const [interfaces, wifi] = await Promise.all([si.networkInterfaces(), si.wifiConnections()]);
const signals = new Map(wifi.map(({ iface, signalLevel }) => [iface, signalLevel]));

const facts = (Array.isArray(interfaces) ? interfaces : [interfaces])
  .filter(({ internal }) => !internal)
  .map(({ iface, speed, type, virtual }) => {
    const signal = signals.get(iface);
    return {
      name: iface,
      // null or -1 where the driver does not say
      ...(typeof speed === 'number' && speed > 0 && { speedBytesPerSecond: (speed * BITS_PER_MEGABIT) / 8 }),
      ...(!virtual && { access: accessOf(iface, type) }),
      ...(typeof signal === 'number' && signal < 0 && { wifiSignalDbm: signal }),
    };
  });
process.stdout.write(JSON.stringify(facts));

/** systeminformation tells wired from wireless; modems show only in the kernel's own naming scheme. */
function accessOf(name: string, type: string): string {
  if (/^(wwan|ppp|wws|wwp)/.test(name)) return 'mobile';
  return type === 'wireless' ? 'wifi' : 'ethernet';
}

import type { PageModel } from '../../exporter/src/http/page.ts';

/** A home with three uplinks, one of them standing still. */
export const pageModel: PageModel = {
  version: '0.1.0',
  source: 'netlink',
  kernel: 'upstream',
  release: '6.18.0-amd64',
  headline: 'MPTCP is on: 3 connections over 3 paths',
  problems: [],
  paths: [
    {
      name: 'fibre',
      interface: 'eth0',
      addresses: ['192.0.2.10', '2001:db8::10'],
      access: 'ethernet',
      metered: false,
      subflows: 3,
      words: 'Carrying traffic',
      sendBytesPerSecond: 156_000,
      receiveBytesPerSecond: 9_287_500,
      rttSeconds: 0.024_06,
    },
    {
      name: 'wifi upstairs',
      interface: 'wlan0',
      addresses: ['192.0.2.77'],
      access: 'wifi',
      subflows: 2,
      words: 'Carrying traffic',
      sendBytesPerSecond: 48_000,
      receiveBytesPerSecond: 4_125_000,
      rttSeconds: 0.0317,
    },
    {
      name: 'phone',
      interface: 'usb0',
      addresses: ['192.168.42.129'],
      access: 'lte',
      metered: true,
      subflows: 1,
      words: 'Idle: nothing to send, nothing expected',
      sendBytesPerSecond: 0,
      receiveBytesPerSecond: 0,
    },
  ],
  connections: 3,
  fallbacks: 1,
};

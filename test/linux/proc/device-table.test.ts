import { describe, expect, it } from 'vitest';
import { parseDeviceTable } from '../../../exporter/src/linux/proc/device-table.ts';
import { fixture } from './tree.ts';

const CAPTURED = fixture('linux-6.18/client/proc-dev.txt');

describe('parseDeviceTable', () => {
  it('reads the captured interfaces and their counters', () => {
    const { rows, malformed } = parseDeviceTable(CAPTURED);
    expect([rows.map(({ name }) => name), malformed]).toEqual([['lo', 'eth0', 'wlan0', 'lte0'], 0]);
    expect(rows[1]?.counters).toEqual({
      receivedBytes: 95618576,
      receiveErrors: 0,
      receiveDropped: 0,
      transmittedBytes: 100395860,
      transmitErrors: 0,
      transmitDropped: 0,
    });
  });

  it('keeps errors and drops, received and transmitted, apart', () => {
    const rows = parseDeviceTable(fixture('out-of-tree-v0.91/net/dev')).rows;
    expect(rows.find(({ name }) => name === 'wwan0')?.counters).toMatchObject({
      receiveErrors: 2,
      receiveDropped: 0,
      transmitErrors: 0,
      transmitDropped: 17,
    });
    expect(rows.find(({ name }) => name === 'eth0')?.counters).toMatchObject({ receiveDropped: 3 });
  });

  it.each([
    ['a number that touches the colon', 'wwan0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', 'wwan0'],
    ['a colon in the name', 'eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', 'eth0:1'],
  ])('reads %s', (_, row, name) => {
    const { rows } = parseDeviceTable(`${CAPTURED}${row}\n`);
    expect(rows.at(-1)).toMatchObject({ name, counters: { receivedBytes: 1, transmittedBytes: 9 } });
  });

  it.each([
    'eth9: 1 2 3',
    'eth9 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    'eth9: 1 2 3 4 5 6 7 8 -9 10 11 12 13 14 15 16',
  ])('counts %s and goes on', (row) => {
    const { rows, malformed } = parseDeviceTable(`${CAPTURED}${row}\n`);
    expect([rows.length, malformed]).toEqual([4, 1]);
  });
});

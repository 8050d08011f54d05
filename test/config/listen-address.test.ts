import { describe, expect, it } from 'vitest';
import { formatListenAddress, parseListenAddress } from '../../exporter/src/config/listen-address.ts';

describe('listen addresses', () => {
  it.each([
    ['127.0.0.1:10262', { host: '127.0.0.1', port: 10_262 }],
    ['[::1]:10262', { host: '::1', port: 10_262 }],
    ['[::]:0', { host: '::', port: 0 }],
    [':10262', { host: '', port: 10_262 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['gw-1.example.org:65535', { host: 'gw-1.example.org', port: 65_535 }],
  ])('reads and writes %s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(formatListenAddress(address)).toBe(text);
  });

  it.each([
    '',
    '10262',
    'localhost',
    'localhost:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:1e3',
    '256.0.0.1:1',
    '1.2.3:4',
    '::1:10262',
    '[]:1',
    '[127.0.0.1]:1',
    '[::1%lo]:x',
    '-a:1',
    'a..b:1',
    'http://localhost:1',
    'a b:1',
    'a:1\n',
  ])('refuses %j and says what was expected', (text) => {
    expect(() => parseListenAddress(text)).toThrow(/^expected HOST:PORT such as 127\.0\.0\.1:10262, .*, got [^\n]*$/);
  });
});

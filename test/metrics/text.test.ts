import { describe, expect, it } from 'vitest';
import { BufferPool, ByteWriter, labelText, lineOf, valueText } from '../../exporter/src/metrics/text.ts';

describe('a line of the exposition', () => {
  it.each([
    ['without labels', '', 'mptcp_a 0.5\n'],
    ['with labels', 'path="eth0"', 'mptcp_a{path="eth0"} 0.5\n'],
  ])('%s', (_, labels, line) => {
    expect(lineOf('mptcp_a', labels, 0.5)).toBe(line);
  });

  it('has labels in their order, numbers as they are, and what would end a value escaped', () => {
    expect(labelText({ b: 1, a: 'x "y"\\z\nü' })).toBe('b="1",a="x \\"y\\"\\\\z\\nü"');
  });

  it('has the labels of the object that was given, also after another one', () => {
    const one = { path: 'eth0' };
    expect([labelText(one), labelText({ path: 'wlan0' }), labelText(one)]).toEqual([
      'path="eth0"',
      'path="wlan0"',
      'path="eth0"',
    ]);
  });

  it.each([
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'Nan'],
  ])('has %d as Prometheus reads it', (value, text) => {
    expect(valueText(value)).toBe(text);
  });
});

describe('writing into a buffer', () => {
  it('keeps every byte when it must go on in a larger one, and leaves out the end that is not wanted', () => {
    const small = Buffer.alloc(8);
    const writer = new ByteWriter(small);
    const words = ['é', 'abc', '€'.repeat(100), 'z\n'];
    for (const word of words) writer.write(word);
    expect(writer.finish(1).toString()).toBe(words.join('').slice(0, -1));
    expect(writer.buffer.length).toBeGreaterThan(small.length);
  });

  it('uses a buffer again only after it was given back, and keeps few', () => {
    const pool = new BufferPool();
    const [one, two, three] = [pool.take(), pool.take(), pool.take()];
    expect(new Set([one, two, three]).size).toBe(3);
    for (const buffer of [one, two, three]) pool.give(buffer);
    const again = [pool.take(), pool.take(), pool.take()];
    expect(again.filter((buffer) => buffer === one || buffer === two)).toHaveLength(2);
    expect(again).not.toContain(three);
  });
});

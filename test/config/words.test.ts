import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meant, oneLine, shown } from '../../exporter/src/config/words.ts';

describe('words of messages', () => {
  it('stay on one line and short whatever the user wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(oneLine(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect([...shown(text)].length).toBeLessThanOrEqual(61);
        expect(shown(text)).not.toBe('');
      }),
    );
  });

  it('show a line break and an escape sequence as what they are', () => {
    expect(oneLine('a\nb\u001b[31m')).toBe('a\\u{a}b\\u{1b}[31m');
  });

  it.each([
    ['interfce', 'interface'],
    ['Interface', 'interface'],
    ['nmae', 'name'],
    ['remot', 'remote'],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
  ])('guess what %s meant only when it is close', (word, guess) => {
    expect(meant(word, ['name', 'interface', 'local', 'remote'])).toBe(guess);
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_POLICY, type PageModel, type PagePath, renderPage } from '../../exporter/src/http/page.ts';
import { pageModel } from './home.ts';

/** A path with every field a given text. */
function pathOf(text: string): PagePath {
  return {
    name: text,
    interface: text,
    addresses: [text],
    access: text,
    metered: true,
    subflows: 1,
    words: text,
    advice: text,
    condition: 'bad',
  };
}

function modelOf(text: string): PageModel {
  return {
    version: text,
    source: text,
    kernel: text,
    release: text,
    headline: text,
    troubled: true,
    problems: [text],
    paths: [pathOf(text)],
    findings: [{ words: text, commands: [text] }],
    connections: 1,
    fallbacks: 0,
  };
}

describe('the landing page', () => {
  it('says the state in words, with human units, and links to everything else', () => {
    const page = renderPage(pageModel);
    for (const words of [
      'MPTCP is on: 3 connections over 3 paths, but phone is stalled',
      '<p class="state good">Up since 09:00:00, carrying traffic</p>',
      '<p class="state bad">Stalled since 14:02:11: no acknowledgements</p>',
      '<p class="advice">The link looks alive, but what is sent is not confirmed.</p>',
      '<title>⚠ ',
      '<h1 class="warn">',
      'fibre',
      '74.3 Mbit/s',
      '24.1 ms',
      'metered',
      '<span>eth0</span> <span>192.0.2.10</span> <span>2001:db8::10</span>',
      '69 %',
      '6.18.0-amd64, upstream',
      'href="/metrics"',
      'href="/-/healthy"',
      'href="/-/ready"',
      'lang="en"',
      '<meta http-equiv="refresh" content="5">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
    ]) {
      expect(page).toContain(words);
    }
  });

  it('shows a dash, not a zero, for what is not known', () => {
    const page = renderPage({
      ...pageModel,
      paths: [{ name: 'a', addresses: [], subflows: 0, words: 'idle', condition: 'good' }],
    });
    expect(page).not.toContain('bit/s');
    expect(page.match(/<dd>–<\/dd>/g)).toHaveLength(3);
  });

  it('says whether MPTCP helps, with the command for what to do, once that has been measured', () => {
    expect(renderPage(pageModel)).not.toContain('Does MPTCP help?');
    const words = 'lte: make it a backup endpoint, uploads lose 12 % with it.';
    const command = 'ip mptcp endpoint change id 3 backup';
    const page = renderPage({ ...pageModel, findings: [{ words, commands: [command] }] });
    expect(page).toContain('Does MPTCP help?');
    expect(page).toContain(`<li>${words}<code>${command}</code></li>`);
  });

  it('has something to say without paths, and bounds how many it shows', () => {
    expect(renderPage({ ...pageModel, paths: [] })).toContain('No path yet');
    const many = Array.from({ length: 5000 }, (_, index) => pathOf(`path ${index}`));
    const page = renderPage({ ...pageModel, paths: many });
    expect(page).toContain('4900 more paths are in the metrics');
    expect(page.length).toBeLessThan(200_000);
  });

  it('escapes whatever it is told, everywhere', () => {
    const skeleton = (page: string) => page.match(/<[^>]*>/g)?.length;
    const plain = skeleton(renderPage(modelOf('x')));
    const hostile = fc.constantFrom('<script>', '</title>', '"', "'", '&', '<!--', '>', '`', '=', ' onload=', 'x');
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 6 }), (pieces) => {
        const page = renderPage(modelOf(pieces.join('')));
        expect(skeleton(page)).toBe(plain);
        expect(page).not.toContain('<script');
      }),
    );
    expect(renderPage(modelOf(`<b a="1" b='2'>&`))).toContain('&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;');
  });

  it('needs nothing but itself, and its policy allows nothing else', () => {
    const page = renderPage(pageModel);
    const style = /<style>(.*)<\/style>/s.exec(page)?.[1] ?? '';
    expect(PAGE_POLICY).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(PAGE_POLICY).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<link[^>]+stylesheet|\ssrc=|@import|url\(|\sstyle=/);
  });
});

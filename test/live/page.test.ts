import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningExporter, startExporter } from '../support/exporter.ts';

const CHROMIUM = '/usr/bin/chromium';
const required = process.env.MPTCP_TEST_REQUIRE_LIVE === '1';

describe.skipIf(!required && !existsSync(CHROMIUM))('the landing page in a browser (needs chromium)', () => {
  let exporter: RunningExporter;
  let browser: Browser;

  beforeAll(async () => {
    exporter = await startExporter();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await exporter?.stop();
  });

  it.each([
    ['a phone', 390, 844],
    ['a desktop', 1280, 800],
  ])(
    'says the state in words and fits %s, without an error or a request to anywhere else',
    async (_name, width, height) => {
      const page = await browser.newPage({ viewport: { width, height } });
      const problems: string[] = [];
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol !== 'data:' && origin !== exporter.url) problems.push(`requests ${request.url()}`);
      });
      await expect.poll(async () => (await fetch(`${exporter.url}/-/ready`)).status).toBe(200);
      const response = await page.goto(exporter.url);
      expect(response?.status()).toBe(200);
      expect(await page.locator('h1').innerText()).toMatch(/^MPTCP (is on|is switched off|cannot be read)/);
      expect(await page.getByRole('link', { name: 'Metrics' }).getAttribute('href')).toBe('/metrics');
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow, 'nothing sticks out sideways').toBe(0);
      expect(problems).toEqual([]);
      await page.close();
    },
  );
});

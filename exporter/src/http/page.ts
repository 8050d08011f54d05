import { createHash } from 'node:crypto';
import type { Condition } from './health-words.ts';
import { type Html, html, trusted } from './html.ts';
import { STYLE } from './page-style.ts';
import { bitRate, duration } from './units.ts';

/** One path as the landing page shows it; a rate or RTT that is not known is absent. */
export interface PagePath {
  readonly name: string;
  readonly interface?: string;
  readonly addresses: readonly string[];
  readonly access?: string;
  readonly metered?: boolean;
  /** Open subflows. */
  readonly subflows: number;
  /** The state in words: `Up since 14:02:11, carrying traffic`. */
  readonly words: string;
  /** What the state means and what to do. */
  readonly advice?: string;
  readonly condition: Condition;
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
  readonly rttSeconds?: number;
}

/** What rounds of measurements say, in a sentence, and the commands that follow from it. */
export interface PageFinding {
  readonly words: string;
  /** For people to run: nothing here does. */
  readonly commands: readonly string[];
}

/** Everything the landing page shows. */
export interface PageModel {
  /** Of the exporter. */
  readonly version: string;
  /** Which reader is in use: `netlink`, `ss`, `procfs`. */
  readonly source: string;
  /** Which kernel line: `upstream`, `out-of-tree`. */
  readonly kernel: string;
  /** Kernel release, as `uname -r` says it. */
  readonly release?: string;
  /** One sentence: `MPTCP is on: 3 connections over 2 paths, all well`. */
  readonly headline: string;
  /** Some path is in trouble. */
  readonly troubled: boolean;
  /** What is wrong and what to do, a sentence each. */
  readonly problems: readonly string[];
  readonly paths: readonly PagePath[];
  /** Whether MPTCP helps and what to do with which path; empty without such measurements. */
  readonly findings: readonly PageFinding[];
  readonly connections: number;
  /** Connections that fell back to plain TCP. */
  readonly fallbacks: number;
}

/** Most paths shown, so that the page stays a page. */
const SHOWN_PATHS = 100;

/** Interface and addresses shown of a path; a host with many temporary IPv6 addresses has dozens. */
const SHOWN_ADDRESSES = 6;

/** Findings shown; two for each target, one for each path. */
const SHOWN_FINDINGS = 40;

const REFRESH_SECONDS = 5;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Content-Security-Policy of the page: its own style sheet and nothing else, from nowhere. */
export const PAGE_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${STYLE_HASH}'`,
  'img-src data:',
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

// Byte for byte, or its hash would not match.
const STYLE_ELEMENT = trusted(`<style>${STYLE}</style>`);

/** The landing page: a whole HTML document without scripts or outside resources, which reloads itself every 5 s. */
export function renderPage(model: PageModel): string {
  const { problems, paths } = model;
  const hidden = paths.length - SHOWN_PATHS;
  const warned = problems.length > 0 || model.troubled;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>${warned ? '⚠ ' : ''}${model.headline} – mptcp-exporter</title>
<link rel="icon" href="data:,">
${STYLE_ELEMENT}
</head>
<body>
<header>
<strong>mptcp-exporter <span>${model.version}</span></strong>
<nav><a href="/metrics">Metrics</a><a href="/-/healthy">Health</a><a href="/-/ready">Ready</a><a href="https://www.mptcp.dev/" rel="noreferrer">About MPTCP</a></nav>
</header>
<main>
<h1${warned ? html` class="warn"` : ''}>${model.headline}</h1>
${problems.length > 0 ? html`<ul class="problems">${problems.map((problem) => html`<li>${problem}</li>`)}</ul>` : ''}
${paths.length > 0 ? pathList(paths) : html`<p class="empty">No path yet: a path shows up with its first MPTCP subflow, or when the configuration names it.</p>`}
${hidden > 0 ? html`<p class="empty">${hidden} more paths are in the metrics.</p>` : ''}
${model.findings.length > 0 ? findingList(model.findings) : ''}
<dl class="facts">
${fact('Connections', model.connections)}
${fact('Fallen back to plain TCP', model.fallbacks)}
${fact('Read through', model.source)}
${fact('Kernel', model.release === undefined ? model.kernel : `${model.release}, ${model.kernel}`)}
</dl>
</main>
<footer>Refreshes every ${REFRESH_SECONDS} seconds.</footer>
</body>
</html>
`.text;
}

function pathList(paths: readonly PagePath[]): Html {
  const total = (rate: 'sendBytesPerSecond' | 'receiveBytesPerSecond') => {
    return paths.reduce((sum, path) => sum + (path[rate] ?? 0), 0);
  };
  const totals = { send: total('sendBytesPerSecond'), receive: total('receiveBytesPerSecond') };
  return html`<ul class="paths">${paths.slice(0, SHOWN_PATHS).map((path) => pathCard(path, totals))}</ul>`;
}

function findingList(findings: readonly PageFinding[]): Html {
  const items = findings.slice(0, SHOWN_FINDINGS).map(({ words, commands }) => {
    return html`<li>${words}${commands.map((command) => html`<code>${command}</code>`)}</li>`;
  });
  return html`<section class="findings"><h2>Does MPTCP help?</h2><ul>${items}</ul></section>`;
}

function pathCard(path: PagePath, totals: { readonly send: number; readonly receive: number }): Html {
  const where = [...(path.interface === undefined ? [] : [path.interface]), ...path.addresses];
  return html`
<li>
<div class="title"><h2>${path.name}</h2>${path.access === undefined ? '' : html`<span class="tag">${path.access}</span>`}${path.metered === true ? html`<span class="tag metered">metered</span>` : ''}</div>
${where.length === 0 ? '' : html`<p class="where">${where.slice(0, SHOWN_ADDRESSES).map((each) => html`<span>${each}</span> `)}</p>`}
<p class="state ${path.condition}">${path.words}</p>
${path.advice === undefined ? '' : html`<p class="advice">${path.advice}</p>`}
<dl class="rates">
${rate('Sending', 'send', path.sendBytesPerSecond, totals.send)}
${rate('Receiving', 'receive', path.receiveBytesPerSecond, totals.receive)}
${fact('Round trip', path.rttSeconds === undefined ? '–' : duration(path.rttSeconds))}
${fact('Subflows', path.subflows)}
</dl>
</li>`;
}

/** A rate with its share of all paths' as a bar; a dash when it is not known. */
function rate(title: string, direction: 'send' | 'receive', bytesPerSecond: number | undefined, total: number): Html {
  if (bytesPerSecond === undefined) return fact(title, '–');
  const percent = total > 0 ? Math.round((100 * bytesPerSecond) / total) : 0;
  const share = total > 0 ? html` <span title="of all paths">${percent} %</span>` : '';
  const bar = html`<svg class="share ${direction}" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="${percent}" height="1" fill="currentColor"/></svg>`;
  return fact(html`<span>${title}</span>${share}`, html`<b>${bitRate(bytesPerSecond)}</b>${bar}`);
}

function fact(title: string | Html, value: string | number | Html): Html {
  return html`<div><dt>${title}</dt><dd>${value}</dd></div>`;
}

/** Writes docs/metrics.md from the catalogue; `--check` fails when the committed one differs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { catalogue, DYNAMIC_PREFIX } from '../exporter/src/metrics/catalogue.ts';
import type { Family } from '../exporter/src/metrics/family.ts';
import { REFLECTOR_FAMILIES } from '../exporter/src/metrics/reflector.ts';

const FILE = fileURLToPath(new URL('metrics.md', import.meta.url));

const cell = (text: string) => text.replaceAll('|', '\\|');
const row = ({ name, type, labels, help }: Family) =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${cell(help)} |`;
const rows = catalogue().map(row);
const text = `# Metrics

<!-- Generated from the catalogue in exporter/src/metrics by \`npm run generate\`; edit it there. -->

Base units; a family that this kernel or source cannot report is absent, never 0 (\`mptcp_capability\` says which).
No site or host label: those belong to the scrape target.

| family | type | labels | meaning |
|---|---|---|---|
${rows.join('\n')}
| \`${DYNAMIC_PREFIX}<snake_case>_total\` | counter | | Every MPTcpExt counter of the kernel by name (\`MPJoinSynRx\` is \`${DYNAMIC_PREFIX}mp_join_syn_rx_total\`), names unknown to this version too. |
| \`${DYNAMIC_PREFIX}mp_curr_estab\` | gauge | | MPTcpExt MPCurrEstab, the only one of them that goes down. |

\`mptcp-exporter reflector\` has families of its own:

| family | type | labels | meaning |
|---|---|---|---|
${REFLECTOR_FAMILIES.map(row).join('\n')}
`;

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    console.error('docs/metrics.md differs from the catalogue: run npm run generate and commit it');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
}

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';

/** Debian packages that the tests use, by the program that shows whether one is there. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  ping: 'iputils-ping',
  iperf3: 'iperf3',
  mptcpize: 'mptcpize',
  vde_switch: 'vde2',
  wirefilter: 'vde2',
  nft: 'nftables',
  faketime: 'faketime',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  'docker-compose': 'docker-compose',
  chromium: 'chromium',
  openssl: 'openssl',
  curl: 'curl',
  vsftpd: 'vsftpd',
};

const PATH = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  process.env.PATH ?? '',
].join(delimiter);

/** Programs of {@link PACKAGES} that are not installed. */
export function missingPrograms(): readonly string[] {
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  return Object.keys(PACKAGES).filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

/**
 * Installs what is missing with apt-get when that is possible (Debian or a child of it, as root), without starting any
 * service. Returns lines for the user: what was installed, or what is missing and how to get it.
 */
export async function installPackages(): Promise<readonly string[]> {
  const missing = missingPrograms();
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map((program) => PACKAGES[program] ?? program))];
  const byHand = `apt-get install ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get'))
    return [`missing: ${missing.join(', ')} (Debian packages: ${packages.join(' ')})`];
  if (process.getuid?.() !== 0) return [`missing: ${missing.join(', ')}; as root: ${byHand}`];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = async () => {
    await execa('apt-get', ['update', '-q'], { env, all: true });
    await execa('apt-get', ['install', '-qy', '--no-install-recommends', ...packages], { env, all: true });
  };
  try {
    await withoutServices(install);
  } catch (caught) {
    const detail = caught instanceof Error ? (caught.message.split('\n').at(-1) ?? '') : String(caught);
    return [`could not install ${packages.join(' ')}: ${detail}`];
  }
  const still = missingPrograms();
  return [
    `installed ${packages.join(' ')}`,
    ...(still.length > 0 ? [`still missing after that: ${still.join(', ')}`] : []),
  ];
}

/** Debian's Prometheus would start at once and take its port on all interfaces; invoke-rc.d asks this file first. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

async function withoutServices(install: () => Promise<void>): Promise<void> {
  const ours = !existsSync(SERVICE_POLICY);
  if (ours) writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await install();
  } finally {
    if (ours) rmSync(SERVICE_POLICY, { force: true });
  }
}

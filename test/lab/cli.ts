import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { labUnavailable } from './available.ts';
import { createLab } from './lab.ts';
import type { LinkPlan, LinkSpec } from './links.ts';
import { knownLabs, labDirectory, namespaceName, sweepLeftovers } from './registry.ts';

/** `name[:rateMbit[:delayMs[:lossPercent]]]`, an empty field for none. */
function parseLink(text: string): LinkSpec {
  const [name = '', ...figures] = text.split(':');
  const [rateMbit, delayMs, lossPercent] = figures.map((figure) => (figure === '' ? undefined : Number(figure)));
  return {
    name,
    ...(rateMbit === undefined ? {} : { rateMbit }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(lossPercent === undefined ? {} : { lossPercent }),
  };
}

async function up({ link }: { link: LinkSpec[] }): Promise<void> {
  const reason = await labUnavailable();
  if (reason !== undefined) throw new Error(`no lab can be made: ${reason}`);
  const lab = await createLab({ links: link });
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  console.log(`lab ${lab.id}`);
  for (const { plan } of lab.links) console.log(describeLink(plan));
  for (const host of [lab.client, lab.server])
    console.log(`enter the ${host.role}: ip netns exec ${host.namespace} bash`);
  console.log('Ctrl-C takes it down');
  // A pending promise alone does not keep the process.
  const keepAlive = setInterval(() => undefined, 60_000);
  await ended;
  clearInterval(keepAlive);
  await lab.close();
}

function status(): void {
  const labs = knownLabs();
  if (labs.length === 0) console.log('no labs');
  for (const { id, ownerPid, ownerAlive } of labs) {
    console.log(`lab ${id} of process ${ownerPid}${ownerAlive ? '' : ', which is gone: "down" removes it'}`);
    for (const link of linksOf(id)) console.log(describeLink(link));
  }
}

function down(id: string | undefined): void {
  for (const removed of sweepLeftovers()) console.log(`removed ${removed}`);
  if (id === undefined) return;
  const lab = knownLabs().find((known) => known.id === id);
  if (lab !== undefined) process.kill(lab.ownerPid, 'SIGTERM');
}

function exec(role: string, program: string[], { lab }: { lab?: string }): void {
  if (role !== 'client' && role !== 'server') throw new Error(`"${role}" is neither client nor server`);
  const living = knownLabs().filter(({ id, ownerAlive }) => ownerAlive && (lab === undefined || id === lab));
  const [only] = living;
  if (only === undefined) throw new Error('there is no such lab: make one with "up"');
  if (living.length > 1) throw new Error(`which lab? --lab ${living.map(({ id }) => id).join(' or ')}`);
  const args = program[0] === '--' ? program.slice(1) : program;
  process.exitCode =
    spawnSync('ip', ['netns', 'exec', namespaceName(only.id, role), ...args], { stdio: 'inherit' }).status ?? 1;
}

function linksOf(id: string): LinkPlan[] {
  try {
    return JSON.parse(readFileSync(join(labDirectory(id), 'links.json'), 'utf8')) as LinkPlan[];
  } catch {
    // A lab that is being made, or whose directory was removed, is listed without its links.
    return [];
  }
}

function describeLink({ name, emulation, client, server, up: upward, down: downward }: LinkPlan): string {
  const figures = [upward, downward].map(
    ({ rateMbit, delayMs, lossPercent }) => `${rateMbit ?? 'unlimited'} Mbit/s ${delayMs} ms ${lossPercent} % loss`,
  );
  return `  ${name} (${emulation}) ${client.ipv4} to ${server.ipv4}: up ${figures[0]}, down ${figures[1]}`;
}

const program = new Command('lab')
  .description('Two hosts joined by shaped links, in network namespaces')
  .enablePositionalOptions();
program
  .command('up')
  .description('make a lab and keep it until Ctrl-C')
  .addOption(
    new Option('--link <name:rateMbit:delayMs:lossPercent>', 'a link; repeatable')
      .argParser((text: string, before: LinkSpec[] = []) => [...before, parseLink(text)])
      .default(undefined, 'eth0:93:5 and wlan0:80:10'),
  )
  .action(({ link }: { link?: LinkSpec[] }) => up({ link: link ?? ['eth0:93:5', 'wlan0:80:10'].map(parseLink) }));
program.command('status').description('list the labs on this machine').action(status);
program
  .command('down')
  .argument('[id]')
  .description('remove leftovers of dead processes; with an id, end that lab')
  .action(down);
program
  .command('exec')
  .description('run a program at one end')
  .argument('<client|server>')
  .argument('<program...>')
  .option('--lab <id>', 'which lab, when there are several')
  .passThroughOptions()
  .action(exec);

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

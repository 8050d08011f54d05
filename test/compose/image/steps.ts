import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { execa } from 'execa';
import { copyRoot, makeBase, within } from './root.ts';

/** What a container of the built image starts with. */
export interface BuiltImage {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly healthCheck: readonly string[];
}

type Stage = { -readonly [Key in keyof BuiltImage]: BuiltImage[Key] };

/**
 * Follows a Dockerfile as a builder would, without an engine: each stage is a folder in `folder`, its base made by debootstrap, and
 * each RUN is run in there. `context` is the build's folder; `extra` is added to the environment of RUN only. Throws for what it
 * does not know and for what fails.
 */
export async function build(
  dockerfile: string,
  {
    context,
    folder,
    extra,
    say,
  }: {
    readonly context: string;
    readonly folder: string;
    readonly extra: Readonly<Record<string, string>>;
    readonly say: (line: string) => void;
  },
): Promise<BuiltImage> {
  const bases = new Map<string, string>();
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const keyword = instruction.getKeyword();
    const words = instruction.getArguments().map((argument) => argument.getValue());
    say(`${keyword} ${words.join(' ').slice(0, 100)}`);
    if (keyword === 'FROM') {
      const [image = '', , name = String(stages.size)] = words;
      const base = bases.get(image) ?? join(folder, `base-${bases.size}`);
      if (!bases.has(image)) await makeBase(base, image);
      bases.set(image, base);
      const root = join(folder, `stage-${name}`);
      await copyRoot(base, root);
      stage = { root, environment: {}, directory: '/', user: 'root', entrypoint: [], healthCheck: [] };
      stages.set(name, stage);
    } else if (stage === undefined) throw new Error(`${keyword} before FROM`);
    else await follow(instruction, words, stage, { context, stages, extra });
  }
  if (stage === undefined) throw new Error('a Dockerfile without FROM');
  return stage;
}

async function follow(
  instruction: Instruction,
  words: readonly string[],
  stage: Stage,
  {
    context,
    stages,
    extra,
  }: {
    readonly context: string;
    readonly stages: ReadonlyMap<string, Stage>;
    readonly extra: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { root } = stage;
  const [first = '', ...rest] = words;
  switch (instruction.getKeyword()) {
    case 'WORKDIR':
      stage.directory = first;
      await mkdir(join(root, first), { recursive: true });
      return;
    case 'ENV':
      for (const [name, value] of words.map((word) => word.split('=', 2)))
        stage.environment = { ...stage.environment, [name ?? '']: value ?? '' };
      return;
    case 'USER':
      stage.user = first;
      return;
    case 'COPY': {
      const [, from] = /^--from=(.+)$/.exec(flags(instruction)) ?? [];
      const origin = from === undefined ? context : stages.get(from)?.root;
      if (origin === undefined) throw new Error(`COPY --from=${from}: no such stage`);
      await copy(
        words.slice(0, -1).map((word) => join(origin, word)),
        join(root, stage.directory, words.at(-1) ?? ''),
      );
      return;
    }
    case 'RUN': {
      const { directory, environment } = stage;
      const command = ['/bin/sh', '-c', instruction.getRawArgumentsContent() ?? ''];
      await within(root, command, { directory, environment: { ...environment, ...extra, HOME: '/root' } });
      return;
    }
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(instruction.getRawArgumentsContent() ?? '') as string[];
      return;
    case 'HEALTHCHECK':
      stage.healthCheck = JSON.parse(/\[.*\]/s.exec(instruction.getRawArgumentsContent() ?? '')?.[0] ?? '') as string[];
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`${instruction.getKeyword()} is not known here: ${rest.join(' ')}`);
  }
}

const flags = (instruction: Instruction): string => /^COPY\s+(--\S+)/.exec(instruction.getTextContent())?.[1] ?? '';

/** As COPY has it: of a folder its contents, of files the files; into a folder when the target ends in / or is one. */
async function copy(sources: readonly string[], target: string): Promise<void> {
  const intoFolder = /\/\.?$/.test(target);
  await mkdir(intoFolder ? target : join(target, '..'), { recursive: true });
  for (const source of sources)
    await execa('sh', [
      '-c',
      'if [ -d "$1" ]; then mkdir -p "$2" && cp -a "$1/." "$2"; else cp -a "$1" "$2"; fi',
      'copy',
      source,
      target,
    ]);
}

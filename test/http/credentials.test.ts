import bcrypt from 'bcryptjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asExporterError } from '../../exporter/src/errors.ts';
import { bcryptMatches } from '../../exporter/src/http/bcrypt.ts';
import { basicCredentials, credentialsChecker } from '../../exporter/src/http/credentials.ts';

const HASH = `$2y$12$${'a'.repeat(53)}`;

/** A checker over one user, alice, whose password is `right`; its checks are noted, and end when `release` is called. */
function checker() {
  const hashes: string[] = [];
  const open: (() => void)[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const check = credentialsChecker(new Map([['alice', HASH]]), async (password, hash) => {
    hashes.push(hash);
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await new Promise<void>((resolve) => open.push(resolve));
    atOnce -= 1;
    if (password === 'broken') throw new Error('broken');
    return password === 'right';
  });
  const releaseAll = async () => {
    for (let turn = 0; turn < 200; turn += 1) {
      open.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { check, hashes, releaseAll, mostAtOnce: () => mostAtOnce };
}

describe('password checks', () => {
  it('remember a success, and check a failure again', async () => {
    const { check, hashes, releaseAll } = checker();
    for (let round = 0; round < 3; round += 1) {
      const answers = [
        check({ user: 'alice', password: 'right' }, 'a'),
        check({ user: 'alice', password: 'wrong' }, 'a'),
      ];
      await releaseAll();
      expect(await Promise.all(answers)).toEqual([true, false]);
    }
    expect(hashes).toHaveLength(4);
  });

  it('take as long for a name that nobody has: a hash of the same cost', async () => {
    const { check, hashes, releaseAll } = checker();
    const answer = check({ user: 'mallory', password: 'right' }, 'a');
    await releaseAll();
    expect(await answer).toBe(false);
    expect(hashes[0]).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/);
  });

  it('run one at a time, at most 4 for one address and 32 in all, and refuse the rest', async () => {
    const { check, releaseAll, mostAtOnce } = checker();
    const asked = Array.from({ length: 100 }, (_, index) =>
      check({ user: 'alice', password: `wrong ${index}` }, `client ${Math.floor(index / 10)}`).catch(
        (caught: unknown) => asExporterError(caught).code,
      ),
    );
    await releaseAll();
    const answers = await Promise.all(asked);
    expect(answers.filter((answer) => answer === false)).toHaveLength(32);
    expect(answers.slice(0, 10)).toEqual([...Array(4).fill(false), ...Array(6).fill('overloaded')]);
    expect(mostAtOnce()).toBe(1);
    const later = check({ user: 'alice', password: 'right' }, 'client 0');
    await releaseAll();
    expect(await later).toBe(true);
  });

  it('are shared by requests that ask the same at the same time', async () => {
    const { check, hashes, releaseAll } = checker();
    const asked = Array.from({ length: 40 }, () => check({ user: 'alice', password: 'right' }, 'a'));
    await releaseAll();
    expect(await Promise.all(asked)).toEqual(Array(40).fill(true));
    expect(hashes).toHaveLength(1);
  });

  it('go on after one that failed to run', async () => {
    const { check, releaseAll } = checker();
    const broken = check({ user: 'alice', password: 'broken' }, 'a').catch(
      (caught: unknown) => asExporterError(caught).message,
    );
    const right = check({ user: 'alice', password: 'right' }, 'a');
    await releaseAll();
    expect(await broken).toBe('broken');
    expect(await right).toBe(true);
  });
});

describe('bcrypt', () => {
  it('agrees with the hashes of the usual tools, without holding up this thread', async () => {
    const hash = bcrypt.hashSync('pässword', 11);
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 5);
    expect(await bcryptMatches('pässword', hash)).toBe(true);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    expect(await bcryptMatches('password', hash)).toBe(false);
    // htpasswd writes $2y$ for the same thing
    expect(await bcryptMatches('pässword', hash.replace('$2b$', '$2y$'))).toBe(true);
  });

  it('fails with an error of ours when it is given no hash', async () => {
    await expect(bcryptMatches('a', 5 as unknown as string)).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('the Authorization header', () => {
  it('gives back whatever name and password were put in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (name, password) => {
        const user = name.replaceAll(':', '');
        const header = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
        expect(basicCredentials(header)).toEqual({ user, password });
        expect(basicCredentials(header.replace('Basic', 'bAsIc'))).toEqual({ user, password });
      }),
    );
  });

  it.each([undefined, '', 'Basic', 'Basic ', 'Basic YQ==', 'Digest YTpi', 'Basic a b', 'YTpi'])(
    'is none: %s',
    (header) => {
      expect(basicCredentials(header)).toBeUndefined();
    },
  );
});

import { readToken } from '../reflector/protocol/token.ts';

/** The token that a probe shares with its reflector, read anew each time so that it can be changed; empty without one. */
export async function tokenOf({ tokenFile }: { readonly tokenFile?: string }): Promise<string> {
  return tokenFile === undefined ? '' : await readToken(tokenFile);
}

/**
 * What the first of some needs gets of an amount that all of them share: no more than it needs, and of what is too little for
 * all as much as any other that needs more.
 */
export function fairShare(amount: number, needs: readonly number[]): number {
  const [first = 0] = needs;
  let left = amount;
  let sharing = needs.length;
  // Those that need least are served first: what they leave is for the others.
  for (const need of needs.toSorted((a, b) => a - b)) {
    if (need > left / sharing) return Math.min(first, left / sharing);
    if (need >= first) return first;
    left -= need;
    sharing--;
  }
  return first;
}

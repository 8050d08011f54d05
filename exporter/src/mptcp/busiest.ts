/**
 * Chooses at most `limit` of `items`, those with the highest score; among equals those chosen before, then those
 * listed first. Keeps the order of `items`. Linear but for one numeric sort, since it runs over every open subflow.
 */
export function busiest<T>(
  items: readonly T[],
  limit: number,
  score: (item: T, index: number) => number,
  chosenBefore: (item: T) => boolean,
): readonly T[] {
  if (items.length <= limit) return items;
  if (limit <= 0) return [];
  const scores = new Float64Array(items.length);
  for (const [index, item] of items.entries()) scores[index] = score(item, index);
  const threshold = Float64Array.from(scores).sort()[items.length - limit] ?? 0;
  let above = 0;
  for (const value of scores) if (value > threshold) above++;
  const chosen = new Set<number>();
  let room = limit - above;
  const take = (wanted: (index: number) => boolean) => {
    for (let i = 0; i < items.length && room > 0; i++) {
      if (scores[i] === threshold && !chosen.has(i) && wanted(i)) {
        chosen.add(i);
        room--;
      }
    }
  };
  take((index) => {
    const item = items[index];
    return item !== undefined && chosenBefore(item);
  });
  take(() => true);
  return items.filter((_, index) => (scores[index] ?? 0) > threshold || chosen.has(index));
}

/**
 * Chooses at most `limit` of `items`, those with the highest score; among equals those chosen before, then those
 * listed first. Keeps the order of `items`. Linear but for one numeric sort, since it runs over every open subflow.
 */
export function busiest<T>(
  items: readonly T[],
  limit: number,
  score: (item: T) => number,
  chosenBefore: (item: T) => boolean,
): readonly T[] {
  if (items.length <= limit) return items;
  if (limit <= 0) return [];
  const scores = Float64Array.from(items, score);
  const threshold = Float64Array.from(scores).sort()[items.length - limit] ?? 0;
  const above = scores.reduce((count, value) => (value > threshold ? count + 1 : count), 0);
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

// Seeded choices, so that a run can be made again: CHAOS_SEED.
export const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

// mulberry32
export function randomOf(...parts) {
  let state = seed >>> 0;
  for (const part of parts) state = Math.imul(state ^ (part + 0x9e3779b9), 0x85ebca6b) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    below: (n) => Math.floor(next() * n),
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    one: (list) => list[Math.floor(next() * list.length)],
    chance: (p) => next() < p,
    // [[weight, what], ...]
    weighted(choices) {
      let at = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, what] of choices) if ((at -= weight) < 0) return what;
      return choices[0][1];
    },
  };
}

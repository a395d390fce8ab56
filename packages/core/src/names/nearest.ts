/** Suggestions for a mistyped name. */

/**
 * At most three of `names`, nearest first: those that contain `wanted` or are contained in it, and those a few typing
 * errors away, `most` where it is given. Case and punctuation do not count.
 */
export const nearest = (wanted: string, names: ReadonlyArray<string>, most?: number): ReadonlyArray<string> => {
  const target = bare(wanted)
  if (target === "") return []
  return names
    .map((name) => ({ name, distance: distanceTo(target, bare(name)) }))
    .filter(({ distance }) => distance <= (most ?? Math.max(1, Math.floor(target.length / 3))))
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bare = (text: string) => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "")

const distanceTo = (target: string, name: string): number => {
  if (name === "") return Number.POSITIVE_INFINITY
  if (name === target) return 0
  const contained = target.length >= 3 && name.length >= 3 && (name.includes(target) || target.includes(name))
  return contained ? 1 : edits(target, name)
}

/** The Levenshtein distance, with a transposition of two neighbours counted as one edit. */
const edits = (a: string, b: string): number => {
  let before: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      )
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

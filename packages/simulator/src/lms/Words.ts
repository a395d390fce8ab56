/** Numbers and names as `lms` prints them, and its fuzzy match of model keys. */

/** `850.00ms`, `5.12s`, `1m 2.00s`. */
export const elapsed = (millis: number): string => {
  if (millis < 1000) return `${millis.toFixed(2)}ms`
  const seconds = millis / 1000
  return seconds < 60
    ? `${seconds.toFixed(2)}s`
    : `${Math.floor(seconds / 60)}m ${(seconds - Math.floor(seconds / 60) * 60).toFixed(2)}s`
}

/** Base 1024 since February 2026, base 1000 before. */
export const size = (bytes: number, cliSince: number): string => {
  const [base, units] =
    cliSince >= 202602
      ? ([1024, ["B", "KiB", "MiB", "GiB", "TiB"]] as const)
      : ([1000, ["B", "KB", "MB", "GB", "TB"]] as const)
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(base)))
  return `${(bytes / base ** power).toFixed(2)} ${units[power] ?? "B"}`
}

/** `58m`, `1h`, `45s`: how `ps` shows the remaining TTL. */
export const remaining = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60
    ? `${minutes}m`
    : minutes % 60 === 0
      ? `${minutes / 60}h`
      : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}

/** Plain columns, as wide as their widest cell. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 4))
        .join("")
        .trimEnd()
    )
    .join("\n")
}

/**
 * The score of `fuzzy` 0.1.3: every character of the pattern in order, more for consecutive ones, most for an exact
 * match; `undefined` when it does not match.
 */
export const fuzzyScore = (pattern: string, text: string): number | undefined => {
  const wanted = pattern.toLowerCase()
  const given = text.toLowerCase()
  if (wanted === given) return Number.POSITIVE_INFINITY
  let matched = 0
  let run = 0
  let score = 0
  for (const character of given) {
    if (matched < wanted.length && character === wanted[matched]) {
      matched += 1
      run = run * 2 + 1
    } else {
      run = 0
    }
    score += run
  }
  return matched === wanted.length ? score : undefined
}

/** Candidates that match, best first; equal scores keep their order. */
export const fuzzyFilter = <A>(
  pattern: string,
  candidates: ReadonlyArray<A>,
  textOf: (candidate: A) => string
): ReadonlyArray<A> =>
  candidates
    .flatMap((candidate) => {
      const score = fuzzyScore(pattern, textOf(candidate))
      return score === undefined ? [] : [{ candidate, score }]
    })
    .toSorted((left, right) => (left.score === right.score ? 0 : right.score - left.score))
    .map(({ candidate }) => candidate)

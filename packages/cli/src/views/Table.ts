/**
 * Small aligned tables for listings.
 */
import * as Words from "./Words.ts"

/**
 * Rows under their headings, columns two spaces apart; a column in which every cell is empty is left out. On a terminal of so
 * many `columns` no row is broken: the widest columns but the first are cut, then the last ones are left out.
 */
export const render = (
  headings: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  columns?: number
): string => {
  const used = headings.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""))
  const lines = [headings, ...rows].map((row) =>
    row.map((cell) => Words.oneLine(cell)).filter((_, column) => used[column])
  )
  const widest = lines.reduce<ReadonlyArray<number>>(
    (before, line) => line.map((cell, column) => Math.max(before[column] ?? 0, width(cell))),
    []
  )
  const widths = columns === undefined ? widest : fitting(widest, columns)
  return lines
    .map((line) =>
      widths
        .map((most, column) => pad(cut(line[column] ?? "", most), most))
        .join(" ".repeat(gap))
        .trimEnd()
    )
    .join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const gap = 2
/** A column that is cut keeps so many characters. */
const least = 8

const fitting = (widest: ReadonlyArray<number>, columns: number): ReadonlyArray<number> => {
  const widths = [...widest]
  const tooMany = () => widths.reduce((sum, one) => sum + one, gap * (widths.length - 1)) - columns
  while (tooMany() > 0) {
    const most = Math.max(...widths.slice(1), least)
    const at = widths.lastIndexOf(most)
    if (most > least && at > 0) widths[at] = Math.max(least, most - tooMany(), second(widths) - 1)
    else if (widths.length > 2) widths.pop()
    else break
  }
  return widths.map((one, column) => (column === 0 ? Math.min(one, Math.max(least, columns)) : one))
}

/** The next narrower width, so that wide columns become narrow together. */
const second = (widths: ReadonlyArray<number>): number => {
  const sorted = widths.slice(1).toSorted((a, b) => b - a)
  return sorted[1] ?? least
}

const width = (cell: string) => Array.from(cell).length

/** A path keeps its end, which tells it from others; any other text its beginning. */
const cut = (cell: string, most: number): string => {
  const letters = Array.from(cell)
  if (letters.length <= most) return cell
  return /^[~/.]?[^\s]*\/[^\s]*$/.test(cell)
    ? `…${letters.slice(letters.length - most + 1).join("")}`
    : `${letters.slice(0, most - 1).join("")}…`
}

const pad = (cell: string, to: number) => cell + " ".repeat(Math.max(0, to - width(cell)))

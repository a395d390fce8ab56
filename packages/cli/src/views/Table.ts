/**
 * Small aligned tables for listings.
 */
import * as Words from "./Words.ts"

/** Rows under their headings, columns two spaces apart; a column in which every cell is empty is left out. */
export const render = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const used = headings.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""))
  const lines = [headings, ...rows].map((row) =>
    row.map((cell) => Words.oneLine(cell)).filter((_, column) => used[column])
  )
  const widths = lines.reduce<ReadonlyArray<number>>(
    (widest, line) => line.map((cell, column) => Math.max(widest[column] ?? 0, width(cell))),
    []
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const width = (cell: string) => Array.from(cell).length

const pad = (cell: string, to: number) => cell + " ".repeat(Math.max(0, to - width(cell)))

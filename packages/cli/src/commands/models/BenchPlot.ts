/** The table of the bench as a picture: a bar for each model and form, in SVG. Pure. */
import type { BenchReport } from "@lms-bridge/core/AgentLoop"
import * as Words from "../../views/Words.ts"

/** `about` is a line below the bars: when, and with what. */
export const svg = ({ rows }: BenchReport.BenchReport, about: string): string => {
  const drawn = rows.filter(({ trials }) => trials > 0)
  const left = Math.min(420, 24 + 7 * Math.max(10, ...drawn.map((row) => labelOf(row).length)))
  const width = left + bar + right
  const height = top + drawn.length * step + foot
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>Tasks of the bench by model: ${drawn.map((row) => escaped(`${labelOf(row)} ${row.passed} of ${row.trials} done`)).join("; ")}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts.map(({ colour, name }, index) => {
      const x = left + index * 150
      return `<rect x="${x}" y="10" width="10" height="10" fill="${colour}"/><text x="${x + 14}" y="19">${name}</text>`
    }),
    ...drawn.flatMap((row, index) => rowOf(row, left, top + index * step)),
    `<text x="${left}" y="${height - 10}" fill="#666666">${escaped(about)}</text>`,
    "</svg>",
    ""
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const [bar, right, top, step, foot] = [450, 150, 34, 28, 28]

interface Part {
  readonly name: string
  readonly colour: string
  readonly of: (row: BenchReport.BenchRow) => number
}

const parts: ReadonlyArray<Part> = [
  { name: "done", colour: "#2b8a3e", of: ({ passed }) => passed },
  { name: "called done but wrong", colour: "#c92a2a", of: ({ wrong }) => wrong },
  { name: "not done", colour: "#868e96", of: ({ errors, notDone }) => notDone + errors }
]

const labelOf = ({ best, form, model }: BenchReport.BenchRow) =>
  `${model}${form === undefined ? "" : `, ${form}`}${best === true ? " (best)" : ""}`

const rowOf = (row: BenchReport.BenchRow, left: number, y: number): ReadonlyArray<string> => {
  const bars: Array<string> = []
  let x = left
  for (const { colour, of } of parts) {
    const value = of(row)
    if (value === 0) continue
    const width = (value / row.trials) * bar
    bars.push(
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="20" fill="${colour}"/>`,
      `<text x="${(x + 5).toFixed(1)}" y="${y + 14}" fill="#ffffff">${value}</text>`
    )
    x += width
  }
  const speed = row.tokensPerSecond === undefined ? "" : `, ${row.tokensPerSecond.toFixed(1)} tokens/s`
  return [
    `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escaped(labelOf(row))}</text>`,
    ...bars,
    `<text x="${left + bar + 8}" y="${y + 14}">${escaped(Words.duration(row.millis))}${speed}</text>`
  ]
}

const escaped = (text: string) =>
  Words.oneLine(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

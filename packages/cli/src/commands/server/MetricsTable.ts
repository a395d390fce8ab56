/**
 * Metrics of Prometheus' text format as a table: of a histogram its count and its mean.
 */
import * as Schema from "effect/Schema"
import * as Table from "../../views/Table.ts"

/** A counter or a gauge, or a histogram with the mean of what it has seen. */
export const Sample = Schema.Struct({
  name: Schema.String,
  labels: Schema.Record({ key: Schema.String, value: Schema.String }),
  value: Schema.Number,
  mean: Schema.optionalWith(Schema.Number, { exact: true })
})
export type Sample = typeof Sample.Type

export const read = (text: string): ReadonlyArray<Sample> => {
  const samples = text.split("\n").flatMap((line) => {
    const [, name = "", labels = "", value = ""] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? []
    return name === "" || name.endsWith("_bucket") ? [] : [{ name, labels, value: Number(value) }]
  })
  return samples.flatMap(({ labels, name, value }): ReadonlyArray<Sample> => {
    if (name.endsWith("_sum")) return []
    const plain = { name, labels: labelsOf(labels), value }
    if (!name.endsWith("_count")) return [plain]
    const of = name.slice(0, -"_count".length)
    const sum = samples.find((other) => other.name === `${of}_sum` && other.labels === labels)
    return [{ ...plain, name: of, ...(sum === undefined || value === 0 ? {} : { mean: sum.value / value }) }]
  })
}

export const render = (samples: ReadonlyArray<Sample>, columns?: number): string =>
  samples.length === 0
    ? "Nothing has been counted yet."
    : Table.render(
        ["METRIC", "OF", "VALUE", "MEAN"],
        samples.map(({ labels, mean, name, value }) => [
          name.replace(/^lms_/, ""),
          Object.entries(labels)
            .map(([label, of]) => `${label} ${of}`)
            .join(", "),
          String(value),
          mean === undefined ? "" : String(Number(mean.toPrecision(3)))
        ]),
        columns
      )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? " " : character))
    ])
  )

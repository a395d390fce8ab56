/** Tokens, seconds and runs by model, over the last hours or days. */
import { useSignal } from "@preact/signals"
import type { RunLine } from "../../Wire.ts"
import { html } from "../html.ts"
import { now, runs } from "../state.ts"
import * as Totals from "../totals.ts"
import * as Words from "../words.ts"

export const Numbers = () => {
  const measure = useSignal<Totals.Measure>("tokens")
  const unit = useSignal<"hour" | "day">("hour")
  const totals = Totals.of(runs.value.values(), {
    measure: measure.value,
    unit: unit.value,
    count: unit.value === "hour" ? 24 : 14,
    // a step of the drawing is an hour at least
    now: now.value - (now.value % 60_000)
  })
  return html`
    <h1>Numbers</h1>
    <form class="row" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>
        Of
        <select value=${measure.value} onChange=${(event: Event) => (measure.value = valueOf(event) as Totals.Measure)}>
          <option value="tokens">tokens</option>
          <option value="seconds">seconds</option>
          <option value="runs">runs</option>
        </select>
      </label>
      <label>
        Over
        <select value=${unit.value} onChange=${(event: Event) => (unit.value = valueOf(event) as "hour" | "day")}>
          <option value="hour">the last 24 hours</option>
          <option value="day">the last 14 days</option>
        </select>
      </label>
    </form>
    <${Drawing} totals=${totals} measure=${measure.value} unit=${unit.value} />
    <${Table} totals=${totals} />
    <p class="quiet">
      From the kept runs, each at the time of its start. Tokens of a run of another process are known once it has ended.
    </p>
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const valueOf = (event: Event): string => (event.target as HTMLSelectElement).value

const width = 960
const height = 220
const foot = 22
const left = 56

const Drawing = ({
  measure,
  totals,
  unit
}: {
  readonly totals: Totals.Totals
  readonly measure: string
  readonly unit: "hour" | "day"
}) => {
  const { columns, models } = totals
  const sums = columns.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
  const top = ceiling(Math.max(...sums, 1))
  const step = (width - left) / columns.length
  const y = (value: number) => height - (value / top) * (height - 8)
  return html`<figure class="drawing">
    <svg
      viewBox=${`0 0 ${width} ${height + foot}`}
      role="img"
      aria-label=${`${measure} by ${unit}; the table below has the sums`}
    >
      ${[0, 0.5, 1].map(
        (share) =>
          html`<g key=${share}>
            <line class="grid" x1=${left} x2=${width} y1=${y(top * share)} y2=${y(top * share)} />
            <text x=${left - 6} y=${y(top * share) + 4} text-anchor="end">${Words.number(top * share)}</text>
          </g>`
      )}
      ${columns.map(({ from, values }, index) => {
        let under = 0
        const x = left + index * step
        return html`<g key=${from}>
          ${values.map((value, at) => {
            if (value === 0) return null
            under += value
            return html`<rect
              key=${at}
              class=${`m${at % 6}`}
              x=${x + step * 0.12}
              width=${step * 0.76}
              y=${y(under)}
              height=${y(under - value) - y(under)}
            >
              <title>${`${models[at] ?? ""}, ${label(from, unit)}: ${Words.number(value)} ${measure}`}</title>
            </rect>`
          })}
          ${
            (columns.length - 1 - index) % (unit === "hour" ? 4 : 2) === 0
              ? html`<text x=${x + step / 2} y=${height + 16} text-anchor="middle">${label(from, unit)}</text>`
              : null
          }
        </g>`
      })}
    </svg>
    <figcaption class="legend">
      ${models.map((model, at) => html`<span key=${model}><i class=${`m${at % 6}`} />${model}</span>`)}
      ${models.length === 0 ? "No runs in this time." : null}
    </figcaption>
  </figure>`
}

const Table = ({ totals: { lines, models } }: { readonly totals: Totals.Totals }) => {
  const sum = (of: ReadonlyArray<RunLine>, value: (line: RunLine) => number) =>
    Words.number(of.reduce((total, line) => total + value(line), 0))
  return models.length === 0
    ? null
    : html`<div class="wide">
        <table>
          <thead>
            <tr>
              <th>Model</th>
              <th class="n">Runs</th>
              <th class="n">Done</th>
              <th class="n">Rounds</th>
              <th class="n">Read</th>
              <th class="n">Written</th>
              <th class="n">Seconds</th>
            </tr>
          </thead>
          <tbody>
            ${models.map((model) => {
              const own = lines.filter((line) => Totals.modelOf(line) === model)
              return html`<tr key=${model}>
                <td data-name="Model">${model}</td>
                <td data-name="Runs" class="n">${own.length}</td>
                <td data-name="Done" class="n">${own.filter(({ status }) => status === "done").length}</td>
                <td data-name="Rounds" class="n">${sum(own, ({ rounds }) => rounds)}</td>
                <td data-name="Read" class="n">${sum(own, ({ inputTokens = 0 }) => inputTokens)}</td>
                <td data-name="Written" class="n">${sum(own, ({ outputTokens = 0 }) => outputTokens)}</td>
                <td data-name="Seconds" class="n">${sum(own, ({ millis }) => millis / 1000)}</td>
              </tr>`
            })}
          </tbody>
        </table>
      </div>`
}

const label = (at: number, unit: "hour" | "day"): string =>
  unit === "hour"
    ? `${String(new Date(at).getHours()).padStart(2, "0")}:00`
    : new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short" })

/** The next round number. */
const ceiling = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 5, 10].find((factor) => factor * power >= value) ?? 10) * power
}

/** All runs, live and kept. */
import { useSignal } from "@preact/signals"
import type { RunLine } from "../../Wire.ts"
import { html, memo } from "../html.ts"
import { Status } from "../parts.ts"
import { now, runs } from "../state.ts"
import * as Words from "../words.ts"

const atFirst = 100

export const Runs = () => {
  const words = useSignal("")
  const status = useSignal("")
  const most = useSignal(atFirst)
  const all = [...runs.value.values()].toSorted((a, b) => b.startedAt - a.startedAt)
  const wanted = words.value.toLowerCase()
  const fitting = all.filter(
    (line) =>
      (status.value === "" || line.status === status.value) &&
      `${line.runId} ${line.task} ${line.model ?? ""}`.toLowerCase().includes(wanted)
  )
  const statuses = [...new Set(all.map((line) => line.status))].toSorted()
  const minute = Math.floor(now.value / 60_000)
  return html`
    <h1>Runs</h1>
    <form class="row" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>
        Filter
        <input
          type="search"
          placeholder="task, model or id"
          value=${words.value}
          onInput=${(event: Event) => (words.value = (event.target as HTMLInputElement).value)}
        />
      </label>
      <label>
        Status
        <select
          value=${status.value}
          onChange=${(event: Event) => (status.value = (event.target as HTMLSelectElement).value)}
        >
          <option value="">all</option>
          ${statuses.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
        </select>
      </label>
      <span class="quiet" role="status">${fitting.length} of ${all.length}</span>
    </form>
    ${all.length === 0 ? html`<p class="quiet">There are no runs yet. <a href="#/start">Start one</a>.</p>` : null}
    ${
      fitting.length === 0
        ? null
        : html`<div class="wide">
            <table>
              <thead>
                <tr>
                  <th>Status</th>
                  <th>Task</th>
                  <th>Model</th>
                  <th class="n">Rounds</th>
                  <th class="n">Tokens</th>
                  <th class="n">Time</th>
                  <th>Started</th>
                </tr>
              </thead>
              <tbody>
                ${fitting
                  .slice(0, most.value)
                  .map(
                    (line) =>
                      html`<${Row}
                        key=${line.runId}
                        line=${line}
                        minute=${minute}
                        second=${line.status === "running" ? now.value : 0}
                      />`
                  )}
              </tbody>
            </table>
          </div>`
    }
    ${
      fitting.length > most.value
        ? html`<button type="button" onClick=${() => (most.value = most.value + 5 * atFirst)}>
            Show ${Math.min(5 * atFirst, fitting.length - most.value)} more
          </button>`
        : null
    }
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface RowProps {
  readonly line: RunLine
  /** Times grow with it. */
  readonly minute: number
  readonly second: number
}

const Row = memo(({ line, minute, second }: RowProps) => {
  const { inputTokens = 0, outputTokens = 0 } = line
  const tokens = inputTokens + outputTokens
  const speed = line.charactersPerSecond ?? 0
  const live = line.status === "running"
  return html`<tr>
    <td data-name="Status"><${Status} line=${line} /></td>
    <td data-name="Task" class="task">
      <a href=${`#/run/${line.runId}`}>${line.task}</a>
      ${live ? html`<small>${line.progress}${speed > 0 ? ` · about ${Math.round(speed / 4)} tok/s` : ""}</small>` : null}
    </td>
    <td data-name="Model">${line.model ?? ""}</td>
    <td data-name="Rounds" class="n">${line.rounds}</td>
    <td data-name="Tokens" class="n">${tokens === 0 ? "" : Words.number(tokens)}</td>
    <td data-name="Time" class="n">${Words.span(live ? second - line.startedAt : line.millis)}</td>
    <td data-name="Started" class="when">${Words.when(line.startedAt, minute * 60_000)}</td>
  </tr>`
})

/** The findings of `lms-bridge doctor`, each with what to do about it. */
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { Finding } from "../../Wire.ts"
import { read, sentenceOf } from "../api.ts"
import { html } from "../html.ts"
import { Act } from "../parts.ts"
import * as Words from "../words.ts"

export const Doctor = () => {
  const found = useSignal<ReadonlyArray<Finding> | undefined>(undefined)
  const problem = useSignal("")
  const check = async () => {
    try {
      found.value = await read<ReadonlyArray<Finding>>("/api/doctor")
      problem.value = ""
    } catch (error) {
      problem.value = sentenceOf(error)
    }
  }
  useEffect(() => void check(), [])
  const all = found.value ?? []
  return html`
    <h1>Doctor</h1>
    ${problem.value === "" ? null : html`<p class="problem">${problem.value}</p>`}
    ${
      found.value === undefined
        ? html`<p class="quiet" role="status">Checking. Each MCP server is started for a moment.</p>`
        : html`<p class="acts">
              <${Act} label="Check again" does=${check} />
              <span class="quiet" role="status">${words(all)}</span>
            </p>
            <ul class="lines">
              ${[...all]
                .toSorted((a, b) => order[a.level] - order[b.level])
                .map(
                  ({ area, level, next, what }, index) =>
                    html`<li key=${index}>
                      <span class=${`status ${level}`}>${names[level]}</span>
                      <b>${area}</b>${" "}${what} ${next === undefined ? null : html`<span class="fix">${next}</span>`}
                    </li>`
                )}
            </ul>`
    }
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const order = { problem: 0, notice: 1, ok: 2 }
const names = { problem: "problem", notice: "note", ok: "ok" }

const words = (all: ReadonlyArray<Finding>): string => {
  const count = (level: Finding["level"]) => all.filter((one) => one.level === level).length
  return `${Words.count(count("problem"), "problem")}, ${Words.count(count("notice"), "note")}, ${count("ok")} fine`
}

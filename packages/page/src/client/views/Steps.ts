/** The rounds of a run: what the model said, each call with its arguments and its result. */
import { useMemo, useRef } from "preact/hooks"
import type { RunEvent } from "../../Wire.ts"
import { kept, rounds, type Call, type Reply, type RoundSteps, type Step } from "../events.ts"
import { html, memo } from "../html.ts"
import { Long } from "../parts.ts"
import * as Words from "../words.ts"

export const Steps = ({ events }: { readonly events: ReadonlyArray<RunEvent> }) => {
  const drawn = useRef<ReadonlyArray<RoundSteps>>([])
  drawn.current = useMemo(() => kept(drawn.current, rounds(events)), [events])
  return html`<ol class="rounds">
    ${drawn.current.map((round, index) => html`<${Round} key=${index} of=${round} />`)}
  </ol>`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Round = memo(
  ({ of: { round, steps } }: { readonly of: RoundSteps }) =>
    html`<li>
      <h3>${round === 0 ? "Preparation" : `Round ${round}`}</h3>
      ${steps.map((step, at) => html`<${One} key=${at} step=${step} />`)}
    </li>`
)

const One = ({ step }: { readonly step: Step }) =>
  step.kind === "reply"
    ? html`<${Said} reply=${step} />`
    : step.kind === "call"
      ? html`<${Called} call=${step} />`
      : html`<p class="note">${step.text}</p>`

const Said = ({ reply }: { readonly reply: Reply }) => {
  const { firstTokenMillis, inputTokens, millis, outputTokens, reasoning, text } = reply
  const writing = millis - firstTokenMillis
  const speed =
    outputTokens === undefined || outputTokens < 2 || writing <= 0 ? undefined : ((outputTokens - 1) * 1000) / writing
  const facts = [
    Words.span(millis),
    ...(inputTokens === undefined ? [] : [`${Words.number(inputTokens)} tokens read`]),
    ...(outputTokens === undefined ? [] : [`${Words.number(outputTokens)} written`]),
    ...(speed === undefined ? [] : [`${speed.toFixed(1)} tok/s`])
  ]
  return html`<div class="said">
    ${
      reasoning === ""
        ? null
        : html`<details>
            <summary>Reasoning, ${Words.count(reasoning.length, "character")}</summary>
            <${Long} text=${reasoning} />
          </details>`
    }
    ${text.trim() === "" ? null : html`<${Long} text=${text.trim()} />`}
    <p class="quiet">${facts.join(" · ")}</p>
  </div>`
}

const states = { runs: "is running", ran: "", failed: "failed", refused: "was refused" }

const Called = ({ call }: { readonly call: Call }) => {
  const { bytes, millis, name, result, server, state } = call
  const facts = [
    ...(millis === undefined ? [] : [Words.span(millis)]),
    ...(bytes === undefined ? [] : [Words.bytes(bytes)])
  ]
  return html`<details class=${`call ${state}`}>
    <summary>
      <b>${name}</b> ${server === "" ? null : html`<span class="quiet">of ${server}</span>`} ${states[state]}
      <span class="quiet">${facts.join(" · ")}</span>
    </summary>
    ${
      call.arguments === undefined
        ? null
        : html`<h4>Arguments</h4>
            <${Long} text=${Words.shown(call.arguments)} />`
    }
    ${
      result === undefined
        ? null
        : html`<h4>${state === "refused" ? "What the model was told" : "Result"}</h4>
            <${Long} text=${result} />`
    }
  </details>`
}

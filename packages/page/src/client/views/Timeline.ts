/** When the model worked and when the tools did, as bars on one line of time each. */
import type { RunEvent } from "../../Wire.ts"
import { rounds } from "../events.ts"
import { html, memo } from "../html.ts"
import * as Words from "../words.ts"

const width = 1000
const height = 18

/** `now` is 0 for a run that has ended. */
export const Timeline = memo(({ events, now }: { readonly events: ReadonlyArray<RunEvent>; readonly now: number }) => {
  const from = events[0]?.at ?? 0
  // what has happened is in the picture, also before the clock of the page ticks
  const to = Math.max(from + 1, events.at(-1)?.at ?? 0, now)
  const x = (at: number) => ((at - from) / (to - from)) * width
  const steps = rounds(events).flatMap((round) => round.steps)
  const bars = steps.flatMap((step) => {
    if (step.kind === "reply") {
      const begun = step.at - step.millis
      return [
        {
          row: 0,
          kind: "reading",
          from: begun,
          to: begun + step.firstTokenMillis,
          title: `reading, ${Words.span(step.firstTokenMillis)}`
        },
        {
          row: 0,
          kind: "writing",
          from: begun + step.firstTokenMillis,
          to: step.at,
          title: `writing, ${Words.span(step.millis - step.firstTokenMillis)}`
        }
      ]
    }
    if (step.kind !== "call" || step.state === "refused") return []
    const ended = step.millis === undefined ? to : step.at + step.millis
    return [
      { row: 1, kind: step.state, from: step.at, to: ended, title: `${step.name}, ${Words.span(ended - step.at)}` }
    ]
  })
  return html`<figure class="timeline">
    <svg
      viewBox=${`0 0 ${width} ${2 * height + 6}`}
      preserveAspectRatio="none"
      role="img"
      aria-label=${`${Words.count(bars.length, "span")} of work in ${Words.span(to - from)}`}
    >
      <rect class="ground" x="0" y="0" width=${width} height=${height} />
      <rect class="ground" x="0" y=${height + 6} width=${width} height=${height} />
      ${bars.map(
        (bar, index) =>
          html`<rect
            key=${index}
            class=${bar.kind}
            x=${x(bar.from)}
            y=${bar.row * (height + 6)}
            width=${Math.max(1.5, x(bar.to) - x(bar.from))}
            height=${height}
          >
            <title>${bar.title}</title>
          </rect>`
      )}
    </svg>
    <figcaption class="legend">
      <span>above: the model, <i class="reading" />reading <i class="writing" />writing</span>
      <span>below: <i class="ran" />tools</span>
      <span class="quiet">${Words.span(to - from)} in all</span>
    </figcaption>
  </figure>`
})

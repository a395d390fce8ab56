/** Small parts that several views have. */
import { useSignal } from "@preact/signals"
import type { RunLine } from "../Wire.ts"
import { html, type Children } from "./html.ts"
import * as Words from "./words.ts"

/** A button that is off while what it does is under way; with `sure`, it asks once more. */
export const Act = ({
  does,
  label,
  sure,
  kind = ""
}: {
  readonly does: () => Promise<unknown>
  readonly label: string
  readonly sure?: string
  readonly kind?: string
}) => {
  const busy = useSignal(false)
  const asked = useSignal(false)
  const go = async () => {
    if (sure !== undefined && !asked.value) return void (asked.value = true)
    asked.value = false
    busy.value = true
    await does()
    busy.value = false
  }
  return html`<button
    type="button"
    class=${asked.value ? "act sure" : `act ${kind}`}
    disabled=${busy.value}
    onClick=${go}
    onBlur=${() => (asked.value = false)}
  >
    ${busy.value ? "…" : asked.value ? sure : label}
  </button>`
}

export const Status = ({ line }: { readonly line: Pick<RunLine, "status" | "asking"> }) =>
  line.asking === true
    ? html`<span class="status asking">asks you</span>`
    : html`<span class=${`status ${line.status}`}>${line.status}</span>`

/** A long text, its beginning first. */
export const Long = ({ text, most = 1200 }: { readonly text: string; readonly most?: number }) => {
  const open = useSignal(false)
  if (text.length <= most) return html`<pre>${text}</pre>`
  return html`<div>
    <pre>${open.value ? text : `${text.slice(0, most)}…`}</pre>
    <button type="button" class="link" aria-expanded=${open.value} onClick=${() => (open.value = !open.value)}>
      ${open.value ? "Less" : `All ${Words.number(text.length)} characters`}
    </button>
  </div>`
}

export const Fact = ({ name, children }: { readonly name: string; readonly children?: Children }) =>
  html`<div class="fact">
    <dt>${name}</dt>
    <dd>${children}</dd>
  </div>`

/** The lines of a diff, coloured. */
export const Diff = ({ lines }: { readonly lines: ReadonlyArray<string> }) =>
  html`<pre class="diff">
${lines.map(
  (line) =>
    html`<span class=${line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : ""}>${line}${"\n"}</span>`
)}</pre>`

/** A share of a whole, as a bar with several parts. */
export const Bar = ({
  parts,
  label
}: {
  readonly parts: ReadonlyArray<{ readonly share: number; readonly kind: string; readonly title: string }>
  readonly label: string
}) =>
  html`<div class="bar" role="img" aria-label=${label}>
    ${parts.map(
      ({ kind, share, title }) =>
        html`<span class=${kind} title=${title} style=${{ width: `${Math.max(0, Math.min(100, share * 100))}%` }} />`
    )}
  </div>`

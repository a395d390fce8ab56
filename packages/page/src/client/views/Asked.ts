/** A call that waits for the person: what it is, what it would change, yes or no. */
import type { Ask } from "../../Wire.ts"
import { attempt, send } from "../api.ts"
import { html } from "../html.ts"
import { Act, Diff, Long } from "../parts.ts"
import * as Words from "../words.ts"

export const Asked = ({ ask, runId }: { readonly ask: Ask; readonly runId: string }) => {
  const answer = (approved: boolean) =>
    attempt(send(`/api/runs/${encodeURIComponent(runId)}/answer`, { ask: ask.id, approved }))
  return html`<section class="asked" aria-label="A call waits for you">
    <h2>May the model call ${ask.tool} of ${ask.server}?</h2>
    <p>${Words.sentence(ask.reason)}</p>
    ${ask.change.length > 0 ? html`<${Diff} lines=${ask.change} />` : html`<${Long} text=${Words.shown(ask.arguments)} />`}
    <p class="acts">
      <${Act} label="Allow" kind="good" does=${() => answer(true)} />
      <${Act} label="Refuse" kind="danger" does=${() => answer(false)} />
    </p>
  </section>`
}

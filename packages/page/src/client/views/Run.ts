/** One run: what it was given, what it does, and what can be done with it. */
import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { RunEvent, RunPage } from "../../Wire.ts"
import { attempt, read, send, sentenceOf } from "../api.ts"
import { html } from "../html.ts"
import { Act, Fact, Long, Status } from "../parts.ts"
import { now, runs } from "../state.ts"
import * as Words from "../words.ts"
import { Asked } from "./Asked.ts"
import { Offers, Contexts } from "./RunContext.ts"
import { Timeline } from "./Timeline.ts"
import { Steps } from "./Steps.ts"

/** At least so long between two looks at a run that changes all the time. */
const pause = 400
const unseen = Symbol("unseen")

export const Run = ({ id }: { readonly id: string }) => {
  const page = useSignal<RunPage | undefined>(undefined)
  const events = useSignal<ReadonlyArray<RunEvent>>([])
  const problem = useSignal("")
  const line = runs.value.get(id) ?? page.value?.line
  // what is new of a run of this process changes its line; one of another process is looked at again
  const news =
    line?.here === true
      ? `${line.seq} ${line.status} ${line.asking ?? false}`
      : line?.status === "running"
        ? Math.floor(now.value / 3000)
        : line?.status

  const latest = useRef(news)
  latest.current = news

  useEffect(() => {
    let seen: unknown = unseen
    let isLooking = false
    const look = async () => {
      if (isLooking || latest.current === seen) return
      isLooking = true
      const about = latest.current
      try {
        const known = events.value.at(-1)?.seq ?? -1
        const fresh = await read<RunPage>(`/api/runs/${encodeURIComponent(id)}?after=${known}`)
        page.value = fresh
        problem.value = ""
        if (fresh.events.length > 0) events.value = [...events.value, ...fresh.events]
        seen = about
      } catch (error) {
        problem.value = sentenceOf(error)
      }
      isLooking = false
    }
    void look()
    const timer = setInterval(() => void look(), pause)
    return () => clearInterval(timer)
  }, [id])

  if (problem.value !== "" && page.value === undefined)
    return html`<h1>Run</h1>
      <p class="problem">${problem.value}</p>`
  if (page.value === undefined || line === undefined)
    return html`<h1>Run</h1>
      <p class="quiet">Reading…</p>`
  const whole = page.value
  return html`
    <h1>Run <small>${line.runId}</small></h1>
    <section class="head">
      <${Long} text=${whole.task} most=${2000} />
      <dl>
        <${Fact} name="Status"><${Status} line=${line} /><//>
        <${Fact} name="Model">${line.model ?? "none yet"}<//>
        <${Fact} name="Started">${Words.when(line.startedAt, now.value)}<//>
        <${Fact} name="Time">${Words.span(line.status === "running" ? now.value - line.startedAt : line.millis)}<//>
        <${Fact} name="Rounds">${line.rounds} of ${whole.budgets.rounds}<//>
        <${Fact} name="Tool calls">${whole.used.toolCalls} of ${Words.number(whole.budgets.toolCalls)}<//>
        <${Fact} name="Tokens"
          >${Words.number(line.inputTokens ?? 0)} read, ${Words.number(line.outputTokens ?? 0)} written<//
        >
        <${Fact} name="Servers"
          >${whole.servers.map(({ server, tools }) => `${server} (${tools})`).join(", ") || "none"}<//
        >
      </dl>
      ${line.status === "running" && line.asking !== true ? html`<p class="quiet" role="status">${line.progress}</p>` : null}
      ${whole.missing.map(({ message, server }) => html`<p class="problem">Without ${server}: ${message}</p>`)}
      ${whole.problem === undefined ? null : html`<p class="problem">${whole.problem}</p>`}
      <${Acts} page=${whole} line=${line} />
    </section>
    ${whole.asks.map((ask) => html`<${Asked} key=${ask.id} runId=${line.runId} ask=${ask} />`)}
    ${
      whole.answer === ""
        ? null
        : html`<section class="answer">
            <h2>Answer</h2>
            <${Long} text=${whole.answer} most=${6000} />
          </section>`
    }
    <section>
      <h2>Time line</h2>
      <${Timeline} events=${events.value} now=${line.status === "running" ? now.value : 0} />
    </section>
    <section>
      <h2>Steps</h2>
      <${Steps} events=${events.value} />
    </section>
    <section>
      <h2>Tools offered</h2>
      <${Offers} offers=${whole.offers} />
    </section>
    <section>
      <h2>Context of each request</h2>
      <${Contexts} rounds=${whole.rounds} />
    </section>
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Acts = ({ line, page }: { readonly page: RunPage; readonly line: RunPage["line"] }) => {
  const path = `/api/runs/${encodeURIComponent(line.runId)}`
  const isOver = line.status !== "running"
  const canResume = isOver && line.status !== "done"
  const more = useSignal(String(page.budgets.rounds))
  const resume = async () => {
    const rounds = Number(more.value)
    const started = await attempt(send<{ readonly runId: string }>(`${path}/resume`, rounds > 0 ? { rounds } : {}))
    if (started !== undefined) location.hash = `#/run/${started.runId}`
  }
  const copied = useSignal(false)
  const uncopied = useSignal("")
  const copy = async () => {
    const cassette = await attempt(read<{ readonly text: string }>(`${path}/cassette`))
    if (cassette === undefined) return
    // not every address may use the clipboard
    const isCopied = await navigator.clipboard?.writeText(cassette.text).then(
      () => true,
      () => false
    )
    copied.value = isCopied === true
    uncopied.value = isCopied === true ? "" : cassette.text
  }
  return html`<p class="acts">
      ${
        !isOver && line.here === true
          ? html`<${Act} label="Stop" sure="Stop it now?" kind="danger" does=${() => attempt(send(`${path}/stop`))} />`
          : null
      }
      ${
        canResume
          ? html`<label class="inline">
                Rounds in all
                <input
                  type="number"
                  min="1"
                  value=${more.value}
                  onInput=${(event: Event) => (more.value = (event.target as HTMLInputElement).value)}
                />
              </label>
              <${Act} label="Resume" does=${resume} />`
          : null
      }
      ${isOver ? html`<a class="button" href=${`#/start/${line.runId}`}>Follow up</a>` : null}
      ${isOver ? html`<${Act} label="Copy as cassette" does=${copy} />` : null}
    </p>
    ${
      copied.value
        ? html`<p class="quiet" role="status">
            Copied. In a file, <code>lms-bridge replay FILE</code> runs it again without model and servers.
          </p>`
        : null
    }
    ${
      uncopied.value === ""
        ? null
        : html`<label>
            The cassette, for a file that lms-bridge replay runs
            <textarea readonly value=${uncopied.value} onFocus=${(event: Event) => (event.target as HTMLTextAreaElement).select()} />
          </label>`
    }`
}

/** Models in memory, what they are doing, and what waits. */
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { DiskModel, ModelLine, RequestLine, RunLine } from "../../Wire.ts"
import { attempt, read, send } from "../api.ts"
import { html } from "../html.ts"
import { Act, Fact, Status } from "../parts.ts"
import { models, now, runs } from "../state.ts"
import * as Words from "../words.ts"

export const Now = () => {
  const { loaded, problem } = models.value
  const live = [...runs.value.values()].filter(({ status }) => status === "running")
  const queued = loaded.flatMap(({ model, requests }) =>
    (requests?.waiting ?? []).map((request) => ({ ...request, model }))
  )
  const others = loaded.flatMap(({ model, requests }) =>
    (requests?.active ?? []).filter(({ runId }) => runId === undefined).map((request) => ({ ...request, model }))
  )
  const inQueue = new Set(queued.map(({ runId }) => runId))
  const waiting = live.filter(waits)
  const working = live.filter((line) => !waits(line) && !inQueue.has(line.runId))
  return html`
    <h1>Now</h1>
    <section aria-labelledby="in-memory">
      <h2 id="in-memory">Models in memory</h2>
      ${problem === undefined ? null : html`<p class="problem">${problem}</p>`}
      ${loaded.length === 0 && problem === undefined ? html`<p class="quiet">No model is loaded.</p>` : null}
      <div class="cards">
        ${loaded.map((model) => html`<${Loaded} key=${model.instanceId} model=${model} runs=${live} />`)}
      </div>
      <${LoadForm} />
    </section>
    <section aria-labelledby="under-way">
      <h2 id="under-way">Under way</h2>
      ${working.length + others.length === 0 ? html`<p class="quiet">No run is going on. <a href="#/start">Start one</a>.</p>` : null}
      <ul class="lines">
        ${working.map((line) => html`<${Line} key=${line.runId} line=${line} />`)}
        ${others.map((request, index) => html`<${Request} key=${index} request=${request} />`)}
      </ul>
    </section>
    <section aria-labelledby="queue">
      <h2 id="queue">Waiting</h2>
      ${waiting.length + queued.length === 0 ? html`<p class="quiet">Nothing waits for a model.</p>` : null}
      <ul class="lines">
        ${waiting.map((line) => html`<${Line} key=${line.runId} line=${line} />`)}
        ${queued.map((request, index) => html`<${Request} key=${index} request=${request} waits=${true} />`)}
      </ul>
    </section>
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In the words of a run's preparation. */
const waits = ({ progress }: RunLine) => /^waiting\b/i.test(progress)

const Line = ({ line }: { readonly line: RunLine }) => {
  const { charactersPerSecond = 0 } = line
  // a token is about four characters; the run has the exact figure of each reply
  const speed = charactersPerSecond > 0 ? `about ${Math.round(charactersPerSecond / 4)} tok/s` : ""
  return html`<li>
    <${Status} line=${line} />
    <a href=${`#/run/${line.runId}`}>${line.task}</a>
    <span class="quiet">
      ${[line.model, line.progress, speed, Words.span(now.value - line.startedAt)].filter((part) => part !== "").join(" · ")}
    </span>
  </li>`
}

/** One that waits for its turn, or that no run has sent. */
const Request = ({
  request: { model, priority, runId, since },
  waits = false
}: {
  readonly request: RequestLine & { readonly model: string }
  readonly waits?: boolean
}) => {
  const facts = [
    model,
    ...(waits ? [`waits ${Words.span(now.value - since)}`] : [Words.span(now.value - since)]),
    ...(priority === "background" ? ["after those that a person waits for"] : [])
  ]
  return html`<li>
    <span class=${`status ${waits ? "notice" : "running"}`}>${waits ? "waits" : "running"}</span>
    ${runId === undefined ? "A request of a client" : html`<a href=${`#/run/${runId}`}>${runs.value.get(runId)?.task ?? runId}</a>`}
    <span class="quiet">${facts.join(" · ")}</span>
  </li>`
}

const Loaded = ({ model, runs }: { readonly model: ModelLine; readonly runs: ReadonlyArray<RunLine> }) => {
  const { contextLength, expiresAt, instanceId, keptUntil, leases, owner, requests, sizeBytes, status, ttlMillis } =
    model
  const holders = runs.filter((line) => line.model === model.model && line.here === true)
  const left = expiresAt === undefined ? undefined : expiresAt - now.value
  const isUsers = owner === "user"
  return html`<article class="card">
    <h3>${instanceId}</h3>
    ${instanceId === model.model ? null : html`<p class="quiet">${model.model}</p>`}
    <dl>
      <${Fact} name="State">
        ${status ?? "loaded"}${(requests?.waiting.length ?? 0) > 0 ? `, ${requests?.active.length} at once, ${requests?.waiting.length} waiting` : ""}
      <//>
      <${Fact} name="Context">${contextLength === undefined ? "unknown" : `${Words.number(contextLength)} tokens`}<//>
      <${Fact} name="Size">${sizeBytes === undefined ? "unknown" : Words.bytes(sizeBytes)}<//>
      <${Fact} name="Loaded by">${isUsers ? "you" : owner}<//>
      <${Fact} name="Unloads">
        ${
          keptUntil !== undefined
            ? `not before ${Words.when(keptUntil, now.value)}`
            : left !== undefined
              ? html`in <span class="countdown">${Words.countdown(left)}</span>`
              : ttlMillis === null
                ? "never by itself"
                : ttlMillis === undefined
                  ? "unknown"
                  : `after ${Words.span(ttlMillis)} idle`
        }
      <//>
      <${Fact} name="Held by">
        ${
          holders.length > 0
            ? html`${holders.slice(0, 3).map((line) => html`<a key=${line.runId} href=${`#/run/${line.runId}`}>${short(line.task)}</a><br />`)}
              ${holders.length > 3 ? `and ${Words.count(holders.length - 3, "more run")}` : null}`
            : leases > 0
              ? Words.count(leases, "holder")
              : "nobody"
        }
      <//>
    </dl>
    <p class="acts">
      <${Act}
        label="Unload"
        sure=${isUsers || leases > 0 ? "Really? It is yours, or in use" : "Unload it now?"}
        does=${() => attempt(send("/api/models/unload", { instanceId, force: isUsers || leases > 0 }))}
      />
      ${
        keptUntil === undefined
          ? html`<${Act} label="Keep for an hour" does=${() => attempt(send("/api/models/keep", { instanceId }))} />`
          : html`<${Act} label="Keep no longer" does=${() => attempt(send("/api/models/release", { instanceId }))} />`
      }
    </p>
  </article>`
}

const short = (task: string) => (task.length > 40 ? `${task.slice(0, 40)}…` : task)

const LoadForm = () => {
  const disk = useSignal<ReadonlyArray<DiskModel>>([])
  const model = useSignal("")
  const context = useSignal("")
  const loading = useSignal(false)
  useEffect(() => {
    void read<{ readonly models: ReadonlyArray<DiskModel> }>("/api/models").then(
      (answer) => (disk.value = answer.models),
      () => undefined
    )
  }, [])
  const load = async (event: Event) => {
    event.preventDefault()
    loading.value = true
    const contextLength = Number(context.value)
    await attempt(send("/api/models/load", { model: model.value, ...(contextLength > 0 ? { contextLength } : {}) }))
    loading.value = false
  }
  return html`<form class="row" onSubmit=${load}>
    <label>
      Load a model
      <select
        required
        value=${model.value}
        onChange=${(event: Event) => (model.value = (event.target as HTMLSelectElement).value)}
      >
        <option value="">choose one</option>
        ${disk.value.map(
          ({ key, loaded, sizeBytes }) =>
            html`<option key=${key} value=${key}>
              ${key}${sizeBytes === undefined ? "" : `, ${Words.bytes(sizeBytes)}`}${loaded ? ", loaded" : ""}
            </option>`
        )}
      </select>
    </label>
    <label>
      Context, at least
      <input
        type="number"
        min="1"
        placeholder="as it is"
        value=${context.value}
        onInput=${(event: Event) => (context.value = (event.target as HTMLInputElement).value)}
      />
    </label>
    <button type="submit" disabled=${loading.value}>${loading.value ? "Loading…" : "Load"}</button>
  </form>`
}

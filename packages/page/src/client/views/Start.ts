/** Starts a run, or follows up on one. */
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { DiskModel, NewRun } from "../../Wire.ts"
import { attempt, read, send } from "../api.ts"
import { html } from "../html.ts"
import { runs, servers } from "../state.ts"

export const Start = ({ follows }: { readonly follows: string }) => {
  const task = useSignal("")
  const model = useSignal("")
  const all = useSignal(true)
  const named = useSignal<ReadonlySet<string>>(new Set())
  const disk = useSignal<ReadonlyArray<DiskModel>>([])
  const limits = useSignal<Readonly<Record<string, string>>>({})
  const starting = useSignal(false)
  useEffect(() => {
    void read<{ readonly models: ReadonlyArray<DiskModel> }>("/api/models").then(
      (answer) => (disk.value = answer.models),
      () => undefined
    )
  }, [])
  const usable = servers.value.filter(({ state }) => state === "usable")
  const choose = (name: string, on: boolean) => {
    const next = new Set(named.value)
    if (on) next.add(name)
    else next.delete(name)
    named.value = next
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    starting.value = true
    const wanted: NewRun = {
      task: task.value,
      servers: all.value ? "all" : [...named.value],
      ...(model.value === "" ? {} : { model: model.value }),
      ...(follows === "" ? {} : { follows }),
      ...Object.fromEntries(
        Object.entries(limits.value).flatMap(([name, value]) => (Number(value) > 0 ? [[name, Number(value)]] : []))
      )
    }
    const begun = await attempt(send<{ readonly runId: string }>("/api/runs", wanted))
    starting.value = false
    if (begun !== undefined) location.hash = `#/run/${begun.runId}`
  }
  return html`
    <h1>${follows === "" ? "Start a run" : "Follow up"}</h1>
    ${
      follows === ""
        ? null
        : html`<p class="quiet">
            With the memory of <a href=${`#/run/${follows}`}>${runs.value.get(follows)?.task ?? follows}</a>.
          </p>`
    }
    <form class="stack" onSubmit=${submit}>
      <label>
        Task
        <textarea
          required
          maxlength="100000"
          placeholder="All that the model needs: it sees nothing else."
          value=${task.value}
          onInput=${(event: Event) => (task.value = valueOf(event))}
        />
      </label>
      <fieldset>
        <legend>MCP servers</legend>
        <label class="check">
          <input type="radio" name="which" checked=${all.value} onChange=${() => (all.value = true)} /> all usable
        </label>
        <label class="check">
          <input type="radio" name="which" checked=${!all.value} onChange=${() => (all.value = false)} /> these:
        </label>
        ${usable.map(
          ({ name }) =>
            html`<label key=${name} class="check">
              <input
                type="checkbox"
                disabled=${all.value}
                checked=${named.value.has(name)}
                onChange=${(event: Event) => choose(name, (event.target as HTMLInputElement).checked)}
              />
              ${name}
            </label>`
        )}
        ${!all.value && named.value.size === 0 ? html`<span class="quiet">None: the model has no tools.</span>` : null}
      </fieldset>
      <label>
        Model
        <select value=${model.value} onChange=${(event: Event) => (model.value = valueOf(event))}>
          <option value="">the default one</option>
          ${disk.value
            .filter(({ type }) => type === "llm" || type === "vlm")
            .map(({ key, loaded }) => html`<option key=${key} value=${key}>${key}${loaded ? ", loaded" : ""}</option>`)}
        </select>
      </label>
      <fieldset>
        <legend>Budgets; the usual ones where empty</legend>
        ${fields.map(
          ([name, title]) =>
            html`<label key=${name}>
              ${title}
              <input
                type="number"
                min="1"
                value=${limits.value[name] ?? ""}
                onInput=${(event: Event) => (limits.value = { ...limits.value, [name]: valueOf(event) })}
              />
            </label>`
        )}
      </fieldset>
      <p class="acts"><button type="submit" disabled=${starting.value}>${starting.value ? "Starting…" : "Start"}</button></p>
    </form>
  `
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fields = [
  ["rounds", "Rounds"],
  ["minutes", "Minutes"],
  ["toolCalls", "Tool calls"],
  ["tokens", "Tokens"]
] as const

const valueOf = (event: Event): string => (event.target as HTMLInputElement).value

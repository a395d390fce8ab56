/**
 * The state that the page shows, read from the services.
 */
import { type LockSummary, McpRegistry } from "@lms-bridge/core/McpRegistry"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { present } from "@lms-bridge/core/Json"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import type { ModelLine, RunLine, ServerLine, Snapshot } from "@lms-bridge/page/Page"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as About from "../../About.ts"
import { Runs } from "../../runs/Runs.ts"
import type * as RunReport from "../../runs/RunReport.ts"
import type { Asks } from "./Asks.ts"
import type { Sources } from "./Hub.ts"
import * as RunLines from "./RunLines.ts"

/** What only the page does, for its lines. */
export interface Own {
  readonly asks: () => Asks
  readonly keptUntil: (instanceId: string) => number | undefined
}

export const make = Effect.fnUntraced(function* (own: Own) {
  const runs = yield* Runs
  const journal = yield* RunJournal
  const lifecycle = yield* ModelLifecycle
  const registry = yield* McpRegistry
  const speed = speedometer()

  const lineOf = (record: RunReport.Record, now: number): RunLine => {
    const { runId } = record.account
    const line = RunLines.ofRecord(record, now, own.asks().of(runId).length > 0)
    const charactersPerSecond = line.status === "running" ? speed(runId, record.view, now) : undefined
    return { ...line, ...present({ charactersPerSecond }) }
  }
  const here = Effect.zipWith(runs.here, Clock.currentTimeMillis, (records, now) =>
    records.map((record) => lineOf(record, now))
  )
  const all = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const own = yield* here
    const known = new Set(own.map(({ runId }) => runId))
    const others = (yield* journal.list).filter(({ runId }) => !known.has(runId))
    return [...own, ...others.map((summary) => RunLines.ofSummary(summary, now))].toSorted(
      (a, b) => b.startedAt - a.startedAt
    )
  })
  const models = Effect.match(lifecycle.loaded, {
    onFailure: ({ message }) => ({ loaded: [], problem: message }),
    onSuccess: (loaded) => ({
      loaded: loaded.map((model): ModelLine => ({
        ...model,
        ...present({ keptUntil: own.keptUntil(model.instanceId) })
      }))
    })
  })
  const servers = Effect.gen(function* () {
    const listed = yield* Effect.orElseSucceed(registry.servers, () => [])
    const calls = (yield* runs.here).flatMap(({ account }) => account.state.calls)
    return listed.map(
      ({ connected, lock, name, onlyByName, problem, restarts = 0, source, state, target, transport }): ServerLine => {
        const made = calls.filter(({ server }) => server === name)
        return {
          name,
          state,
          transport,
          target,
          source,
          connected,
          ...present({ onlyByName, problem, withheld: withheldIn(lock) }),
          calls: made.length,
          errors: made.filter(({ isError }) => isError).length,
          millis: Math.round(made.reduce((sum, { millis }) => sum + millis, 0)),
          restarts
        }
      }
    )
  })
  const snapshot = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const [runsNow, modelsNow, serversNow] = yield* Effect.all([all, models, servers], { concurrency: 3 })
    const whole: Snapshot = { version: About.version, now, runs: runsNow, models: modelsNow, servers: serversNow }
    return whole
  })
  const sources: Sources = { snapshot, here, runs: all, models, servers, changes: runs.changes }
  return { ...sources, lineOf }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withheldIn = (lock: typeof LockSummary.Type | undefined) =>
  lock === undefined || lock.withheld.length === 0 ? undefined : lock.withheld

/** Characters per second of the reply under way, from one look to the next. */
const speedometer = () => {
  const last = new Map<
    string,
    { readonly characters: number; readonly at: number; readonly speed: number | undefined }
  >()
  return (runId: string, { characters }: { readonly characters: number }, now: number): number | undefined => {
    const before = last.get(runId)
    if (before !== undefined && now - before.at < 900 && characters >= before.characters) return before.speed
    const isFirst = before === undefined || characters <= before.characters
    const speed = isFirst ? undefined : Math.round(((characters - before.characters) * 1000) / (now - before.at))
    last.set(runId, { characters, at: now, speed })
    if (last.size > 200) last.delete([...last.keys()][0] ?? "")
    return speed
  }
}

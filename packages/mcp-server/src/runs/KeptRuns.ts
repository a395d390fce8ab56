/**
 * Runs of other processes, earlier or active ones, read from their journals.
 */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import type { AgentLoop } from "@lms-bridge/core/AgentLoop"
import { RunInProgress, type RunJournal, type RunNotFound, type RunSummary } from "@lms-bridge/core/RunJournal"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type { Handle } from "./RunHandle.ts"
import { asTools } from "../protocol/Hints.ts"
import * as RunReport from "./RunReport.ts"

type Journal = Context.Tag.Service<typeof RunJournal>
type Loop = Context.Tag.Service<typeof AgentLoop>

/** The run of an id, or of the beginning of one; none if it has no journal. */
export const find = (loop: Loop, journal: Journal, text: string): Effect.Effect<Option.Option<Handle>> =>
  journal.find(text).pipe(
    Effect.flatMap((runId) => handle(loop, journal, runId)),
    Effect.option
  )

/** A run in a list; only what the list shows is read. */
export const listed = (
  { lastAt, problem, rounds, runId, startedAt, status, task }: RunSummary.RunSummary,
  now: number
) => ({
  runId,
  status: isUnderWay(status) ? ("running" as const) : status,
  task,
  progress: progressOf(status) ?? asTools(problem?.message ?? ""),
  rounds,
  startedAt,
  millis: (isUnderWay(status) ? now : lastAt) - startedAt
})

type UnderWay = "running" | "queued" | "waiting"

/** In progress for whoever looks from here, wherever it is. */
export const isUnderWay = (status: RunSummary.RunSummary["status"]): status is UnderWay =>
  status === "running" || status === "queued" || status === "waiting"

/** Undefined for a run that is not under way. */
export const progressOf = (status: RunSummary.RunSummary["status"]): string | undefined =>
  isUnderWay(status) ? elsewhere[status] : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const elsewhere: Readonly<Record<UnderWay, string>> = {
  running: "in another process",
  queued: "waits for a host",
  waiting: "waits for a person's answer"
}

/** The interval at which the journal of a run in another process is read. */
const lookEvery = "1 second"
/** How long a run that was cancelled may take to end: longer than a worker needs to hear of it. */
const endsWithin = "10 seconds"

const handle = Effect.fnUntraced(function* (loop: Loop, journal: Journal, runId: string) {
  const first = yield* recordOf(journal, yield* journal.read(runId))
  const latest = yield* Ref.make(first)
  // the journal may be removed meanwhile
  const record = journal.read(runId).pipe(
    Effect.flatMap((events) => recordOf(journal, events)),
    Effect.tap((now) => Ref.set(latest, now)),
    Effect.orElse(() => Ref.get(latest))
  )
  const ended = Effect.repeat(record, { until: RunReport.hasEnded, schedule: Schedule.spaced(lookEvery) }).pipe(
    Effect.zipRight(record)
  )
  // its journal may be removed meanwhile
  const told = Effect.catchTag(loop.cancel(runId), "RunNotFound", () => Effect.void)
  const result: Handle = {
    record,
    events: Effect.orElseSucceed(journal.read(runId), () => []),
    await: ended,
    detach: Effect.void,
    cancel: Effect.flatMap(record, (now) =>
      RunReport.hasEnded(now) ? Effect.succeed(now) : Effect.zipRight(told, Effect.timeout(ended, endsWithin))
    ).pipe(Effect.catchTag("TimeoutException", () => new RunInProgress({ runId })))
  }
  return result
})

const recordOf = (journal: Journal, events: ReadonlyArray<AgentEvent>): Effect.Effect<RunReport.Record, RunNotFound> =>
  Effect.gen(function* () {
    const record = RunReport.ofEvents(events)
    const last = events.at(-1)
    if (record === undefined || last === undefined) return yield* Effect.dieMessage("a journal has no beginning")
    if (RunReport.hasEnded(record)) return record
    const stopped = { ...record, closed: { _tag: "Stopped" as const, at: last.at } }
    return yield* Effect.match(journal.idle(events), { onSuccess: () => stopped, onFailure: () => record })
  })

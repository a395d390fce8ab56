/**
 * The events of runs on disk, one file for each run, one event on a line, added to and never changed. A run can be
 * shown, resumed and followed from its file alone, and a process that is killed loses at most the line it was writing.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Settings } from "../configuration/Settings.ts"
import * as StateDirectory from "../models/StateDirectory.ts"
import type { RunId } from "../observability/Correlation.ts"
import { AgentEventJson, type AgentEvent } from "./AgentEvent.ts"

/**
 * @since 0.1.0
 * @category errors
 */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { runId: Schema.String }) {
  readonly retryable = false
  override get message() {
    return `There is no run "${this.runId}". \`lms-bridge runs ls\` shows those that are kept.`
  }
}

/**
 * A run that is kept, as it may be listed. `outcome` is absent while it runs and after it was killed.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunSummary {
  readonly runId: RunId
  readonly task: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly lastAt: number
  readonly status: "done" | "budget" | "stalled" | "failed" | "unfinished"
  readonly rounds: number
}

/**
 * @since 0.1.0
 * @category services
 */
export class RunJournal extends Context.Tag("@lms-bridge/core/agent/RunJournal")<
  RunJournal,
  {
    /**
     * Opens the journal of a run until the scope closes. What is given to the writer is on disk when it returns; a disk
     * that cannot be written is logged once and stops no run.
     */
    readonly open: (
      runId: RunId
    ) => Effect.Effect<(events: ReadonlyArray<AgentEvent>) => Effect.Effect<void>, never, Scope.Scope>
    /** All events of a run. A last line that was cut is left out. */
    readonly read: (runId: string) => Effect.Effect<ReadonlyArray<AgentEvent>, RunNotFound>
    /** Newest first. */
    readonly list: Effect.Effect<ReadonlyArray<RunSummary>>
    readonly remove: (runId: string) => Effect.Effect<void, RunNotFound>
  }
>() {
  /** Files in `runs` of the data folder; in memory where that cannot be written. */
  static readonly layer: Layer.Layer<RunJournal, never, FileSystem.FileSystem | Path.Path | Settings> = Layer.effect(
    this,
    Effect.suspend(() => makeOnDisk)
  )
  /** Kept as long as the layer. */
  static readonly layerMemory: Layer.Layer<RunJournal> = Layer.sync(this, () => makeInMemory())
}

/**
 * Whether an event is kept: what is for display only is not.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isKept = (event: AgentEvent): boolean => !displayOnly.has(event._tag)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostKept = 500
/** So that not each run has to look through all of them. */
const prunedAtOnce = 50

const displayOnly = new Set<AgentEvent["_tag"]>(["TextDelta", "ReasoningDelta", "ToolCallProgress", "Preparing"])

const decodeEvent = Schema.decodeUnknownEither(AgentEventJson)

/** Every field of an event is JSON as it is, so that nothing has to be encoded for each one. */
const lineOf = (event: AgentEvent): string => `${JSON.stringify(event)}\n`

const eventsIn = (text: string): ReadonlyArray<AgentEvent> =>
  text.split("\n").flatMap((line) => (line === "" ? [] : Option.toArray(Either.getRight(decodeEvent(line)))))

const summaryOf = (events: ReadonlyArray<AgentEvent>): Option.Option<RunSummary> => {
  const [first] = events
  const last = events.at(-1)
  if (first?._tag !== "RunStarted" || last === undefined) return Option.none()
  return Option.some({
    runId: first.runId,
    task: first.task.task,
    startedAt: first.at,
    lastAt: last.at,
    status: last._tag === "RunFinished" ? last.outcome.status : "unfinished",
    rounds: events.filter((event) => event._tag === "RoundStarted" && !event.final).length
  })
}

const newestFirst = (summaries: ReadonlyArray<RunSummary>) => summaries.toSorted((a, b) => b.startedAt - a.startedAt)

const makeInMemory = (): Context.Tag.Service<typeof RunJournal> => {
  const runs = new Map<string, Array<AgentEvent>>()
  const find = (runId: string) =>
    Effect.mapError(Effect.fromNullable(runs.get(runId)), () => new RunNotFound({ runId }))
  return {
    open: (runId) =>
      Effect.sync(() => {
        const events = runs.get(runId) ?? []
        runs.set(runId, events)
        return (more) => Effect.sync(() => void events.push(...more))
      }),
    read: (runId) => Effect.map(find(runId), (events) => [...events]),
    list: Effect.sync(() => newestFirst([...runs.values()].flatMap((events) => Option.toArray(summaryOf(events))))),
    remove: (runId) => Effect.map(find(runId), () => void runs.delete(runId))
  }
}

const makeOnDisk = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { folder } = yield* StateDirectory.make
  const memory = makeInMemory()

  const fileIn = (directory: string, runId: string) => path.join(directory, `${runId}.jsonl`)
  const fileOf = Effect.fnUntraced(function* (runId: string) {
    const directory = yield* folder("runs")
    // an id is a name and never a path
    return Option.isSome(directory) && /^\w+$/.test(runId)
      ? fileIn(directory.value, runId)
      : yield* new RunNotFound({ runId })
  })
  const notFound = (runId: string) => () => new RunNotFound({ runId })

  /** Runs are kept until there are too many of them; then the oldest go. */
  const prune = Effect.fnUntraced(function* (directory: string) {
    const names = yield* fs.readDirectory(directory)
    if (names.length <= mostKept) return
    const aged = yield* Effect.forEach(
      names,
      (name) =>
        Effect.map(fs.stat(path.join(directory, name)), ({ mtime }) => ({
          name,
          at: Number(Option.getOrUndefined(mtime) ?? 0)
        })),
      { concurrency: 8 }
    )
    const oldest = aged.toSorted((a, b) => a.at - b.at).slice(0, names.length - mostKept + prunedAtOnce)
    yield* Effect.forEach(oldest, ({ name }) => fs.remove(path.join(directory, name)), { discard: true })
  }, Effect.ignore)

  return RunJournal.of({
    open: Effect.fnUntraced(function* (runId) {
      const directory = yield* folder("runs")
      if (Option.isNone(directory)) return yield* memory.open(runId)
      const file = yield* Effect.option(fs.open(fileIn(directory.value, runId), { flag: "a", mode: 0o600 }))
      if (Option.isNone(file)) return yield* memory.open(runId)
      yield* prune(directory.value)
      const warnOnce = yield* Effect.once(
        Effect.logWarning("The journal of this run cannot be written, so it cannot be resumed.", {
          directory: directory.value
        })
      )
      return (events) =>
        file.value
          .writeAll(encoder.encode(events.map(lineOf).join("")))
          .pipe(Effect.catchAll((cause) => Effect.annotateLogs(warnOnce, { cause: cause.message })))
    }),
    read: (runId) =>
      fileOf(runId).pipe(
        Effect.flatMap((file) => Effect.mapError(fs.readFileString(file), notFound(runId))),
        Effect.map(eventsIn),
        Effect.orElse(() => memory.read(runId)),
        Effect.filterOrFail((events) => events.length > 0, notFound(runId))
      ),
    list: Effect.gen(function* () {
      const kept = yield* memory.list
      const directory = yield* folder("runs")
      if (Option.isNone(directory)) return kept
      const names = yield* Effect.orElseSucceed(fs.readDirectory(directory.value), () => [])
      const onDisk = yield* Effect.forEach(
        names.filter((name) => name.endsWith(".jsonl")),
        (name) => Effect.option(fs.readFileString(path.join(directory.value, name))),
        { concurrency: 8 }
      )
      return newestFirst([
        ...kept,
        ...onDisk.flatMap((text) => Option.toArray(Option.flatMap(text, (all) => summaryOf(eventsIn(all)))))
      ])
    }),
    remove: (runId) =>
      fileOf(runId).pipe(
        Effect.flatMap((file) => Effect.mapError(fs.remove(file), notFound(runId))),
        Effect.orElse(() => memory.remove(runId))
      )
  })
})

const encoder = new TextEncoder()

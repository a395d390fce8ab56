/**
 * The events of runs on disk: one append-only file per run, one event per line. A run can be shown, resumed and followed
 * from its file alone, and a process that is killed loses at most the line that it was writing.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Settings } from "../configuration/Settings.ts"
import * as AppendedFile from "../machine/AppendedFile.ts"
import * as StateDirectory from "../machine/StateDirectory.ts"
import type { DataFolderUnwritable } from "../machine/StateDirectory.ts"
import type { ProcessIdentity } from "../machine/ProcessIdentity.ts"
import * as ByteLimits from "../resilience/ByteLimits.ts"
import type { RunId } from "../observability/Correlation.ts"
import { MustBeKept } from "../agent/MustBeKept.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import * as EventLine from "./EventLine.ts"
import type { RunAmbiguous } from "./RunIds.ts"
import * as RunIds from "./RunIds.ts"
import { RunInProgress, RunNotFound, type RunTakenOver } from "./RunIds.ts"
import * as RunFollowing from "./RunFollowing.ts"
import * as RunSummary from "./RunSummary.ts"

export { RunAmbiguous, RunInProgress, RunNotFound, RunTakenOver } from "./RunIds.ts"

export class RunJournal extends Context.Tag("@lms-bridge/core/agent/RunJournal")<
  RunJournal,
  {
    /**
     * Opens the journal of a run until the scope closes. `after` is the number of the last event that the caller knows, none
     * for a new run: who does not know all that is stored writes nothing, where runs go from process to process.
     */
    readonly open: (runId: RunId, after?: number) => Effect.Effect<Write, never, Scope.Scope>
    /** All events of a run, without a truncated last line. */
    readonly read: (runId: string) => Effect.Effect<ReadonlyArray<AgentEvent>, RunNotFound>
    /** The stored events after number `after`, and those that come, until the run has ended. */
    readonly follow: (runId: string, after?: number) => Stream.Stream<AgentEvent, RunNotFound>
    /** Newest first. */
    readonly list: Effect.Effect<ReadonlyArray<RunSummary.RunSummary>>
    /** The run that `text` names: an id or a prefix of one, with or without `run_`, or `last`. */
    readonly find: (text: string) => Effect.Effect<RunId, RunNotFound | RunAmbiguous>
    /** Fails when the run is known to be in progress, in any process. */
    readonly idle: (events: ReadonlyArray<AgentEvent>) => Effect.Effect<void, RunInProgress>
    readonly remove: (runId: string) => Effect.Effect<void, RunNotFound | RunInProgress>
    /** Why runs are lost when this process exits; none when they are stored. */
    readonly unkept: Effect.Effect<Option.Option<DataFolderUnwritable>>
    /** This process, as recorded in the start of its runs; none where runs do not outlive it. */
    readonly process: Option.Option<ProcessIdentity>
  }
>() {
  /** Files in `runs` of the data folder; in memory where it cannot be written. */
  static readonly layer: Layer.Layer<RunJournal, never, FileSystem.FileSystem | Path.Path | Settings> = Layer.effect(
    this,
    Effect.suspend(() => makeOnDisk)
  )
  /** Keeps runs for the lifetime of the layer. */
  static readonly layerMemory: Layer.Layer<RunJournal> = Layer.sync(this, () => makeInMemory())
}

/**
 * Stores events. When it returns nothing, all events until now are stored, or the run is kept nowhere. Otherwise it says why
 * not: that is logged once, and they are stored with the next. It fails when the run is not this process's any more: none of
 * the events is stored then, and the run ends here.
 */
export type Write = (events: ReadonlyArray<AgentEvent>) => Effect.Effect<string | undefined, RunTakenOver>

/** Whether an event is stored; those that are for display only are not. */
export const isKept = (event: AgentEvent): boolean => !displayOnly.has(event._tag)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ending = ".jsonl"
const mostKept = 500
/** Removed beyond `mostKept`, so that not every run has to prune. */
const prunedAtOnce = 50

const displayOnly = new Set<AgentEvent["_tag"]>(["TextDelta", "ReasoningDelta", "ToolCallProgress", "Preparing"])

const eventsIn = (text: string): ReadonlyArray<AgentEvent> =>
  text.split("\n").flatMap((line) => EventLine.read(line) ?? [])

/** Runs of this process whose journal is open. */
const makeOpen = () => {
  const open = new Set<string>()
  return {
    has: (runId: string) => open.has(runId),
    while: (runId: string) =>
      Effect.acquireRelease(
        Effect.sync(() => open.add(runId)),
        () => Effect.sync(() => open.delete(runId))
      )
  }
}

const makeInMemory = (): Context.Tag.Service<typeof RunJournal> => {
  const runs = new Map<string, Array<AgentEvent>>()
  const open = makeOpen()
  const find = (runId: string) =>
    Effect.mapError(Effect.fromNullable(runs.get(runId)), () => new RunNotFound({ runId }))
  const idle = (runId: string) => (open.has(runId) ? Effect.fail(new RunInProgress({ runId })) : Effect.void)
  const list = Effect.sync(() =>
    RunSummary.newestFirst(
      [...runs.values()].flatMap((events) =>
        Option.toArray(
          Option.map(RunSummary.ofEvents(events), ({ summary }) => running(summary, open.has(summary.runId)))
        )
      )
    )
  )
  const read = (runId: string) => Effect.map(find(runId), (events) => [...events])
  return {
    open: Effect.fnUntraced(function* (runId) {
      yield* open.while(runId)
      const events = runs.get(runId) ?? []
      runs.set(runId, events)
      return (more) =>
        Effect.sync(() => {
          events.push(...more)
          return undefined
        })
    }),
    read,
    follow: RunFollowing.of(read),
    list,
    find: (text) => Effect.flatMap(list, (all) => RunIds.meant(text, [...runs.keys()], all[0]?.runId)),
    idle: ([first]) => (first === undefined ? Effect.void : idle(first.runId)),
    remove: (runId) =>
      Effect.zipRight(
        idle(runId),
        Effect.map(find(runId), () => void runs.delete(runId))
      ),
    unkept: Effect.succeedNone,
    process: Option.none()
  }
}

const running = (summary: RunSummary.RunSummary, isSo: boolean): RunSummary.RunSummary =>
  isSo && summary.status === "unfinished" ? { ...summary, status: "running" } : summary

const makeOnDisk = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { folder, identity, isAlive, where, writable } = yield* StateDirectory.makeWith("runs are not kept")
  const runs = Effect.option(writable("runs"))
  const memory = makeInMemory()
  const open = makeOpen()

  const fileIn = (directory: string, runId: string) => path.join(directory, `${runId}${ending}`)
  const fileOf = Effect.fnUntraced(function* (runId: string) {
    const directory = yield* runs
    // an id is a file name, never a path
    return Option.isSome(directory) && /^\w+$/.test(runId)
      ? fileIn(directory.value, runId)
      : yield* new RunNotFound({ runId })
  })
  const limits = yield* ByteLimits.CurrentByteLimits
  const notFound = (runId: string) => () => new RunNotFound({ runId })
  const unread = (runId: string) => (error: { readonly _tag: string }) =>
    new RunNotFound({ runId, ...(error._tag === "FileTooLarge" ? { most: limits.journal } : {}) })

  /** It is enough that another process is alive, because a process that ends a run says so in its journal. */
  const isRunning = (runId: string, process: ProcessIdentity | undefined) =>
    process === undefined || process.pid === identity.pid ? Effect.succeed(open.has(runId)) : isAlive(process)

  const idle = (found: Option.Option<RunSummary.Found>) =>
    Option.match(
      Option.filter(found, ({ summary }) => summary.status === "unfinished"),
      {
        onNone: () => Effect.void,
        onSome: ({ process, summary: { runId } }) =>
          Effect.flatMap(isRunning(runId, process), (isSo) =>
            isSo
              ? Effect.fail(new RunInProgress({ runId, ...(process?.pid === undefined ? {} : { pid: process.pid }) }))
              : Effect.void
          )
      }
    )

  const list = Effect.gen(function* () {
    const kept = yield* memory.list
    const directory = yield* runs
    if (Option.isNone(directory)) return kept
    const names = yield* Effect.orElseSucceed(fs.readDirectory(directory.value), () => [])
    const onDisk = yield* Effect.forEach(
      names.filter((name) => name.endsWith(ending)),
      (name) =>
        Effect.gen(function* () {
          const text = yield* ByteLimits.readText(fs, path.join(directory.value, name), limits.journal)
          const { process, summary } = yield* RunSummary.ofLines(text.split("\n"))
          return running(summary, yield* isRunning(summary.runId, process))
        }).pipe(Effect.option),
      { concurrency: 8 }
    )
    return RunSummary.newestFirst([...kept, ...onDisk.flatMap(Option.toArray)])
  })

  /** Removes the oldest runs when there are too many. */
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

  const read = (runId: string) =>
    fileOf(runId).pipe(
      Effect.flatMap((file) => Effect.mapError(ByteLimits.readText(fs, file, limits.journal), unread(runId))),
      Effect.map(eventsIn),
      Effect.catchIf(
        ({ most }) => most === undefined,
        () => memory.read(runId)
      ),
      Effect.filterOrFail((events) => events.length > 0, notFound(runId))
    )

  return RunJournal.of({
    open: Effect.fnUntraced(function* (runId, after) {
      const isNew = after === undefined
      const directory = Option.orElse(yield* folder("runs"), () => (isNew ? Option.none() : where("runs")))
      if (Option.isNone(directory)) return yield* memory.open(runId)
      const { append } = yield* AppendedFile.make(fs, fileIn(directory.value, runId))
      const unopened = isNew ? yield* append("") : undefined
      if (unopened !== undefined) {
        // its id is a promise, which memory keeps only while this process lives
        if (yield* MustBeKept) return () => Effect.succeed(unopened)
        // what is only in memory nobody resumes; a run that is on disk must not go on beside it
        yield* Effect.logWarning("The journal of this run cannot be written, so it cannot be resumed.", {
          directory: directory.value
        })
        return yield* memory.open(runId)
      }
      yield* open.while(runId)
      yield* prune(directory.value)
      const warnOnce = yield* Effect.once(
        Effect.logWarning("The journal of this run cannot be written. What it would hold is kept, and written later.", {
          directory: directory.value
        })
      )
      return (events) =>
        Effect.tap(append(events.map((event) => EventLine.stored(event, limits.journalLine)).join("")), (why) =>
          why === undefined ? Effect.void : Effect.annotateLogs(warnOnce, { cause: why })
        )
    }),
    read,
    follow: RunFollowing.of(read),
    list,
    find: Effect.fnUntraced(function* (text) {
      const directory = yield* runs
      const names = Option.isNone(directory)
        ? []
        : yield* Effect.orElseSucceed(fs.readDirectory(directory.value), () => [])
      const ids = names.flatMap((name) => (name.endsWith(ending) ? [name.slice(0, -ending.length)] : []))
      const others = (yield* memory.list).map(({ runId }): string => runId)
      const newest = text === "last" ? (yield* list)[0]?.runId : undefined
      return yield* RunIds.meant(text, [...ids, ...others], newest)
    }),
    idle: (events) => Effect.suspend(() => idle(RunSummary.ofEvents(events))),
    remove: (runId) =>
      Effect.gen(function* () {
        const file = yield* fileOf(runId)
        const text = yield* Effect.mapError(fs.readFileString(file), notFound(runId))
        yield* idle(RunSummary.ofLines(text.split("\n")))
        yield* Effect.mapError(fs.remove(file), notFound(runId))
      }).pipe(Effect.catchTag("RunNotFound", () => memory.remove(runId))),
    unkept: Effect.map(Effect.either(writable("runs")), Either.getLeft),
    process: Option.some(identity)
  })
})

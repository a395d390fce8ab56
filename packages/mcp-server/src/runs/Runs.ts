/**
 * The runs of this process, each of which continues whether or not somebody waits for it, and those of other processes,
 * from their journals.
 */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { type AgentError, AgentLoop, type AgentTask, type Resumption } from "@lms-bridge/core/AgentLoop"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Settings } from "@lms-bridge/core/Settings"
import * as RateLimits from "../protocol/RateLimits.ts"
import * as KeptRuns from "./KeptRuns.ts"
import type { Handle, OwnHandle } from "./RunHandle.ts"
import * as RunReport from "./RunReport.ts"
import type { Line } from "./RunProgress.ts"

/** No run of that id, here or in a journal. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  runId: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    return `There is no run "${this.runId}". ${this.known.length === 0 ? "There are none yet." : `The newest: ${this.known.join(", ")}.`}`
  }
}

type Needed = AgentLoop | RunJournal | Settings

export class Runs extends Context.Tag("@lms-bridge/mcp-server/Runs")<
  Runs,
  {
    /** Fails with what would prevent the task from starting, as far as that is known beforehand. */
    readonly check: (task: AgentTask) => Effect.Effect<void, AgentError>
    /** Starts a run that outlives its caller. Fails if the run ends before its first event. */
    readonly start: (
      task: AgentTask,
      listen?: (line: Line) => Effect.Effect<void>
    ) => Effect.Effect<OwnHandle, AgentError>
    /** Resumes a kept run here. */
    readonly resume: (runId: string, how?: Resumption) => Effect.Effect<OwnHandle, AgentError>
    readonly get: (runId: string) => Effect.Effect<Handle, RunNotFound>
    /** The runs of this process, oldest first. */
    readonly here: Effect.Effect<ReadonlyArray<RunReport.Record>>
    /** Work that outlives its caller, such as several runs in turn. */
    readonly keep: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
    /** Newest first, including those of other processes. */
    readonly list: Effect.Effect<ReadonlyArray<RunReport.Listed>>
    /** Which runs change, from now on; deltas of text and reasoning do not count. */
    readonly changes: Stream.Stream<{ readonly runId: string; readonly begins: boolean }>
  }
>() {
  /** The runs end with the scope. */
  static readonly make: Effect.Effect<Context.Tag.Service<Runs>, never, Needed | Scope.Scope> = Effect.gen(
    function* () {
      const loop = yield* AgentLoop
      const journal = yield* RunJournal
      const limits = yield* RateLimits.make
      // the scope of this service, not the one in which a run is started
      const fibers = yield* FiberSet.make<void, AgentError>()
      const scope = yield* Effect.scope
      const changes = yield* PubSub.sliding<{ readonly runId: string; readonly begins: boolean }>(256)
      const handles = yield* Ref.make<ReadonlyMap<string, OwnHandle>>(new Map())

      /** The events of a resumed run until then; its journal may have later ones already. */
      const pastOf = ({ runId, seq }: AgentEvent) =>
        Effect.map(
          Effect.orElseSucceed(journal.read(runId), () => []),
          (all) => all.filter((event) => event.seq < seq)
        )

      const remember = (runId: string, handle: OwnHandle) =>
        Ref.update(handles, (all) => new Map([...[...all].slice(-(mostRuns - 1)), [runId, handle]]))

      const carryOut = Effect.fnUntraced(function* (
        run: Stream.Stream<AgentEvent, AgentError>,
        listen?: (line: Line) => Effect.Effect<void>
      ) {
        const began = yield* Deferred.make<RunReport.Record, AgentError>()
        const ended = yield* Deferred.make<RunReport.Record, AgentError>()
        const current = yield* Ref.make<Option.Option<RunReport.Record>>(Option.none())
        const events = yield* Ref.make<ReadonlyArray<AgentEvent>>([])
        const listener = yield* Ref.make(listen ?? (() => Effect.void))

        const on = Effect.fnUntraced(function* (event: AgentEvent) {
          if (kept(event)) yield* Ref.update(events, (all) => [...all.slice(-(mostEvents - 1)), event])
          const record = yield* Ref.get(current)
          if (Option.isNone(record)) {
            if (event._tag !== "RunStarted" && event._tag !== "RunResumed") return
            const past = event._tag === "RunResumed" ? yield* pastOf(event) : []
            yield* Ref.update(events, (all) => [...past, ...all].slice(-mostEvents))
            const first = RunReport.ofEvents([...past, event])
            if (first === undefined) return
            yield* Ref.set(current, Option.some(first))
            yield* Deferred.succeed(began, first)
            return
          }
          const [next, line] = RunReport.evolve(record.value, event)
          yield* Ref.set(current, Option.some(next))
          yield* Effect.flatMap(Ref.get(listener), (hear) => hear(line))
          if (kept(event)) yield* PubSub.publish(changes, { runId: event.runId, begins: false })
        })

        const settle = Effect.fnUntraced(function* (exit: Exit.Exit<void, AgentError>) {
          const at = yield* Clock.currentTimeMillis
          const record = yield* Ref.modify(current, (record) => {
            const closed = Option.map(record, (open) => (RunReport.hasEnded(open) ? open : close(open, exit, at)))
            return [closed, closed]
          })
          const done: Exit.Exit<RunReport.Record, AgentError> =
            Option.isSome(record) && (Exit.isSuccess(exit) || Exit.isInterrupted(exit))
              ? Exit.succeed(record.value)
              : Exit.failCause(Exit.isFailure(exit) ? exit.cause : Cause.die("a run ended without having begun"))
          yield* Deferred.done(began, done)
          yield* Deferred.done(ended, done)
          if (Option.isNone(record)) return
          yield* PubSub.publish(changes, { runId: record.value.account.runId, begins: false })
        })

        const fiber = yield* run.pipe(Stream.runForEach(on), Effect.onExit(settle), FiberSet.run(fibers))
        const first = yield* Effect.onInterrupt(Deferred.await(began), () => Fiber.interrupt(fiber))
        const record = Effect.map(Ref.get(current), (record) => Option.getOrElse(record, () => first))
        const handle: OwnHandle = {
          record,
          events: Ref.get(events),
          await: Deferred.await(ended),
          detach: Ref.set(listener, () => Effect.void),
          cancel: Effect.zipRight(Fiber.interrupt(fiber), record)
        }
        const { runId } = first.account
        yield* remember(runId, handle)
        yield* PubSub.publish(changes, { runId, begins: true })
        return handle
      })

      const here = Effect.flatMap(Ref.get(handles), (all) => Effect.forEach(all.values(), ({ record }) => record))

      const list = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const all = yield* Ref.get(handles)
        const kept = (yield* journal.list).filter(({ runId }) => !all.has(runId))
        return [
          ...(yield* here).map((record) => RunReport.brief(record, now)),
          ...kept.map((summary) => KeptRuns.listed(summary, now))
        ].toSorted((a, b) => b.startedAt - a.startedAt)
      })

      return Runs.of({
        check: loop.check,
        start: Effect.fn("Runs.start")((task: AgentTask, listen?: (line: Line) => Effect.Effect<void>) =>
          Effect.zipRight(limits.run, carryOut(loop.run(task), listen))
        ),
        resume: Effect.fn("Runs.resume")((runId: string, how?: Resumption) =>
          Effect.zipRight(limits.run, carryOut(loop.resume(runId, how)))
        ),
        here,
        keep: Effect.forkIn(scope),
        get: Effect.fnUntraced(function* (runId: string) {
          const here = (yield* Ref.get(handles)).get(runId)
          const found = here === undefined ? yield* KeptRuns.find(loop, journal, runId) : Option.some(here)
          if (Option.isSome(found)) return found.value
          return yield* new RunNotFound({ runId, known: (yield* list).slice(0, 5).map(({ runId }) => runId) })
        }),
        changes: Stream.fromPubSub(changes),
        list
      })
    }
  )
  static readonly layer: Layer.Layer<Runs, never, Needed> = Layer.scoped(this, this.make)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Older ones are dropped: a server may run for weeks. */
const mostRuns = 100
const mostEvents = 2000

/** Deltas are not kept, because the whole text follows. */
const kept = (event: AgentEvent) => event._tag !== "TextDelta" && event._tag !== "ReasoningDelta"

const problemOf = (cause: Cause.Cause<AgentError>) =>
  Option.match(Cause.failureOption(cause), {
    onSome: ({ _tag, message }) => ({ tag: _tag, message }),
    onNone: () => ({ tag: "InternalError", message: "lms-bridge made a mistake; its log on stderr has the details." })
  })

const close = (record: RunReport.Record, exit: Exit.Exit<void, AgentError>, at: number): RunReport.Record => ({
  ...record,
  closed: Exit.match(exit, {
    onSuccess: () => ({
      _tag: "Refused" as const,
      problem: { tag: "RunFailed", message: "The run ended without an outcome." },
      at
    }),
    onFailure: (cause) =>
      Exit.isInterrupted(exit)
        ? { _tag: "Stopped" as const, at }
        : { _tag: "Refused" as const, problem: problemOf(cause), at }
  })
})

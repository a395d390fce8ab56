/**
 * The loop of those who hand runs in: what it runs is carried out by a worker, and its events come from the journal. Whoever
 * uses it asks its person as always; the answer goes to the worker.
 */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { AgentLoop, CurrentApprover, SkillsTravel, type AgentError, type AgentTask } from "@lms-bridge/core/AgentLoop"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import type { PersistedQueueFactory } from "@effect/experimental/PersistedQueue"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { CurrentSubmission } from "./Journal.ts"
import * as Submissions from "./Submissions.ts"

type Needs = WorkflowEngine | PersistedQueueFactory | SqlClient | RunJournal

export const layer: Layer.Layer<AgentLoop, never, AgentLoop | Needs> = Layer.effect(
  AgentLoop,
  Effect.gen(function* () {
    const here = yield* AgentLoop
    const context = yield* Effect.context<Needs>()
    const { idle, read } = Context.get(context, RunJournal)
    const begin = Effect.fnUntraced(function* (task: AgentTask) {
      const caller = yield* CurrentCaller
      const given = yield* CurrentSubmission
      const submission = Option.getOrElse(given, () => ({ caller, priority: 0, host: Option.none() }))
      const runId = yield* here
        .begin(task)
        .pipe(
          Effect.provideService(CurrentSubmission, Option.some(submission)),
          Effect.provideService(SkillsTravel, true)
        )
      yield* Effect.provide(Effect.flatMap(Submissions.find(runId), Submissions.execute), context)
      return runId
    })
    return AgentLoop.of({
      check: () => Effect.void,
      begin,
      run: (task) =>
        Stream.unwrap(Effect.map(begin(task), (runId) => Stream.provideContext(followed(runId, -1), context))),
      resume: (runId, how = {}) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const events = yield* read(runId)
            yield* idle(events)
            const last = events.at(-1)?.seq ?? 0
            const isThere = yield* Effect.provide(Submissions.isThere(runId), context)
            if (!isThere) return here.resume(runId, how)
            yield* Effect.provide(Submissions.again(runId, last, how), context)
            return Stream.provideContext(followed(runId, last), context)
          })
        ),
      cancel: (runId) =>
        Effect.flatMap(Effect.provide(Submissions.isThere(runId), context), (isThere) =>
          isThere ? Effect.asVoid(Effect.provide(Submissions.cancel(runId), context)) : here.cancel(runId)
        )
    })
  })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Whether this process was told to end: then its runs go on, while whoever goes away otherwise cancels. */
const isEnding = (() => {
  let isSo = false
  process.once("SIGTERM", () => (isSo = true))
  return () => isSo
})()

/** The events until the run has ended for good: a host that failed is not the end. */
const followed = (runId: string, after: number): Stream.Stream<AgentEvent, AgentError, Needs> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const journal = yield* RunJournal
      const approver = yield* CurrentApprover
      const context = yield* Effect.context<Needs>()
      const told = new Set<number>()

      const ask = Effect.fnUntraced(function* (asked: number) {
        const event = (yield* journal.read(runId)).find(({ seq }) => seq === asked)
        if (event?._tag !== "ApprovalAsked" || Option.isNone(approver) || told.has(asked)) return
        told.add(asked)
        const { arguments: args, callId, reason, server, tool } = event
        const call = { runId: event.runId, callId, asked }
        const said = yield* approver.value({ server, tool, arguments: args, reason, call })
        yield* Submissions.answer(runId, asked, said === true)
      })

      const look = Effect.fnUntraced(function* (seen: { readonly after: number; readonly wait: boolean }) {
        if (seen.wait) yield* Effect.sleep("300 millis")
        const { asked, state } = yield* Submissions.find(runId)
        // the question has been seen before it is put
        if (state === "waiting" && asked !== null && asked <= seen.after) yield* ask(asked)
        const events = (yield* journal.read(runId)).filter(({ seq }) => seq > seen.after)
        const next = { after: events.at(-1)?.seq ?? seen.after, wait: true }
        return [Chunk.fromIterable(events), state === "ended" ? Option.none() : Option.some(next)] as const
      })

      return Stream.paginateChunkEffect({ after, wait: false }, look).pipe(
        Stream.ensuringWith((exit) =>
          Exit.isInterrupted(exit)
            ? Effect.suspend(() =>
                isEnding() ? Effect.void : Effect.ignore(Effect.provide(Submissions.cancel(runId), context))
              )
            : Effect.void
        )
      )
    })
  )

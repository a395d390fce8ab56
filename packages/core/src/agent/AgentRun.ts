/**
 * One run: carries out what the rules decide, and tells everything that happens as events. No rule of the loop is here.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Values } from "../configuration/Settings.ts"
import type { McpRegistry } from "../mcp/McpRegistry.ts"
import type { ModelLifecycle } from "../models/ModelLifecycle.ts"
import { makeRunId, withRun } from "../observability/Correlation.ts"
import { decide, remainingMillis } from "./AgentDecision.ts"
import type { AgentEvent } from "./AgentEvent.ts"
import type { AgentError } from "./AgentLoop.ts"
import { evolve, rebuilt } from "./AgentEvolution.ts"
import * as Artifacts from "./Artifacts.ts"
import { RunNotFound, type RunJournal } from "./RunJournal.ts"
import { textOf } from "./ToolResultText.ts"
import { initial, type AgentState } from "./AgentState.ts"
import type { AgentTask } from "./AgentTask.ts"
import { CurrentLoopPolicy } from "./LoopPolicy.ts"
import { stopped } from "./ModelFailure.ts"
import { ask } from "./ModelTurn.ts"
import type { Policies, PolicyInvalid } from "./PolicyFile.ts"
import { prepare, type Prepared } from "./Preparation.ts"
import * as RunLog from "./RunLog.ts"
import type { ToolNearness } from "./ToolNearness.ts"
import { CurrentToolPolicy } from "./ToolPolicy.ts"
import { runCalls } from "./ToolTurn.ts"

/**
 * What a run works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly lifecycle: Context.Tag.Service<typeof ModelLifecycle>
  readonly registry: Context.Tag.Service<typeof McpRegistry>
  readonly nearness: Context.Tag.Service<typeof ToolNearness>
  readonly journal: Context.Tag.Service<typeof RunJournal>
  readonly settings: Values
  /** The user's, which win over those of the caller. */
  readonly policies: Effect.Effect<Option.Option<Policies>, PolicyInvalid>
}

/**
 * A run as the stream of its events. It goes on in a fiber of the stream's scope, so whoever stops reading stops it, and
 * has waited for everything beneath it to end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (services: Services, task: AgentTask): Stream.Stream<AgentEvent, AgentError> =>
  begin(
    services,
    Effect.gen(function* () {
      const runId = yield* makeRunId
      const history = task.follows === undefined ? undefined : yield* historyOf(services.journal, task.follows)
      const at = yield* Clock.currentTimeMillis
      const started: AgentEvent = {
        _tag: "RunStarted",
        task,
        runId,
        seq: 0,
        at,
        ...(history === undefined ? {} : { history }),
        ...Option.match(services.journal.process, { onNone: () => ({}), onSome: (process) => ({ process }) })
      }
      return { started, state: initial(started), past: [] }
    })
  )

/**
 * Takes a run up again where its journal ends, with other budgets if they are given. Budgets hold for the run as a
 * whole; time in which it did not run does not count.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resume = (
  services: Services,
  runId: string,
  budgets?: AgentTask["budgets"]
): Stream.Stream<AgentEvent, AgentError> =>
  begin(
    services,
    Effect.gen(function* () {
      const past = yield* services.journal.read(runId)
      yield* services.journal.idle(past)
      const before = yield* replayed(runId, past)
      const at = yield* Clock.currentTimeMillis
      const started: AgentEvent = {
        _tag: "RunResumed",
        task: budgets === undefined ? before.task : { ...before.task, budgets },
        runId: past[0]?.runId ?? (yield* makeRunId),
        seq: (past.at(-1)?.seq ?? 0) + 1,
        at,
        ...Option.match(services.journal.process, { onNone: () => ({}), onSome: (process) => ({ process }) })
      }
      return { started, state: evolve(before, started), past }
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const begin = (
  services: Services,
  start: Effect.Effect<
    { readonly started: AgentEvent; readonly state: AgentState; readonly past: ReadonlyArray<AgentEvent> },
    AgentError
  >
): Stream.Stream<AgentEvent, AgentError> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { past, started, state } = yield* start
      const policies = yield* services.policies
      const { runId } = started
      const events = yield* Mailbox.make<AgentEvent, AgentError>()
      const write = yield* services.journal.open(runId)
      yield* write([started])
      const offer = (event: AgentEvent) => void events.unsafeOffer(event)
      offer(started)
      const log = RunLog.make({ runId, state, seq: started.seq + 1, unwritten: [], offer, write })
      const artifacts = Artifacts.makeStore()
      for (const event of past) {
        if (event._tag === "ToolCallFinished" && event.artifact !== undefined && event.result !== undefined) {
          artifacts.put(event.artifact, textOf(event.result))
        }
      }
      yield* carryOut(services, log, artifacts).pipe(
        (run) => Option.match(policies, { onNone: () => run, onSome: (found) => under(found)(run) }),
        Effect.scoped,
        // a run that is stopped on purpose loses nothing
        Effect.ensuring(log.flush),
        Effect.withSpan("AgentLoop.run"),
        withRun(runId),
        Mailbox.into(events),
        Effect.forkScoped
      )
      return Mailbox.toStream(events)
    })
  )

const under =
  ({ loop, tools }: Policies) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    self.pipe(Effect.provideService(CurrentToolPolicy, tools), Effect.provideService(CurrentLoopPolicy, loop))

const replayed = (runId: string, events: ReadonlyArray<AgentEvent>): Effect.Effect<AgentState, RunNotFound> =>
  Effect.mapError(rebuilt(events), () => new RunNotFound({ runId }))

/** What was said in another run, up to a turn that is complete. */
const historyOf = Effect.fnUntraced(function* (
  journal: Services["journal"],
  { events, run: runId }: NonNullable<AgentTask["follows"]>
) {
  const state = yield* replayed(runId, (yield* journal.read(runId)).slice(0, events))
  const { messages } = state
  const last = messages.at(-1)
  const open = last?.role === "assistant" && last.toolCalls.length > 0
  return open ? messages.slice(0, -1) : messages
})

const carryOut = Effect.fnUntraced(function* (
  services: Services,
  log: RunLog.RunLog,
  artifacts: Artifacts.ArtifactStore
): Effect.fn.Return<void, AgentError, Scope.Scope> {
  const policy = yield* CurrentLoopPolicy
  let prepared: Prepared | undefined
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const decision = decide(log.state, now)
    if (decision._tag === "Finish") return yield* log.tell({ _tag: "RunFinished", outcome: decision.outcome })
    if (decision._tag === "Emit") {
      yield* Effect.forEach(decision.events, log.tell, { discard: true })
      continue
    }
    const left = remainingMillis(log.state, now)
    const limit = decision._tag === "AskModel" && decision.final ? policy.wrapUp : left
    if (decision._tag === "Prepare" || prepared === undefined) {
      const made: Option.Option<Prepared> = yield* within(prepare(services, policy, log, artifacts), limit)
      prepared = Option.getOrUndefined(made)
      if (prepared === undefined && decision._tag === "AskModel") yield* unanswered(log, decision)
      continue
    }
    // what it means that the time is over is for the rules to say
    yield* decision._tag === "AskModel"
      ? ask(log, prepared, decision, limit)
      : within(runCalls(services, policy, log, prepared, decision), left)
  }
})

/** A run that was taken up again had no time to get its model back. */
const unanswered = (log: RunLog.RunLog, { final, round }: { readonly round: number; readonly final: boolean }) =>
  Effect.zipRight(
    log.tell({ _tag: "RoundStarted", round, final }),
    log.tell({ _tag: "ModelFailed", round, partial: "", ...stopped })
  )

const within = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  limit: Duration.DurationInput
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.timeoutTo(self, { duration: limit, onSuccess: Option.some, onTimeout: Option.none })

/**
 * One run: carries out what the rules decide, and tells everything that happens as events. No rule of the loop is here.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { present } from "../../schema/Fields.ts"
import { makeRunId, withRun } from "../../observability/Correlation.ts"
import { decide, type Decision, remainingMillis } from "../rules/Decide.ts"
import type { AgentEvent, Problem } from "../rules/AgentEvent.ts"
import type { AgentError } from "../AgentLoop.ts"
import { evolve, rebuilt } from "../rules/Evolve.ts"
import * as Artifacts from "../tools/Artifacts.ts"
import { RunNotFound } from "../../runs/RunJournal.ts"
import { textOf } from "../tools/ToolResultText.ts"
import { initial, type AgentState } from "../rules/AgentState.ts"
import type { AgentTask } from "../AgentTask.ts"
import { CurrentLoopPolicy } from "../LoopPolicy.ts"
import { CurrentRun, type Services } from "./CurrentRun.ts"
import { stopped } from "./ModelFailure.ts"
import { ask } from "./ModelTurn.ts"
import type { Policies } from "../policy/PolicyFile.ts"
import { prepare, type Prepared } from "./Preparation.ts"
import * as RunLog from "./RunLog.ts"
import { CurrentToolPolicy } from "../policy/ToolPolicy.ts"
import { runCalls } from "./ToolTurn.ts"

/**
 * A run as the stream of its events. It goes on in a fiber of the stream's scope, so whoever stops reading stops it, and
 * has waited for everything beneath it to end.
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
        ...present({ history }),
        ...Option.match(services.journal.process, { onNone: () => ({}), onSome: (process) => ({ process }) })
      }
      return { started, state: initial(started), past: [] }
    })
  )

/**
 * Takes a run up again where its journal ends, with other budgets if they are given. Budgets hold for the run as a
 * whole; time in which it did not run does not count. What is approved besides holds until it stops again.
 */
export const resume = (
  services: Services,
  runId: string,
  budgets?: AgentTask["budgets"],
  approved: ReadonlyArray<string> = []
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
        task: resumedTask(past, before.task, budgets, approved),
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
      const log = RunLog.make({ runId, state, seq: started.seq + 1, offer, write })
      const artifacts = Artifacts.makeStore()
      for (const event of past) {
        if (event._tag === "ToolCallFinished" && event.artifact !== undefined && event.result !== undefined) {
          artifacts.put(event.artifact, textOf(event.result))
        }
      }
      yield* Effect.flatMap(CurrentLoopPolicy, (policy) =>
        Effect.provideService(carryOut, CurrentRun, { services, policy, log, artifacts })
      ).pipe(
        (run) => Option.match(policies, { onNone: () => run, onSome: (found) => under(found)(run) }),
        Effect.scoped,
        // whoever reads the journal later is to learn why, too
        Effect.tapErrorCause((cause) =>
          Cause.isInterruptedOnly(cause) ? Effect.void : log.tell({ _tag: "RunFailed", problem: problemOf(cause) })
        ),
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

const problemOf = (cause: Cause.Cause<AgentError>): Problem =>
  Option.match(Cause.failureOption(cause), {
    onSome: ({ _tag, message }) => ({ tag: _tag, message }),
    onNone: () => ({ tag: "InternalError", message: "lms-bridge made a mistake; its log has the details." })
  })

const replayed = (runId: string, events: ReadonlyArray<AgentEvent>): Effect.Effect<AgentState, RunNotFound> =>
  Effect.mapError(rebuilt(events), () => new RunNotFound({ runId }))

/** Consent that was given to an earlier part of the run does not hold for this one. */
const resumedTask = (
  [first]: ReadonlyArray<AgentEvent>,
  { approvedTools: _earlier, ...task }: AgentTask,
  budgets: AgentTask["budgets"] = task.budgets,
  approved: ReadonlyArray<string>
): AgentTask => {
  const own = first?._tag === "RunStarted" ? first.task.approvedTools : undefined
  return {
    ...task,
    budgets,
    ...(own === undefined && approved.length === 0 ? {} : { approvedTools: [...(own ?? []), ...approved] })
  }
}

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

const carryOut: Effect.Effect<void, AgentError, CurrentRun | Scope.Scope> = Effect.gen(function* () {
  const { log, policy } = yield* CurrentRun
  const work: Work = { prepared: undefined, pieces: [] }
  const preparation = Effect.tap(prepare, (prepared) => Effect.sync(() => (work.prepared = prepared)))
  const asked = (prepared: Prepared, decision: AskModel) =>
    Effect.suspend(() => ask(prepared, decision, (work.pieces = [])))

  /** All steps up to the last reply, which has a time of its own. */
  const ordinary = Effect.gen(function* () {
    for (;;) {
      const decision = decide(log.state, yield* Clock.currentTimeMillis)
      if (isLast(decision)) return
      if (decision._tag === "Emit") yield* emit(log, decision)
      else if (decision._tag === "Prepare" || work.prepared === undefined) yield* preparation
      else if (decision._tag === "AskModel") yield* asked(work.prepared, decision)
      else yield* runCalls(work.prepared, decision)
    }
  })

  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const decision = decide(log.state, now)
    if (decision._tag === "Finish") return yield* log.tell({ _tag: "RunFinished", outcome: decision.outcome })
    if (decision._tag === "Emit") yield* emit(log, decision)
    else if (isLast(decision)) {
      // a run that was taken up again has yet to get its model back
      if (work.prepared === undefined) yield* within(Effect.asVoid(preparation), policy.wrapUp)
      const { prepared } = work
      if (prepared !== undefined) yield* within(asked(prepared, decision), policy.wrapUp)
      // time may be over before the request is sent
      const { round } = decision
      const { turn } = log.state
      // a failed ordinary request is asked again without a step in between
      if (turn._tag === "Ask" || (turn._tag === "Failed" && !turn.final))
        yield* log.tell({ _tag: "RoundStarted", round, final: true })
      yield* unanswered(log, work)
    } else {
      yield* within(ordinary, remainingMillis(log.state, now))
      // what it means that the time is over is for the rules to say
      yield* unanswered(log, work)
    }
  }
})

type AskModel = Extract<Decision, { readonly _tag: "AskModel" }>
type Finish = Extract<Decision, { readonly _tag: "Finish" }>

interface Work {
  prepared: Prepared | undefined
  /** What the reply to the newest request has brought. */
  pieces: Array<string>
}

/** What the limit of the ordinary steps does not hold for. */
const isLast = (decision: Decision): decision is (AskModel & { readonly final: true }) | Finish =>
  decision._tag === "Finish" || (decision._tag === "AskModel" && decision.final)

const emit = (log: RunLog.RunLog, { events }: Extract<Decision, { readonly _tag: "Emit" }>) =>
  Effect.forEach(events, log.tell, { discard: true })

/** A request that was on its way when the time was over. */
const unanswered = (log: RunLog.RunLog, { pieces }: Work) =>
  Effect.suspend(() => {
    const { turn } = log.state
    return turn._tag === "Asking"
      ? log.tell({ _tag: "ModelFailed", round: turn.round, partial: pieces.join(""), ...stopped })
      : Effect.void
  })

const within = <E, R>(self: Effect.Effect<void, E, R>, limit: Duration.DurationInput): Effect.Effect<void, E, R> =>
  Effect.timeoutTo(self, { duration: limit, onSuccess: () => {}, onTimeout: () => {} })

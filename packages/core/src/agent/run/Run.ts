/**
 * One run: carries out what the rules decide, and reports everything that happens as events. It contains no rule of the
 * loop.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { present } from "../../schema/Fields.ts"
import * as Attributes from "../../observability/Attributes.ts"
import { makeRunId, withRun } from "../../observability/Correlation.ts"
import { decide, type Decision, late } from "../rules/Decide.ts"
import type { AgentEvent, AgentEventBody, AgentOutcome, Problem } from "../rules/AgentEvent.ts"
import type { AgentError } from "../AgentError.ts"
import { evolve, rebuilt } from "../rules/Evolve.ts"
import { isOfTheHost } from "../../models/Faults.ts"
import * as Artifacts from "../tools/Artifacts.ts"
import { SkillsTravel } from "../../skills/SkillsTravel.ts"
import * as SkillTool from "../tools/SkillTool.ts"
import * as LogLines from "../../runs/LogLines.ts"
import { RunNotFound } from "../../runs/RunJournal.ts"
import { RunReaders } from "../../runs/RunReaders.ts"
import { textOf } from "../tools/ToolResultText.ts"
import { initial, type AgentState } from "../rules/AgentState.ts"
import type { AgentTask } from "../AgentTask.ts"
import { CurrentLoopPolicy } from "../LoopPolicy.ts"
import { DataFolderUnwritable } from "../../machine/StateDirectory.ts"
import { MustBeKept } from "../MustBeKept.ts"
import { HandedOn, putOff } from "../HandedOn.ts"
import { StopBetweenSteps } from "../StopBetweenSteps.ts"
import type { Answer } from "../policy/Approval.ts"
import { CurrentRun, type Services } from "./CurrentRun.ts"
import { ask } from "./ModelTurn.ts"
import type { Policies } from "../policy/PolicyFile.ts"
import { prepare, type Prepared } from "./Preparation.ts"
import * as RunLog from "./RunLog.ts"
import { CurrentToolPolicy } from "../policy/ToolPolicy.ts"
import { runCalls } from "./ToolTurn.ts"

/**
 * A run as the stream of its events. It runs in a fiber of the stream's scope, so closing the stream stops it and waits
 * until everything beneath it has ended.
 */
export const run = (services: Services, task: AgentTask): Stream.Stream<AgentEvent, AgentError> =>
  carriedOut(
    services,
    Effect.map(start(services, task), (started) => ({
      started: { ...started, ...byThisProcess(services) },
      state: initial(started),
      past: [],
      answers: new Map()
    }))
  )

/** Stores the start of a run that `resume` carries out, here or elsewhere: the start names no process. */
export const begin = Effect.fn("AgentLoop.begin")(function* (services: Services, task: AgentTask) {
  const started = yield* start(services, task)
  const write = yield* services.journal.open(started.runId)
  yield* write([started])
  return started.runId
}, Effect.scoped)

/** How a run is resumed; without anything as it was. */
export interface Resumption {
  readonly budgets?: AgentTask["budgets"] | undefined
  /** Added to the task's approvals until the run stops again. */
  readonly approved?: ReadonlyArray<string> | undefined
  /** Replaces the task's. */
  readonly contextLength?: number | undefined
  /** To questions about calls that the run has asked; one that has been overtaken by events is not used. */
  readonly answers?: ReadonlyArray<Answer> | undefined
}

/** Resumes a run from the end of its journal. Budgets apply to the run as a whole; the time in which it was stopped does not count. */
export const resume = (
  services: Services,
  runId: string,
  { answers = [], approved = [], budgets, contextLength }: Resumption = {}
): Stream.Stream<AgentEvent, AgentError> =>
  carriedOut(
    services,
    Effect.gen(function* () {
      const past = yield* services.journal.read(runId)
      yield* services.journal.idle(past)
      const before = yield* replayed(runId, past)
      const at = yield* Clock.currentTimeMillis
      const started: AgentEvent = {
        _tag: "RunResumed",
        task: { ...resumedTask(past, before.task, budgets, approved), ...present({ contextLength }) },
        runId: past[0]?.runId ?? (yield* makeRunId),
        seq: (past.at(-1)?.seq ?? 0) + 1,
        at,
        ...byThisProcess(services)
      }
      return { started, state: evolve(before, started), past, answers: applicable(past, answers) }
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const byThisProcess = ({ journal }: Services) =>
  Option.match(journal.process, { onNone: () => ({}), onSome: (process) => ({ process }) })

const start = Effect.fnUntraced(function* ({ journal, settings, skills }: Services, task: AgentTask) {
  const runId = yield* makeRunId
  const chosen = yield* task.skills === undefined ? skills.lasting(settings.skills) : skills.chosen(task.skills)
  const lines = chosen.map(({ description, name, path }) => ({ name, description, path }))
  const named = Array.isArray(task.skills) ? yield* SkillTool.given(lines, skills) : lines
  const open = (yield* SkillsTravel) ? yield* SkillTool.packed(named, skills) : named
  const history = task.follows === undefined ? undefined : yield* historyOf(journal, task.follows)
  const at = yield* Clock.currentTimeMillis
  return {
    _tag: "RunStarted",
    task,
    runId,
    seq: 0,
    at,
    ...(open.length === 0 ? {} : { skills: open }),
    ...present({ history })
  } as const
})

/** Those to the last question about a call, unless the call has run since: whether it ran is another question. */
const applicable = (past: ReadonlyArray<AgentEvent>, answers: ReadonlyArray<Answer>): ReadonlyMap<string, Answer> => {
  const given = new Map(answers.map((answer) => [answer.asked, answer]))
  const open = new Map<string, Answer>()
  for (const event of past) {
    if (event._tag === "ToolCallStarted") open.delete(event.callId)
    if (event._tag !== "ApprovalAsked") continue
    const answer = given.get(event.seq)
    if (answer === undefined) open.delete(event.callId)
    else open.set(event.callId, answer)
  }
  return open
}

const carriedOut = (
  services: Services,
  beginning: Effect.Effect<
    {
      readonly started: AgentEvent
      readonly state: AgentState
      readonly past: ReadonlyArray<AgentEvent>
      readonly answers: ReadonlyMap<string, Answer>
    },
    AgentError
  >
): Stream.Stream<AgentEvent, AgentError> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { answers, past, started, state } = yield* beginning
      const policies = yield* services.policies
      const { runId } = started
      const events = yield* Mailbox.make<AgentEvent, AgentError>()
      const write = yield* services.journal.open(runId, past.at(-1)?.seq)
      const unstored = yield* write([started])
      if (unstored !== undefined && started._tag === "RunStarted" && (yield* MustBeKept)) {
        // what is written of it later must not look like a run that was stopped
        yield* Effect.ignore(services.journal.remove(runId))
        const directory = Option.getOrElse(services.settings.dataDir, () => "~/.lms-bridge")
        return yield* new DataFolderUnwritable({ directory, detail: unstored })
      }
      const readers = (yield* RunReaders).map((make) => make())
      const offer = (event: AgentEvent) => {
        for (const reader of readers) reader.on(event)
        events.unsafeOffer(event)
      }
      offer(started)
      yield* withRun(runId)(LogLines.log(LogLines.of(started)))
      const log = yield* RunLog.make({ runId, state, seq: started.seq + 1, offer, write })
      const isHandedOn = yield* HandedOn
      const artifacts = Artifacts.makeStore()
      for (const event of past) {
        if (event._tag === "ToolCallFinished" && event.artifact !== undefined && event.result !== undefined) {
          artifacts.put(event.artifact, textOf(event.result))
        }
      }
      yield* Effect.flatMap(CurrentLoopPolicy, (policy) =>
        Effect.provideService(carryOut, CurrentRun, { services, policy, log, artifacts, answers })
      ).pipe(
        (run) => Option.match(policies, { onNone: () => run, onSome: (found) => under(found)(run) }),
        Effect.scoped,
        // so that later readers of the journal know why too
        Effect.tapErrorCause((cause) => {
          if (Cause.isInterruptedOnly(cause)) return Effect.void
          const problem = problemOf(cause)
          const isPutOff = isHandedOn && Option.exists(Cause.failureOption(cause), ({ retryable }) => retryable)
          return log.tell(isPutOff ? notHere(problem) : { _tag: "RunFailed", problem })
        }),
        (run) => Effect.raceFirst(run, log.takenOver),
        // a run that is stopped on purpose loses no events
        Effect.ensuring(log.flush),
        Effect.ensuring(Effect.sync(() => readers.forEach((reader) => reader.end()))),
        Effect.withSpan(Attributes.agentSpan, { attributes: Attributes.ofRun(runId) }),
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
    onNone: () => ({
      tag: "InternalError",
      message: "lms-bridge failed because of a bug. Its log has the details; please report it."
    })
  })

const replayed = (runId: string, events: ReadonlyArray<AgentEvent>): Effect.Effect<AgentState, RunNotFound> =>
  Effect.mapError(rebuilt(events), () => new RunNotFound({ runId }))

/** Approval that was given to an earlier part of the run does not apply to this one. */
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

/** The conversation of another run, up to its last complete turn. */
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

const notHere = ({ message }: Problem): AgentEventBody => ({
  _tag: "Noted",
  kind: putOff,
  text: `It could not be carried out here: ${message}`
})

const carryOut: Effect.Effect<void, AgentError, CurrentRun | Scope.Scope> = Effect.gen(function* () {
  const { log, policy } = yield* CurrentRun
  let prepared: Prepared | undefined
  const made = Effect.tap(prepare, (all) => Effect.sync(() => (prepared = all)))
  const ready = Effect.suspend(() => (prepared === undefined ? made : Effect.succeed(prepared)))
  const preparation = Effect.suspend((): typeof again => (prepared === undefined ? made : again))
  /** After the first request, what fails is part of the outcome. */
  const again: Effect.Effect<unknown, AgentError, CurrentRun | Scope.Scope> = Effect.suspend(() =>
    prepared === undefined ? Effect.void : letGo(prepared, log.state)
  ).pipe(
    Effect.zipRight(made),
    Effect.catchAll(({ _tag, message }) =>
      log.tell({
        _tag: "ModelFailed",
        round: log.state.rounds,
        problem: { tag: _tag, message },
        repeatable: false,
        partial: ""
      })
    )
  )
  const tell = (events: ReadonlyArray<AgentEventBody>) => Effect.forEach(events, log.tell, { discard: true })
  const carryOutStep = (step: Exclude<Decision, { readonly _tag: "Emit" | "Finish" }>) => {
    switch (step._tag) {
      case "Prepare":
        return preparation
      case "AskModel":
        return Effect.flatMap(ready, (all) => ask(all, step))
      case "CallTools":
        return Effect.flatMap(ready, (all) => runCalls(all, step))
    }
  }
  const isStopped = yield* StopBetweenSteps
  const isHandedOn = yield* HandedOn
  for (;;) {
    const decision = decide(log.state, yield* Clock.currentTimeMillis)
    if (decision._tag === "Finish") {
      const { problem, status } = decision.outcome
      if (isHandedOn && status === "failed" && problem !== undefined && isOfTheHost(problem.tag)) {
        return yield* log.tell(notHere(problem))
      }
      if (prepared !== undefined) yield* judged(prepared, decision.outcome)
      return yield* log.tell({ _tag: "RunFinished", outcome: decision.outcome })
    }
    if (decision._tag === "Emit") {
      yield* tell(decision.events)
      continue
    }
    // a time limit costs more than all else of a step: steps that end at the same moment have one together
    let step = decision
    const steps = Effect.gen(function* () {
      for (;;) {
        if (yield* isStopped) return
        yield* carryOutStep(step)
        const next = decide(log.state, yield* Clock.currentTimeMillis)
        if (next._tag === "Emit" || next._tag === "Finish") return
        if (step.limit === "wrap-up" || next.limit === "wrap-up") return
        step = next
      }
    })
    if (yield* isStopped) return
    const done = yield* Effect.timeoutOption(steps, decision.limit === "wrap-up" ? policy.wrapUp : decision.limit)
    if (Option.isNone(done)) yield* tell(late(log.state, step))
  }
})

/** The model that was given up must not keep the memory that the next one needs. */
const letGo = ({ lease, release }: Prepared, { passedOver }: AgentState) =>
  Effect.flatMap(lease, ({ spoiled }) => spoiled?.(passedOver.at(-1)?.reason ?? "") ?? Effect.void).pipe(
    Effect.zipRight(release)
  )

/** A run that the model could not bring to an end counts against it where models are compared. */
const judged = ({ lease }: Prepared, { problem, status }: AgentOutcome) =>
  status === "stalled" || status === "failed"
    ? Effect.flatMap(
        lease,
        ({ spoiled }) =>
          spoiled?.(`a run ended as "${status}"${problem === undefined ? "" : `: ${problem.message}`}`) ?? Effect.void
      )
    : Effect.void

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
import { initial } from "./AgentState.ts"
import type { AgentTask } from "./AgentTask.ts"
import { CurrentLoopPolicy } from "./LoopPolicy.ts"
import { ask } from "./ModelTurn.ts"
import { prepare, type Prepared } from "./Preparation.ts"
import * as RunLog from "./RunLog.ts"
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
  readonly settings: Values
}

/**
 * A run as the stream of its events. It goes on in a fiber of the stream's scope, so whoever stops reading stops it, and
 * has waited for everything beneath it to end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (services: Services, task: AgentTask): Stream.Stream<AgentEvent, AgentError> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const runId = yield* makeRunId
      const events = yield* Mailbox.make<AgentEvent, AgentError>()
      const at = yield* Clock.currentTimeMillis
      const started = { _tag: "RunStarted" as const, task, runId, seq: 0, at }
      events.unsafeOffer(started)
      const log = RunLog.make(runId, initial(started), 1, (event) => events.unsafeOffer(event))
      yield* carryOut(services, log).pipe(
        Effect.scoped,
        Effect.withSpan("AgentLoop.run"),
        withRun(runId),
        Mailbox.into(events),
        Effect.forkScoped
      )
      return Mailbox.toStream(events)
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const carryOut = Effect.fnUntraced(function* (
  services: Services,
  log: RunLog.RunLog
): Effect.fn.Return<void, AgentError, Scope.Scope> {
  const policy = yield* CurrentLoopPolicy
  const { task } = log.state
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
    if (decision._tag === "Prepare" || prepared === undefined) {
      const made: Option.Option<Prepared> = yield* within(prepare(services, policy, task, log.tell), left)
      prepared = Option.getOrUndefined(made)
      continue
    }
    // what it means that the time is over is for the rules to say
    yield* decision._tag === "AskModel"
      ? ask(log, prepared, decision, decision.final ? policy.wrapUp : left)
      : within(runCalls(services, policy, log, prepared, decision), left)
  }
})

const within = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  limit: Duration.DurationInput
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.timeoutTo(self, { duration: limit, onSuccess: Option.some, onTimeout: Option.none })

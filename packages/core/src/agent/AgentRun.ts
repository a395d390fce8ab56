/**
 * One run: carries out what the rules decide, and tells everything that happens as events. No rule of the loop is here.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Values } from "../configuration/Settings.ts"
import type { ChatReply, ToolCall } from "../lmstudio/Chat.ts"
import type { McpRegistry } from "../mcp/McpRegistry.ts"
import type { ModelLease, ModelLifecycle } from "../models/ModelLifecycle.ts"
import { makeRunId, withRun, type RunId } from "../observability/Correlation.ts"
import { decide, remainingMillis } from "./AgentDecision.ts"
import { stamp, type AgentEvent, type AgentEventBody } from "./AgentEvent.ts"
import type { AgentError } from "./AgentLoop.ts"
import { evolve, initial, type AgentState } from "./AgentState.ts"
import type { AgentTask } from "./AgentTask.ts"
import { CurrentLoopPolicy, type LoopPolicy } from "./LoopPolicy.ts"
import * as ModelFailure from "./ModelFailure.ts"
import * as ModelReply from "./ModelReply.ts"
import { prepare } from "./Preparation.ts"
import { systemMessage } from "./SystemMessage.ts"
import { recover } from "./ToolCallText.ts"
import * as ToolCatalog from "./ToolCatalog.ts"
import * as ToolResultText from "./ToolResultText.ts"

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
      yield* carryOut(services, task, runId, events).pipe(
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

/** The state is changed by its events only, and each event is folded and told in one step that nothing can part. */
class Telling {
  state: AgentState
  readonly #runId: RunId
  readonly #events: Mailbox.Mailbox<AgentEvent, AgentError>
  #seq = 0

  constructor(task: AgentTask, runId: RunId, events: Mailbox.Mailbox<AgentEvent, AgentError>, at: number) {
    this.#runId = runId
    this.#events = events
    const started = { _tag: "RunStarted" as const, task, runId, seq: this.#seq++, at }
    this.state = initial(started)
    events.unsafeOffer(started)
  }

  readonly tell = (body: AgentEventBody): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      const event = stamp(body, this.#runId, this.#seq++, at)
      this.state = evolve(this.state, event)
      this.#events.unsafeOffer(event)
    })
}

interface Prepared {
  readonly lease: ModelLease
  readonly catalog: ToolCatalog.ToolCatalog
}

const carryOut = (
  services: Services,
  task: AgentTask,
  runId: RunId,
  events: Mailbox.Mailbox<AgentEvent, AgentError>
): Effect.Effect<void, AgentError, Scope.Scope> =>
  Effect.gen(function* () {
    const policy = yield* CurrentLoopPolicy
    const telling = new Telling(task, runId, events, yield* Clock.currentTimeMillis)
    let prepared: Prepared | undefined
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const decision = decide(telling.state, now)
      if (decision._tag === "Finish") return yield* telling.tell({ _tag: "RunFinished", outcome: decision.outcome })
      if (decision._tag === "Emit") {
        yield* Effect.forEach(decision.events, telling.tell, { discard: true })
        continue
      }
      const left = remainingMillis(telling.state, now)
      if (decision._tag === "Prepare" || prepared === undefined) {
        prepared = yield* prepare(services, policy, task, telling.tell).pipe(
          Effect.timeoutTo({ duration: left, onSuccess: (value) => value, onTimeout: () => undefined })
        )
        continue
      }
      if (decision._tag === "AskModel") yield* ask(telling, policy, prepared, decision, left)
      else {
        const { catalog } = prepared
        yield* Effect.forEach(decision.calls, (call) => settle(services, telling, catalog, call, decision.whole), {
          discard: true
        }).pipe(within(left))
      }
    }
  })

/** Stops an effect when the time is over; what that means is for the rules to say. */
const within =
  (limit: Duration.DurationInput) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    Effect.timeoutTo(self, { duration: limit, onSuccess: Option.some, onTimeout: Option.none })

const ask = (
  { state, tell }: Telling,
  policy: LoopPolicy,
  { catalog, lease }: Prepared,
  { final, round }: { readonly round: number; readonly final: boolean },
  left: number
): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* tell({ _tag: "RoundStarted", round, final })
    const tools = final ? [] : catalog.tools.map(({ definition }) => definition)
    const { maxTokens, temperature } = state.task
    const system = systemMessage(state.task, { tools: catalog.tools.length > 0 })
    const pieces: Array<string> = []
    let reply: ChatReply | undefined
    const ended = yield* lease
      .chatStream({
        messages: [{ role: "system", content: system }, ...state.messages],
        tools: tools.length > 0 ? tools : undefined,
        maxTokens,
        temperature
      })
      .pipe(
        Stream.runForEach((event) => {
          switch (event._tag) {
            case "TextDelta":
              pieces.push(event.text)
              return tell({ _tag: "TextDelta", text: event.text })
            case "ReasoningDelta":
              return tell({ _tag: "ReasoningDelta", text: event.text })
            case "Completed":
              reply = event.reply
              return Effect.void
            case "ModelLoading":
              return tell({ _tag: "Preparing", what: "The model is loading", progress: event.progress })
            case "PromptProcessing":
              return tell({ _tag: "Preparing", what: "The model is reading", progress: event.progress })
            case "ToolCallStarted":
              return Effect.void
          }
        }),
        Effect.either,
        within(final ? policy.wrapUp : left)
      )
    if (Option.isSome(ended) && Either.isRight(ended.value) && reply !== undefined) {
      const { messages } = state
      const { reply: read, unread } = final ? { reply, unread: undefined } : recover(reply, { catalog, messages })
      return yield* tell({
        _tag: "ModelReplied",
        round,
        reply: ModelReply.normalised(read, { messages, round, final }),
        ...(unread === undefined ? {} : { unread })
      })
    }
    const failure = Option.isNone(ended)
      ? ModelFailure.stopped
      : Either.isLeft(ended.value)
        ? ModelFailure.fromError(ended.value.left)
        : ModelFailure.unfinished
    return yield* tell({ _tag: "ModelFailed", round, partial: pieces.join(""), ...failure })
  }).pipe(Effect.withSpan("AgentLoop.ask", { attributes: { round, final } }))

const settle = (
  { registry, settings }: Services,
  telling: Telling,
  catalog: ToolCatalog.ToolCatalog,
  call: ToolCall,
  whole: boolean
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { tell } = telling
    const callId = call.id
    const verdict = ToolCatalog.judge(catalog, call, { whole })
    if (verdict._tag === "Refuse") {
      const { reason, told } = verdict
      return yield* tell({ _tag: "ToolCallRefused", callId, name: call.name, reason, told })
    }
    const { name } = verdict.tool
    const { name: tool, server } = verdict.tool.tool
    const kind = `schema-unusable:${name}`
    if (verdict.schemaProblem !== undefined && !telling.state.noted.includes(kind)) {
      const text = `The schema of the tool "${name}" cannot be used (${verdict.schemaProblem}). Only that its arguments are an object is checked.`
      yield* tell({ _tag: "Noted", kind, text, toModel: false })
    }
    yield* tell({ _tag: "ToolCallStarted", callId, name, server, tool, arguments: verdict.arguments })
    const [time, result] = yield* registry
      .call(server, tool, verdict.arguments, {
        timeout: settings.mcpCallTimeout,
        onProgress: ({ message, progress, total }) =>
          tell({
            _tag: "ToolCallProgress",
            callId,
            message: message ?? `${progress}${total === undefined ? "" : ` of ${total}`}`
          })
      })
      .pipe(Effect.either, Effect.timed, Effect.withSpan("AgentLoop.call", { attributes: { server, tool } }))
    const { bytes, told } = Either.match(result, {
      onLeft: (error) => ToolResultText.limited(`The tool call failed: ${error.message}`, settings.maxResultBytes),
      onRight: (value) => ToolResultText.fromResult(value, settings.maxResultBytes)
    })
    return yield* tell({
      _tag: "ToolCallFinished",
      callId,
      server,
      tool,
      told,
      ...(Either.isRight(result) ? { result: result.right } : {}),
      isError: Either.isLeft(result) || result.right.isError,
      bytes,
      millis: Duration.toMillis(time)
    })
  })

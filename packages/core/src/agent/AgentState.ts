/**
 * Where a run stands, and how each event changes it. The state is nothing but its events, folded: a journal of them
 * rebuilds it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ChatMessage, ChatReply, ToolCall, Usage } from "../lmstudio/Chat.ts"
import { Ensured } from "../models/ModelLifecycle.ts"
import { AgentOutcome, BudgetKind, CallRecord, Problem, type AgentEvent, type ContextAccount } from "./AgentEvent.ts"
import { AgentTask } from "./AgentTask.ts"
import * as ModelReply from "./ModelReply.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * A call of the current turn: waiting, started, or settled once `told` is there.
 *
 * @since 0.1.0
 * @category models
 */
export const TurnCall = Schema.Struct({
  call: ToolCall,
  started: optional(Schema.Struct({ server: Schema.String, tool: Schema.String, at: Schema.Number })),
  told: optional(Schema.String)
})
/**
 * @since 0.1.0
 * @category models
 */
export type TurnCall = typeof TurnCall.Type

/**
 * Whose turn it is. `Replied` and `Failed` wait for the rules; `whole` is false when the calls come from a reply that
 * may have been cut.
 *
 * @since 0.1.0
 * @category models
 */
export const Turn = Schema.Union(
  Schema.TaggedStruct("Preparing", {}),
  Schema.TaggedStruct("Ask", {}),
  Schema.TaggedStruct("Asking", { round: Schema.NonNegativeInt, final: Schema.Boolean }),
  Schema.TaggedStruct("Replied", { reply: ChatReply, final: Schema.Boolean, unread: optional(Schema.String) }),
  Schema.TaggedStruct("Failed", {
    problem: Problem,
    repeatable: Schema.Boolean,
    partial: Schema.String,
    final: Schema.Boolean
  }),
  Schema.TaggedStruct("Calling", { calls: Schema.Array(TurnCall), whole: Schema.Boolean }),
  Schema.TaggedStruct("Ended", { outcome: AgentOutcome })
)
/**
 * @since 0.1.0
 * @category models
 */
export type Turn = typeof Turn.Type

/**
 * @since 0.1.0
 * @category models
 */
export const AgentState = Schema.Struct({
  task: AgentTask,
  startedAt: Schema.Number,
  turn: Turn,
  /** The conversation after the system message. */
  messages: Schema.Array(ChatMessage),
  ensured: optional(Ensured),
  missingServers: AgentOutcome.fields.missingServers,
  /** Names of the tools that requests offer. */
  offered: Schema.Array(Schema.String),
  /** Names of the tools that were called: they stay on offer. */
  used: Schema.Array(Schema.String),
  /** Tokens that the model is loaded with; absent where nobody knows. */
  contextLength: optional(Schema.NonNegativeInt),
  /** Tokens that the server counts for one of our estimate. */
  tokenFactor: Schema.Positive,
  /** What our estimate for the request under way is. */
  estimate: Schema.NonNegativeInt,
  /** Results that can be read again. */
  artifacts: Schema.Array(Schema.Struct({ callId: Schema.String, id: Schema.String })),
  /** Requests so far, the last one for the answer not counted. */
  rounds: Schema.NonNegativeInt,
  callsStarted: Schema.NonNegativeInt,
  calls: Schema.Array(CallRecord),
  usage: Usage,
  resultBytes: Schema.NonNegativeInt,
  /** The budget that is ending the run. */
  ending: optional(BudgetKind),
  /** Kinds of all notes so far. */
  noted: Schema.Array(Schema.String),
  /** The current answer so far, when the model is continuing a cut one. */
  partial: Schema.String,
  /** What had arrived of the last reply that broke off. */
  brokenOff: Schema.String,
  /** The current request has been repeated, so it is not repeated again. */
  repeated: Schema.Boolean,
  /** The current answer has been continued, so it is not continued again. */
  continued: Schema.Boolean,
  /** The model has been told that its call in the text was not taken as one. */
  corrected: Schema.Boolean
})
/**
 * @since 0.1.0
 * @category models
 */
export type AgentState = typeof AgentState.Type

/**
 * @since 0.1.0
 * @category constructors
 */
export const initial = (started: Extract<AgentEvent, { readonly _tag: "RunStarted" }>): AgentState => ({
  task: started.task,
  startedAt: started.at,
  turn: { _tag: "Preparing" },
  messages: [{ role: "user", content: started.task.task }],
  missingServers: [],
  offered: [],
  used: [],
  tokenFactor: 1,
  estimate: 0,
  artifacts: [],
  rounds: 0,
  callsStarted: 0,
  calls: [],
  usage: { inputTokens: 0, outputTokens: 0 },
  resultBytes: 0,
  noted: [],
  partial: "",
  brokenOff: "",
  repeated: false,
  continued: false,
  corrected: false
})

/**
 * The state after an event. Events that are for display only leave it as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const evolve = (state: AgentState, event: AgentEvent): AgentState => {
  switch (event._tag) {
    case "RunStarted":
      return initial(event)
    case "ServersReady":
      return { ...state, missingServers: event.missing }
    case "ModelReady":
      return {
        ...state,
        ensured: event.ensured,
        ...(event.ensured.contextLength === undefined ? {} : { contextLength: event.ensured.contextLength })
      }
    case "ToolsOffered":
      return {
        ...state,
        offered: event.offered,
        turn: state.turn._tag === "Preparing" ? { _tag: "Ask" } : state.turn
      }
    case "RoundStarted":
      return {
        ...state,
        rounds: event.final ? state.rounds : state.rounds + 1,
        estimate: event.account === undefined ? 0 : estimateOf(event.account),
        turn: { _tag: "Asking", round: event.round, final: event.final }
      }
    case "ModelReplied":
      return replied(state, event)
    case "ModelFailed":
      return {
        ...state,
        ...(event.overflow === undefined ? {} : overflowed(state, event.overflow.contextLength)),
        brokenOff: event.partial.trim() === "" ? state.brokenOff : event.partial,
        turn: {
          _tag: "Failed",
          problem: event.problem,
          repeatable: event.repeatable,
          partial: event.partial,
          final: state.turn._tag === "Asking" && state.turn.final
        }
      }
    case "ToolCallStarted":
      return {
        ...withCall(state, event.callId, (call) => ({
          ...call,
          started: { server: event.server, tool: event.tool, at: event.at }
        })),
        callsStarted: state.callsStarted + 1,
        used: state.used.includes(event.name) ? state.used : [...state.used, event.name]
      }
    case "ToolCallRefused":
      return withCall(state, event.callId, (call) => ({ ...call, told: event.told }))
    case "ToolCallFinished": {
      const { isError, millis, server, tool } = event
      return {
        ...withCall(state, event.callId, (call) => ({ ...call, told: event.told })),
        resultBytes: state.resultBytes + event.bytes,
        artifacts:
          event.artifact === undefined
            ? state.artifacts
            : [...state.artifacts, { callId: event.callId, id: event.artifact }],
        calls: [...state.calls, { round: state.rounds, server, tool, isError, millis }]
      }
    }
    case "Compacted":
      return {
        ...state,
        usage: added(state.usage, event.usage),
        messages: [
          { role: "user", content: `${state.task.task}\n\n${event.summary}` },
          ...state.messages.slice(1 + event.messages)
        ]
      }
    case "Noted":
      return noted(state, event)
    case "BudgetReached":
      return { ...state, ending: state.ending ?? event.budget }
    case "RunFinished":
      return {
        ...state,
        messages:
          event.outcome.answer === ""
            ? state.messages
            : [...state.messages, { role: "assistant", content: event.outcome.answer, toolCalls: [] }],
        turn: { _tag: "Ended", outcome: event.outcome }
      }
    case "Preparing":
    case "TextDelta":
    case "ReasoningDelta":
    case "ToolCallProgress":
      return state
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const replied = (
  state: AgentState,
  { reply, unread }: Extract<AgentEvent, { readonly _tag: "ModelReplied" }>
): AgentState => {
  const final = state.turn._tag === "Asking" && state.turn.final
  const counted = { ...state, usage: added(state.usage, reply.usage), tokenFactor: corrected(state, reply.usage) }
  if (final || reply.toolCalls.length === 0)
    return { ...counted, turn: { _tag: "Replied", reply, final, ...(unread === undefined ? {} : { unread }) } }
  return {
    ...counted,
    messages: [...state.messages, ModelReply.toMessage(reply)],
    partial: "",
    brokenOff: "",
    repeated: false,
    continued: false,
    corrected: false,
    turn: { _tag: "Calling", calls: reply.toolCalls.map((call) => ({ call })), whole: !ModelReply.isCut(reply) }
  }
}

const added = (total: Usage, usage: Usage | undefined): Usage => {
  if (usage === undefined) return total
  const reasoningTokens = (total.reasoningTokens ?? 0) + (usage.reasoningTokens ?? 0)
  return {
    inputTokens: total.inputTokens + usage.inputTokens,
    outputTokens: total.outputTokens + usage.outputTokens,
    ...(reasoningTokens > 0 ? { reasoningTokens } : {})
  }
}

const estimateOf = ({ history, system, tools }: ContextAccount) => system + tools + history

/** The estimate was already multiplied by the factor so far. */
const corrected = ({ estimate, tokenFactor }: AgentState, usage: Usage | undefined): number =>
  usage === undefined || usage.inputTokens === 0 || estimate === 0
    ? tokenFactor
    : Math.min(3, Math.max(0.5, (tokenFactor * usage.inputTokens) / estimate))

/** The request was longer than we thought, or the context shorter. */
const overflowed = (state: AgentState, contextLength: number | undefined): Partial<AgentState> => ({
  tokenFactor: Math.min(3, state.tokenFactor * 1.4),
  ...(contextLength === undefined ? {} : { contextLength })
})

/** When the last call of the turn is settled, all results go into the conversation in the order of the calls. */
const withCall = (state: AgentState, callId: string, change: (call: TurnCall) => TurnCall): AgentState => {
  if (state.turn._tag !== "Calling") return state
  const calls = state.turn.calls.map((entry) => (entry.call.id === callId ? change(entry) : entry))
  if (calls.some((entry) => entry.told === undefined)) return { ...state, turn: { ...state.turn, calls } }
  return {
    ...state,
    messages: [
      ...state.messages,
      ...calls.map(({ call, told }): ChatMessage => ({ role: "tool", toolCallId: call.id, content: told ?? "" }))
    ],
    turn: { _tag: "Ask" }
  }
}

const noted = (state: AgentState, event: Extract<AgentEvent, { readonly _tag: "Noted" }>): AgentState => {
  const heard = event.kind === "continue" || event.kind === "call-in-text" ? withPartial(state, event.kind) : state
  return {
    ...heard,
    messages: event.toModel ? withUser(heard.messages, event.text) : heard.messages,
    noted: [...state.noted, event.kind],
    repeated: event.kind === "repeat" ? true : asksAgain.has(event.kind) ? false : state.repeated,
    continued: state.continued || event.kind === "continue",
    corrected: state.corrected || event.kind === "call-in-text",
    turn: asksAgain.has(event.kind) ? { _tag: "Ask" } : state.turn
  }
}

/** Notes after which the model is asked again instead of its reply being taken. */
const asksAgain = new Set(["repeat", "continue", "call-in-text"])

/** The model goes on from what it has said so far; only a continued answer is put together from its parts. */
const withPartial = (state: AgentState, kind: string): AgentState => {
  if (state.turn._tag !== "Replied") return state
  const { reply } = state.turn
  return {
    ...state,
    partial: kind === "continue" ? state.partial + reply.content : "",
    messages: reply.content.trim() === "" ? state.messages : [...state.messages, ModelReply.toMessage(reply)]
  }
}

/** Chat templates may insist that user and assistant take turns, so what is said to the model in a row is one message. */
const withUser = (messages: ReadonlyArray<ChatMessage>, text: string): ReadonlyArray<ChatMessage> => {
  const last = messages.at(-1)
  return last?.role === "user" && typeof last.content === "string"
    ? [...messages.slice(0, -1), { role: "user", content: `${last.content}\n\n${text}` }]
    : [...messages, { role: "user", content: text }]
}

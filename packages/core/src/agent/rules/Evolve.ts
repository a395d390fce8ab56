/** How each event changes the state of a run. */
import * as Option from "effect/Option"
import { present } from "../../schema/Fields.ts"
import type { ChatMessage, Usage } from "../../lmstudio/Chat.ts"
import type { AgentEvent, ContextAccount } from "./AgentEvent.ts"
import {
  demanding,
  free,
  fresh,
  givenUp,
  initial,
  mistaken,
  noStall,
  refusedAgain,
  withModel,
  withUser,
  type Adapted,
  type AgentState,
  type TurnCall
} from "./AgentState.ts"
import * as ModelReply from "./ModelReply.ts"
import * as OpenCalls from "./OpenCalls.ts"
import * as StallGuard from "./StallGuard.ts"
import * as ToolResultImages from "../tools/ToolResultImages.ts"
import { tainted } from "../policy/ToolTraits.ts"

/** The state after an event. A display-only event changes only the time. */
export const evolve = (state: AgentState, event: AgentEvent): AgentState => {
  const next = changed(state, event)
  return next.lastAt === event.at ? next : { ...next, lastAt: event.at }
}

/** The state of a run after all its events; none when the first is not the start of a run. */
export const rebuilt = ([first, ...rest]: ReadonlyArray<AgentEvent>): Option.Option<AgentState> =>
  first?._tag === "RunStarted" ? Option.some(rest.reduce(evolve, initial(first))) : Option.none()

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const changed = (state: AgentState, event: AgentEvent): AgentState => {
  switch (event._tag) {
    case "RunStarted":
      return initial(event)
    case "RunResumed":
      return resumed(state, event)
    case "ServersReady":
      return { ...state, missingServers: event.missing }
    case "ModelReady":
      return withModel(state, event.ensured)
    case "ModelGivenUp":
      return givenUp(state, event)
    case "ToolsOffered":
      return {
        ...state,
        offered: event.offered,
        introduced: state.introduced.length === 0 || event.anew === true ? event.offered : state.introduced,
        ready: true,
        turn: state.turn._tag === "Preparing" ? { _tag: "Ask" } : state.turn
      }
    case "RoundStarted":
      return {
        ...state,
        rounds: event.final ? state.rounds : event.round,
        estimate: event.account === undefined ? 0 : estimateOf(event.account),
        ...present({ sent: event.account === undefined ? undefined : sentIn(event.account, state.tokenFactor) }),
        turn: { _tag: "Asking", round: event.round, final: event.final, text: "" }
      }
    case "ModelReplied":
      return replied(state, event)
    case "ModelFailed":
      return {
        ...state,
        adapted: event.grammar === true ? { ...state.adapted, plainSchemas: true } : state.adapted,
        ...(event.overflow === undefined ? {} : overflowed(state, event.overflow.contextLength)),
        attempt: event.partial.trim() === "" ? state.attempt : { ...state.attempt, brokenOff: event.partial },
        turn: {
          _tag: "Failed",
          problem: event.problem,
          repeatable: event.repeatable,
          partial: event.partial,
          final: state.turn._tag === "Asking" && state.turn.final,
          ...present({ template: event.template, refusedTools: event.refusedTools })
        }
      }
    case "ToolCallStarted":
      return {
        ...withCall(state, event.callId, (call) => ({
          ...call,
          started: {
            server: event.server,
            tool: event.tool,
            at: event.at,
            fingerprint: StallGuard.fingerprint(event.name, event.arguments),
            ...present({ traits: event.traits })
          }
        })),
        callsStarted: state.callsStarted + 1,
        used: state.used.includes(event.name) ? state.used : [...state.used, event.name]
      }
    case "ToolCallRefused":
      return {
        ...withCall(state, event.callId, (call) => ({ ...call, told: event.told })),
        stall: StallGuard.withActivity(state, event),
        attempt: free(event.reason === "InvalidArguments" ? mistaken(state.attempt, event.name) : state.attempt)
      }
    case "ToolCallFinished": {
      const { isError, millis, result, server, tool } = event
      const images =
        result === undefined || state.ensured?.vision !== true ? [] : [...ToolResultImages.shown(result).values()]
      return {
        ...withCall(state, event.callId, (call) => ({
          ...call,
          told: event.told,
          ...(images.length === 0 ? {} : { images })
        })),
        stall: StallGuard.withActivity(state, event),
        attempt: free(state.attempt.demand._tag === "Anything" ? demanding(state.attempt, anything) : state.attempt),
        taint:
          event.result === undefined
            ? state.taint
            : tainted(state.taint, callOf(state, event.callId)?.started?.traits, server),
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
          ...state.messages.slice(event.messages)
        ]
      }
    case "RequestRepeated":
      return {
        ...state,
        adapted: event.why === "schema-ignored" ? { ...state.adapted, schemaIgnored: true } : state.adapted,
        attempt: { ...state.attempt, repeated: event.why === "no-answer" },
        turn: { _tag: "Ask" }
      }
    case "AskedAgain":
      return askedAgain(state, event)
    case "ArgumentsAskedFor":
      return {
        ...state,
        messages: withUser(state.messages, event.text),
        argumentsAskedFor: [...state.argumentsAskedFor, event.tool],
        attempt: demanding(state.attempt, { _tag: "Arguments", tool: event.tool })
      }
    case "WrapUp":
      return {
        ...state,
        messages: withUser(state.messages, event.text),
        ...(state.ending === undefined ? {} : { ending: { ...state.ending, told: true } })
      }
    case "TemplateAnswered":
      return reshaped(state, { ways: [...state.adapted.ways, event.way] })
    case "ToolLeftOut":
      return reshaped(state, { leftOut: [...state.adapted.leftOut, event.name] })
    case "StepNarrowed":
      return {
        ...state,
        // a call that is dropped was never made
        messages: state.turn._tag === "Calling" ? state.messages.slice(0, -1) : state.messages,
        narrowed: state.narrowed + 1,
        attempt: {
          ...state.attempt,
          narrowed: { without: event.without, left: event.left, ...present({ again: event.again }) }
        },
        turn: { _tag: "Ask" }
      }
    case "ToolFormChosen":
      return state.turn._tag === "Preparing"
        ? { ...state, adapted: { ...state.adapted, form: event.form } }
        : reshaped(state, { form: event.form })
    case "SchemaUnusable":
      return { ...state, unusable: [...state.unusable, event.name] }
    case "Noted":
      return event.usage === undefined ? state : { ...state, usage: added(state.usage, event.usage) }
    case "Stalled":
      return {
        ...state,
        stall: {
          ...state.stall,
          activity: [],
          circled: [...state.stall.circled, ...state.stall.activity].slice(-remembered),
          done: event.step === "nudge" ? "told" : "withheld",
          ...(event.step === "withhold" ? { withheld: { name: event.tool, until: state.rounds + 2 } } : {})
        },
        messages: event.step === "end" ? state.messages : withUser(state.messages, event.text),
        ...(event.step === "end" ? { ending: state.ending ?? { by: "stalled" as const, told: false } } : {})
      }
    case "BudgetReached":
      return { ...state, ending: state.ending ?? { by: event.budget, told: false } }
    case "RunFinished":
      return {
        ...state,
        messages:
          event.outcome.answer === ""
            ? state.messages
            : [...state.messages, { role: "assistant", content: event.outcome.answer, toolCalls: [] }],
        turn: { _tag: "Ended", outcome: event.outcome }
      }
    case "TextDelta":
      return state.turn._tag === "Asking"
        ? { ...state, turn: { ...state.turn, text: state.turn.text + event.text } }
        : state
    case "Preparing":
    case "ReasoningDelta":
    case "ToolCallProgress":
    case "ApprovalAsked":
    case "ApprovalAnswered":
    // the state is kept, so that the run continues from here when it is resumed
    case "RunFailed":
      return state
  }
}

/** What was in progress when the run stopped is repeated if that is harmless; otherwise it is marked as uncertain. */
const resumed = (state: AgentState, event: Extract<AgentEvent, { readonly _tag: "RunResumed" }>): AgentState => {
  const { ending: _ending, ...rest } = state
  const base: AgentState = {
    ...rest,
    task: event.task,
    ready: false,
    calls: [...state.calls, ...OpenCalls.records(OpenCalls.of(state), state.lastAt)],
    startedAt: state.startedAt + Math.max(0, event.at - state.lastAt),
    stall: noStall,
    // an answer that was being continued still is
    attempt: { ...fresh, said: state.attempt.said, brokenOff: state.attempt.brokenOff }
  }
  switch (state.turn._tag) {
    case "Calling":
      return { ...base, turn: { ...state.turn, calls: state.turn.calls.map(asUncertain) } }
    case "Ended":
      return {
        ...base,
        attempt: fresh,
        messages: withUser(
          base.messages,
          "You may go on with the task now: there is time again, and tools can be called."
        ),
        turn: { _tag: "Ask" }
      }
    case "Preparing":
    case "Ask":
      return base
    default:
      return { ...base, turn: { _tag: "Ask" } }
  }
}

const asUncertain = (entry: TurnCall): TurnCall => {
  const { started, ...call } = entry
  if (entry.told !== undefined || started === undefined) return entry
  return OpenCalls.isHarmless(started.traits) ? call : { ...call, uncertain: true }
}

const { demand: anything } = fresh

/** How many repeated calls are still recognised after a measure. */
const remembered = 48

const replied = (
  state: AgentState,
  { inText, mayBeAnswer, reply, unread, written }: Extract<AgentEvent, { readonly _tag: "ModelReplied" }>
): AgentState => {
  const final = state.turn._tag === "Asking" && state.turn.final
  const { demand } = state.attempt
  const next = demand._tag === "Arguments" ? anything : demand
  const counted: AgentState = {
    ...state,
    attempt: demanding(state.attempt, next),
    usage: added(state.usage, reply.usage),
    tokenFactor: corrected(state, reply.usage)
  }
  if (final || reply.toolCalls.length === 0)
    return {
      ...counted,
      turn: {
        _tag: "Replied",
        reply,
        final,
        ...present({ unread }),
        ...(mayBeAnswer === true ? { mayBeAnswer } : {})
      }
    }
  return {
    ...counted,
    messages: [...state.messages, { ...ModelReply.toMessage(reply), ...present({ written }) }],
    attempt: { ...demanding(fresh, next), ...present({ narrowed: state.attempt.narrowed }) },
    turn: {
      _tag: "Calling",
      calls: reply.toolCalls.map((call) => (inText === true ? { call, inText } : { call })),
      whole: !ModelReply.isCut(reply)
    }
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

const sentIn = (account: ContextAccount, factor: number) => ({
  tools: Math.round(account.tools / factor),
  all: Math.round(estimateOf(account) / factor)
})

const estimateOf = ({ history, system, tools }: ContextAccount) => system + tools + history

/** The new token factor. The estimate has already been multiplied by the old one. */
const corrected = ({ estimate, tokenFactor }: AgentState, usage: Usage | undefined): number =>
  usage === undefined || usage.inputTokens === 0 || estimate === 0
    ? tokenFactor
    : Math.min(3, Math.max(0.5, (tokenFactor * usage.inputTokens) / estimate))

/** The request was longer than estimated, or the context shorter. */
const overflowed = (state: AgentState, contextLength: number | undefined): Partial<AgentState> => ({
  tokenFactor: Math.min(3, state.tokenFactor * 1.4),
  ...present({ contextLength })
})

const callOf = ({ turn }: AgentState, callId: string): TurnCall | undefined =>
  turn._tag === "Calling" ? turn.calls.find(({ call }) => call.id === callId) : undefined

/** When the last call of the turn is settled, all results enter the conversation in the order of the calls. */
const withCall = (state: AgentState, callId: string, change: (call: TurnCall) => TurnCall): AgentState => {
  if (state.turn._tag !== "Calling") return state
  const calls = state.turn.calls.map((entry) => (entry.call.id === callId ? change(entry) : entry))
  if (calls.some((entry) => entry.told === undefined)) return { ...state, turn: { ...state.turn, calls } }
  const images = calls.flatMap((entry) => entry.images ?? [])
  return {
    ...state,
    messages: [
      ...state.messages,
      ...calls.map(({ call, told }): ChatMessage => ({ role: "tool", toolCallId: call.id, content: told ?? "" })),
      ...(images.length === 0 ? [] : [ToolResultImages.message(images)])
    ],
    turn: { _tag: "Ask" }
  }
}

/** A request that was refused for its shape is sent in another shape, as the same round. */
const reshaped = (state: AgentState, change: Partial<Adapted>): AgentState => ({
  ...state,
  adapted: { ...state.adapted, ...change },
  turn: { _tag: "Ask", ...present({ reshaped: isOrdinary(state.turn) ? true : undefined }) }
})

const isOrdinary = (turn: AgentState["turn"]): boolean =>
  turn._tag === "Failed" ? !turn.final : turn._tag === "Ask" && turn.reshaped === true

/** The model continues from what it has said so far; only a continued answer is assembled from its parts. */
const askedAgain = (
  state: AgentState,
  { text, why }: Extract<AgentEvent, { readonly _tag: "AskedAgain" }>
): AgentState => {
  const { attempt } = state
  const reply = state.turn._tag === "Replied" ? state.turn.reply : undefined
  const words = reply?.content ?? ""
  const heard =
    reply === undefined || words.trim() === "" ? state.messages : [...state.messages, ModelReply.toMessage(reply)]
  return {
    ...state,
    messages: isAskedBySchema(state, why) ? state.messages : withUser(heard, text),
    turn: { _tag: "Ask" },
    attempt: {
      ...attempt,
      demand: why === "answer-not-valid" ? refusedAgain(attempt.demand) : attempt.demand,
      repeated: why === "empty",
      continued: attempt.continued || why === "cut",
      corrected: attempt.corrected || why === "call-in-text",
      objected: attempt.objected || why === "no-answer",
      said: why === "cut" ? attempt.said + words : ""
    }
  }
}

/** In bound steps the same request goes out again with the schema of the answer, so what was said first decides nothing. */
const isAskedBySchema = ({ adapted, attempt }: AgentState, why: string): boolean =>
  why === "answer-not-valid" && adapted.form === "bound" && attempt.demand._tag !== "Answer"

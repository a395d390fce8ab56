/** The state of a run, folded from its events alone (`Evolve`), so that a journal rebuilds it. */
import * as Schema from "effect/Schema"
import { optional, present } from "../../schema/Fields.ts"
import { ImagePart, ChatMessage, ChatReply, ToolCall, Usage } from "../../lmstudio/Chat.ts"
import { Ensured } from "../../models/Ensured.ts"
import { AgentOutcome, BudgetKind, CallRecord, Problem, StepsLeft, type AgentEvent } from "./AgentEvent.ts"
import { AgentTask, SkillLine } from "../AgentTask.ts"
import { ToolForm, Way } from "../ToolForm.ts"
import { Taint, ToolTraits } from "../policy/ToolTraits.ts"

/** A call of the current turn: waiting, started, or settled once `told` is set. */
export const TurnCall = Schema.Struct({
  call: ToolCall,
  started: optional(
    Schema.Struct({
      server: Schema.String,
      tool: Schema.String,
      at: Schema.Number,
      fingerprint: Schema.Int,
      traits: optional(ToolTraits)
    })
  ),
  told: optional(Schema.String),
  /** Images for a model that can see, in addition to the text. */
  images: optional(Schema.Array(ImagePart)),
  /** It was running when the run was stopped, and may or may not have taken effect. */
  uncertain: optional(Schema.Boolean),
  /** It was found in the text of the reply. */
  inText: optional(Schema.Boolean)
})
export type TurnCall = typeof TurnCall.Type

/**
 * Whose turn it is. `reshaped`: the last request was refused for its shape, so the next one belongs to the same round.
 * `Replied` and `Failed` wait for the rules; `whole` is false when the calls come from a reply that may be truncated.
 */
export const Turn = Schema.Union(
  Schema.TaggedStruct("Preparing", {}),
  Schema.TaggedStruct("Ask", { reshaped: optional(Schema.Boolean) }),
  /** `text` is what has arrived of the reply so far; it is not in the journal. */
  Schema.TaggedStruct("Asking", { round: Schema.NonNegativeInt, final: Schema.Boolean, text: Schema.String }),
  Schema.TaggedStruct("Replied", {
    reply: ChatReply,
    final: Schema.Boolean,
    unread: optional(Schema.String),
    mayBeAnswer: optional(Schema.Boolean)
  }),
  Schema.TaggedStruct("Failed", {
    problem: Problem,
    repeatable: Schema.Boolean,
    partial: Schema.String,
    final: Schema.Boolean,
    template: optional(Schema.String),
    refusedTools: optional(Schema.Array(Schema.String))
  }),
  Schema.TaggedStruct("Calling", { calls: Schema.Array(TurnCall), whole: Schema.Boolean }),
  Schema.TaggedStruct("Ended", { outcome: AgentOutcome })
)
export type Turn = typeof Turn.Type

/** One settled call, for the guard against going round in circles: what was called with what, and what came of it. */
export const Activity = Schema.Struct({
  name: Schema.String,
  call: Schema.Int,
  result: Schema.Int,
  /** How it went: what the model was told of a success, at most so much as tells it apart. */
  told: optional(Schema.String),
  /** Making it again would change nothing. */
  harmless: optional(Schema.Boolean),
  /** It only reads. */
  reads: optional(Schema.Boolean),
  /** It was not made, because it had been made before. */
  repeated: optional(Schema.Boolean)
})
export type Activity = typeof Activity.Type

/** What the next reply must be. */
export const Demand = Schema.Union(
  /** Calls or an answer. `mistakes`: consecutive calls that one tool rejected. */
  Schema.TaggedStruct("Anything", {
    mistakes: optional(Schema.Struct({ tool: Schema.String, count: Schema.NonNegativeInt }))
  }),
  /** Arguments for this tool, after it rejected those of its calls. */
  Schema.TaggedStruct("Arguments", { tool: Schema.String }),
  /** The answer by the task's schema, after `refused` answers that did not fit it. */
  Schema.TaggedStruct("Answer", { refused: Schema.NonNegativeInt })
)
export type Demand = typeof Demand.Type

/** What has been tried since the last tool call or answer. Each remedy is tried once. */
export const Attempt = Schema.Struct({
  demand: Demand,
  /** The same request was sent again. */
  repeated: Schema.Boolean,
  /** The model was asked to continue a truncated answer. */
  continued: Schema.Boolean,
  /** The model was told that the call in its text was not accepted. */
  corrected: Schema.Boolean,
  /** The model was told that its reply is no answer. */
  objected: Schema.Boolean,
  /** The next step may not be one of these, or may only read. */
  narrowed: optional(
    Schema.Struct({ without: Schema.Array(Schema.String), left: StepsLeft, again: optional(Schema.String) })
  ),
  /** The parts before the one that the model is writing now. */
  said: Schema.String,
  /** What had arrived of the last reply that was interrupted. */
  brokenOff: Schema.String
})
export type Attempt = typeof Attempt.Type

/** Before anything was tried. */
export const fresh: Attempt = {
  demand: { _tag: "Anything" },
  repeated: false,
  continued: false,
  corrected: false,
  objected: false,
  said: "",
  brokenOff: ""
}

export const demanding = (attempt: Attempt, demand: Demand): Attempt => ({ ...attempt, demand })

/** After a call that the tool rejected. */
export const mistaken = (attempt: Attempt, tool: string): Attempt => {
  if (attempt.demand._tag !== "Anything") return attempt
  const { mistakes } = attempt.demand
  return demanding(attempt, {
    _tag: "Anything",
    mistakes: { tool, count: mistakes?.tool === tool ? mistakes.count + 1 : 1 }
  })
}

/** After an answer that does not fit the schema. */
export const refusedAgain = (demand: Demand): Demand => ({
  _tag: "Answer",
  refused: demand._tag === "Answer" ? demand.refused + 1 : 1
})

/** Once a call was made, the next step may be anything again. */
export const free = ({ narrowed: _narrowed, ...attempt }: Attempt): Attempt => attempt

/** How requests of this run differ from ordinary ones, because the engine, the template or the server refused those. */
export const Adapted = Schema.Struct({
  /** The engine cannot handle full schemas. */
  plainSchemas: Schema.Boolean,
  /** The engine ignored the schema of the first structured request. */
  schemaIgnored: Schema.Boolean,
  /** How the model is told of its tools. */
  form: ToolForm,
  /** How the conversation is told to the chat template. */
  ways: Schema.Array(Way),
  /** Names of tools that the server does not accept. */
  leftOut: Schema.Array(Schema.String)
})
export type Adapted = typeof Adapted.Type

export const unadapted: Adapted = { plainSchemas: false, schemaIgnored: false, form: "native", ways: [], leftOut: [] }

/** Whether the run repeats itself, and what was done about it. */
export const Stall = Schema.Struct({
  /** The last settled calls since the last measure. */
  activity: Schema.Array(Activity),
  /** The calls before that. */
  circled: Schema.Array(Activity),
  done: Schema.Literal("nothing", "told", "withheld"),
  /** A tool that may not be called through round `until`. */
  withheld: optional(Schema.Struct({ name: Schema.String, until: Schema.NonNegativeInt }))
})
export type Stall = typeof Stall.Type

export const noStall: Stall = { activity: [], circled: [], done: "nothing" }

export const AgentState = Schema.Struct({
  task: AgentTask,
  /** That the model may open; absent where there are none. */
  skills: optional(Schema.Array(SkillLine)),
  /** When the run started, moved later by the time in which it was stopped. */
  startedAt: Schema.Number,
  /** Time of the last event. */
  lastAt: Schema.Number,
  turn: Turn,
  /** Whether servers and model are ready; false when the run has just been resumed. */
  ready: Schema.Boolean,
  /** The conversation after the system message, including that of the run that this one follows. */
  messages: Schema.Array(ChatMessage),
  ensured: optional(Ensured),
  /** The models of the task that the run has given up, and why; empty while it has given up none. */
  passedOver: Ensured.fields.steppedDown,
  missingServers: AgentOutcome.fields.missingServers,
  /** Names of the tools that requests offer. */
  offered: Schema.Array(Schema.String),
  /** Those of the first request: the head of a prompt that names them stays as it is. */
  introduced: Schema.Array(Schema.String),
  /** Names of the tools that were called: they stay on offer. */
  used: Schema.Array(Schema.String),
  /** Context, in tokens, with which the model is loaded; absent where unknown. */
  contextLength: optional(Schema.NonNegativeInt),
  /** Tokens that the server counts for each token of our estimate. */
  tokenFactor: Schema.Positive,
  /** Our estimate for the request in flight. */
  estimate: Schema.NonNegativeInt,
  /** The same without the correction, for the tools and for all of it. */
  sent: optional(Schema.Struct({ tools: Schema.NonNegative, all: Schema.NonNegative })),
  /** Results that can be read again. */
  artifacts: Schema.Array(Schema.Struct({ callId: Schema.String, id: Schema.String })),
  /** Requests so far, not counting the final one for the answer. */
  rounds: Schema.NonNegativeInt,
  callsStarted: Schema.NonNegativeInt,
  calls: Schema.Array(CallRecord),
  usage: Usage,
  resultBytes: Schema.NonNegativeInt,
  taint: Taint,
  attempt: Attempt,
  /** Tools whose arguments were requested separately; once each. */
  argumentsAskedFor: Schema.Array(Schema.String),
  /** Steps that were asked for again with less to choose from. */
  narrowed: Schema.NonNegativeInt,
  /** Tools whose schemas were said to be unusable. */
  unusable: Schema.Array(Schema.String),
  adapted: Adapted,
  /** What is ending the run: a budget or a stall. `told`: the model knows. */
  ending: optional(Schema.Struct({ by: Schema.Union(BudgetKind, Schema.Literal("stalled")), told: Schema.Boolean })),
  stall: Stall
})
export type AgentState = typeof AgentState.Type

export const initial = (started: Extract<AgentEvent, { readonly _tag: "RunStarted" }>): AgentState => ({
  task: started.task,
  ...present({ skills: started.skills }),
  startedAt: started.at,
  lastAt: started.at,
  turn: { _tag: "Preparing" },
  ready: false,
  passedOver: [],
  messages: withTask(started.history ?? [], started.task, started.skills),
  missingServers: [],
  offered: [],
  introduced: [],
  used: [],
  tokenFactor: 1,
  estimate: 0,
  artifacts: [],
  rounds: 0,
  callsStarted: 0,
  calls: [],
  usage: { inputTokens: 0, outputTokens: 0 },
  resultBytes: 0,
  attempt: fresh,
  argumentsAskedFor: [],
  narrowed: 0,
  unusable: [],
  adapted: unadapted,
  taint: { untrusted: false, private: false },
  stall: noStall
})

/** With the model that answers from here on; after one was given up, those that could not take its place are, too. */
export const withModel = (state: AgentState, ensured: Ensured): AgentState => ({
  ...state,
  ensured,
  ...(ensured.contextLength === undefined ? {} : { contextLength: ensured.contextLength }),
  ...(state.passedOver.length === 0 ? {} : { passedOver: [...state.passedOver, ...ensured.steppedDown] })
})

/** What is known of how the model takes requests is not known of the next one; what was done and said stays. */
export const givenUp = (
  { contextLength: _context, ensured: _model, sent: _sent, ...state }: AgentState,
  { passedOver }: Extract<AgentEvent, { readonly _tag: "ModelGivenUp" }>
): AgentState => ({
  ...state,
  passedOver,
  ready: false,
  introduced: [],
  adapted: unadapted,
  tokenFactor: 1,
  attempt: { ...fresh, demand: state.attempt.demand, said: state.attempt.said },
  turn: { _tag: "Ask" }
})

/** A conversation may have ended with a tool result; the task must not become a note at the end of that result. */
const withTask = (
  history: ReadonlyArray<ChatMessage>,
  { attachments = [], task }: AgentTask,
  skills: ReadonlyArray<SkillLine> = []
): ReadonlyArray<ChatMessage> => {
  const before: ReadonlyArray<ChatMessage> =
    history.at(-1)?.role === "tool"
      ? [...history, { role: "assistant", content: "I was stopped here, before I could answer.", toolCalls: [] }]
      : history
  const texts = [
    ...attachments.flatMap((part) => (part._tag === "Text" ? [fenced(part)] : [])),
    ...skills.flatMap(({ given, name }) =>
      given === undefined ? [] : [fenced({ name: `Do it as the skill ${name} says`, text: given })]
    )
  ]
  const images = attachments.flatMap((part) =>
    part._tag === "Image" ? [{ type: "image" as const, dataUrl: part.dataUrl }] : []
  )
  const said = withUser(before, [task, ...texts].join("\n\n"))
  const last = said.at(-1)
  if (images.length === 0 || last?.role !== "user") return said
  const parts = typeof last.content === "string" ? [{ type: "text" as const, text: last.content }] : last.content
  return [...said.slice(0, -1), { role: "user", content: [...parts, ...images] }]
}

/** The fence is longer than any in the text. */
const fenced = ({ name, text }: { readonly name: string; readonly text: string }): string => {
  const ticks = Math.max(2, ...Array.from(text.matchAll(/`{3,}/g), ([fence]) => fence.length)) + 1
  const fence = "`".repeat(ticks)
  return `${name}:\n${fence}\n${text.replace(/\n$/, "")}\n${fence}`
}

/**
 * The conversation with a user message at its end. Chat templates may require that user and assistant alternate, so
 * consecutive user messages become one.
 */
export const withUser = (messages: ReadonlyArray<ChatMessage>, text: string): ReadonlyArray<ChatMessage> => {
  const last = messages.at(-1)
  if (last?.role !== "user") return [...messages, { role: "user", content: text }]
  return [
    ...messages.slice(0, -1),
    typeof last.content === "string"
      ? { role: "user", content: `${last.content}\n\n${text}` }
      : { role: "user", content: [...last.content, { type: "text", text }] }
  ]
}

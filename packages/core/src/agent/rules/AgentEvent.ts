/**
 * Everything that happens in a run, as data. `evolve` folds these into the state; views, journals, progress
 * notifications and metrics read nothing else.
 */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { fromJson } from "../../json/ExactJson.ts"
import { ChatMessage, ChatReply, Usage } from "../../lmstudio/Chat.ts"
import { ToolResult } from "../../mcp/ToolResult.ts"
import { Ensured } from "../../models/Ensured.ts"
import { ProcessIdentity } from "../../machine/ProcessIdentity.ts"
import { RunId } from "../../observability/Correlation.ts"
import { AgentTask } from "../AgentTask.ts"
import { Way } from "../shapes/Conversation.ts"
import { ToolTraits } from "../policy/ToolTraits.ts"

/** A failure as events, outcomes and adapters show it: a stable tag and a sentence. */
export const Problem = Schema.Struct({ tag: Schema.String, message: Schema.String })
export type Problem = typeof Problem.Type

/** What a budget can be on. */
export const BudgetKind = Schema.Literal("rounds", "wall-time", "tool-calls", "tokens", "result-bytes")
export type BudgetKind = typeof BudgetKind.Type

/** A tool call that ran, for the account at the end. */
export const CallRecord = Schema.Struct({
  round: Schema.NonNegativeInt,
  server: Schema.String,
  tool: Schema.String,
  isError: Schema.Boolean,
  millis: Schema.NonNegative,
  /** It was running when the run was stopped, and may or may not have taken effect. */
  uncertain: optional(Schema.Boolean)
})
export type CallRecord = typeof CallRecord.Type

/**
 * How a run ended. `done`: the model answered. `budget`: a budget ended it and `answer` is the best there was. `stalled`:
 * it went round in circles and was asked for what it had. `failed`: `problem` says why; `answer` is what there was.
 * `unfinished`: somebody stopped it; only told to those who read along, and never kept, because the run may go on.
 */
export const AgentOutcome = Schema.Struct({
  status: Schema.Literal("done", "budget", "stalled", "failed", "unfinished"),
  answer: Schema.String,
  /** The answer was cut by the token limit even after it was continued. */
  cut: Schema.Boolean,
  budget: optional(BudgetKind),
  problem: optional(Problem),
  /** The answer as JSON when an output schema was given. */
  structured: optional(Schema.Unknown),
  model: optional(Schema.String),
  rounds: Schema.NonNegativeInt,
  toolCalls: Schema.Array(CallRecord),
  usage: Usage,
  /** Milliseconds from start to end. */
  millis: Schema.NonNegative,
  /** Servers that were asked for and did not take part. */
  missingServers: Schema.Array(Schema.Struct({ server: Schema.String, problem: Problem }))
})
export type AgentOutcome = typeof AgentOutcome.Type

/**
 * What a request holds, in tokens as estimated and corrected by the server's counts. `free` is negative when it does not
 * fit. `measures` says what was left out to make it fit.
 */
export const ContextAccount = Schema.Struct({
  contextLength: Schema.NonNegativeInt,
  system: Schema.NonNegativeInt,
  tools: Schema.NonNegativeInt,
  history: Schema.NonNegativeInt,
  reserve: Schema.NonNegativeInt,
  free: Schema.Int,
  measures: Schema.Array(Schema.String)
})
export type ContextAccount = typeof ContextAccount.Type

/**
 * How tools were chosen: at most so many, with at most so many tokens of definitions where the context is known, from
 * this order. `embeddings` is the model that ranked them beside their words; absent where words alone did.
 */
export const ToolChoice = Schema.Struct({
  limits: Schema.Struct({ count: Schema.Int, tokens: optional(Schema.Int) }),
  embeddings: optional(Schema.String),
  ranked: Schema.Array(Schema.String)
})
export type ToolChoice = typeof ToolChoice.Type

/** On every event. `at` is epoch milliseconds; `seq` counts from 0 within the run. */
const stamped = { runId: RunId, seq: Schema.NonNegativeInt, at: Schema.Number }

export const AgentEvent = Schema.Union(
  /** `history` is the conversation that this run goes on from. `process` carries it out, where that can be told. */
  Schema.TaggedStruct("RunStarted", {
    ...stamped,
    task: AgentTask,
    history: optional(Schema.Array(ChatMessage)),
    process: optional(ProcessIdentity)
  }),
  /** The run was taken up again from its journal, with these budgets for what is left of it. */
  Schema.TaggedStruct("RunResumed", { ...stamped, task: AgentTask, process: optional(ProcessIdentity) }),
  /** Something worth a person's eye while the run prepares: a server that starts, a model that loads. */
  Schema.TaggedStruct("Preparing", { ...stamped, what: Schema.String, progress: optional(Schema.Number) }),
  Schema.TaggedStruct("ServersReady", {
    ...stamped,
    /** `withheld`: names of tools that are not what the user trusted (`mcp.lock`). */
    ready: Schema.Array(
      Schema.Struct({
        server: Schema.String,
        tools: Schema.NonNegativeInt,
        withheld: optional(Schema.Array(Schema.String))
      })
    ),
    missing: Schema.Array(Schema.Struct({ server: Schema.String, problem: Problem }))
  }),
  Schema.TaggedStruct("ModelReady", { ...stamped, ensured: Ensured }),
  /**
   * The tools that the next requests offer, by the names that the model sees. `estimatedTokens` of their definitions.
   * `choice` says why these, where there were more: the limits, and the likeliest tools for the task in order.
   */
  Schema.TaggedStruct("ToolsOffered", {
    ...stamped,
    offered: Schema.Array(Schema.String),
    withheld: Schema.NonNegativeInt,
    estimatedTokens: Schema.NonNegativeInt,
    choice: optional(ToolChoice)
  }),
  /** `account` where the context of the model is known. */
  Schema.TaggedStruct("RoundStarted", {
    ...stamped,
    round: Schema.NonNegativeInt,
    final: Schema.Boolean,
    account: optional(ContextAccount)
  }),
  /** For display only: the whole text comes with `ModelReplied`. */
  Schema.TaggedStruct("TextDelta", { ...stamped, text: Schema.String }),
  Schema.TaggedStruct("ReasoningDelta", { ...stamped, text: Schema.String }),
  /** `toolCalls` have ids that are unique in the run; calls without a name are left out. */
  Schema.TaggedStruct("ModelReplied", {
    ...stamped,
    round: Schema.NonNegativeInt,
    reply: ChatReply,
    /** Text that looks like a tool call and was not taken as one: what the model is to hear about it. */
    unread: optional(Schema.String),
    /** When the model says it again, that text is taken for the answer. */
    mayBeAnswer: optional(Schema.Boolean),
    /** The calls were found in the text of the reply. */
    inText: optional(Schema.Boolean)
  }),
  /**
   * The request came to no whole reply. `repeatable`: the same request may succeed. `partial` is the text that had
   * arrived.
   */
  Schema.TaggedStruct("ModelFailed", {
    ...stamped,
    round: Schema.NonNegativeInt,
    problem: Problem,
    repeatable: Schema.Boolean,
    partial: Schema.String,
    /** The server says that the request did not fit its context, of this many tokens where it says so. */
    overflow: optional(Schema.Struct({ contextLength: optional(Schema.NonNegativeInt) })),
    /** The engine could not work with the schemas of the request. */
    grammar: optional(Schema.Boolean),
    /** What the server said when the chat template of the model refused the conversation. */
    template: optional(Schema.String),
    /** Tools whose definitions the server does not take. */
    refusedTools: optional(Schema.Array(Schema.String))
  }),
  /** The first `messages` of the conversation have been replaced by the task and a summary. */
  Schema.TaggedStruct("Compacted", {
    ...stamped,
    summary: Schema.String,
    messages: Schema.NonNegativeInt,
    usage: optional(Usage)
  }),
  /** Arguments have been parsed and validated; the tool is about to run. */
  Schema.TaggedStruct("ToolCallStarted", {
    ...stamped,
    callId: Schema.String,
    name: Schema.String,
    server: Schema.String,
    tool: Schema.String,
    arguments: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    /** What the tool does, where it is known; absent for tools of the loop itself. */
    traits: optional(ToolTraits)
  }),
  /** A person is being asked whether this call may run. */
  Schema.TaggedStruct("ApprovalAsked", {
    ...stamped,
    callId: Schema.String,
    server: Schema.String,
    tool: Schema.String,
    arguments: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    reason: Schema.String
  }),
  Schema.TaggedStruct("ApprovalAnswered", { ...stamped, callId: Schema.String, approved: Schema.Boolean }),
  /** The call did not run, and `told` is what the model hears instead of a result. */
  Schema.TaggedStruct("ToolCallRefused", {
    ...stamped,
    callId: Schema.String,
    name: Schema.String,
    reason: Schema.Literal("UnknownTool", "InvalidArguments", "Policy", "Withheld", "Budget"),
    told: Schema.String,
    /** Who did not allow it, where the policy is the reason: one of its rules, the person, or nobody was there to ask. */
    by: optional(Schema.Literal("rule", "person", "nobody"))
  }),
  Schema.TaggedStruct("ToolCallProgress", { ...stamped, callId: Schema.String, message: Schema.String }),
  /** `told` is the text that goes into the conversation; `result` is what the server gave. */
  Schema.TaggedStruct("ToolCallFinished", {
    ...stamped,
    callId: Schema.String,
    server: Schema.String,
    tool: Schema.String,
    told: Schema.String,
    result: optional(ToolResult),
    isError: Schema.Boolean,
    bytes: Schema.NonNegativeInt,
    millis: Schema.NonNegative,
    /** Under which id the whole text can be read again. */
    artifact: optional(Schema.String)
  }),
  /** Nothing came that can be used, so the same request is sent again. */
  Schema.TaggedStruct("RequestRepeated", {
    ...stamped,
    why: Schema.Literal("no-answer", "schema-ignored"),
    text: Schema.String
  }),
  /** The reply is not the answer yet: it stays in the conversation, and `text` tells the model what is missing. */
  Schema.TaggedStruct("AskedAgain", {
    ...stamped,
    why: Schema.Literal("cut", "call-in-text", "answer-not-valid"),
    text: Schema.String
  }),
  /** The tool did not take the model's arguments again and again; the next reply has to be nothing else. Told to the model. */
  Schema.TaggedStruct("ArgumentsAskedFor", { ...stamped, tool: Schema.String, text: Schema.String }),
  /** The run is ending, and the next request is for the best answer there is. Told to the model. */
  Schema.TaggedStruct("WrapUp", { ...stamped, text: Schema.String }),
  /** The chat template refused the conversation, which is told in this way for the rest of the run. */
  Schema.TaggedStruct("TemplateAnswered", { ...stamped, way: Way, text: Schema.String }),
  /** The server refused the definition of the tool, which is not offered for the rest of the run. */
  Schema.TaggedStruct("ToolLeftOut", { ...stamped, name: Schema.String, text: Schema.String }),
  /** The tool's schema cannot be used as it is. Said once in a run. */
  Schema.TaggedStruct("SchemaUnusable", { ...stamped, name: Schema.String, text: Schema.String }),
  /** Words about the run for whoever reads along; nothing depends on them. `usage` where it cost tokens. */
  Schema.TaggedStruct("Noted", { ...stamped, kind: Schema.String, text: Schema.String, usage: optional(Usage) }),
  /** The run goes round in circles with a tool; what is done about it. `text` is told to the model, but for `end`. */
  Schema.TaggedStruct("Stalled", {
    ...stamped,
    step: Schema.Literal("nudge", "withhold", "end"),
    tool: Schema.String,
    text: Schema.String
  }),
  Schema.TaggedStruct("BudgetReached", { ...stamped, budget: BudgetKind }),
  Schema.TaggedStruct("RunFinished", { ...stamped, outcome: AgentOutcome }),
  /** The run came to no outcome, because something that it needs was not there. It may be taken up again. */
  Schema.TaggedStruct("RunFailed", { ...stamped, problem: Problem })
)
export type AgentEvent = typeof AgentEvent.Type

type Unstamped<E> = E extends AgentEvent ? Omit<E, "runId" | "seq" | "at"> : never

/** What happened, before the run gives it its id, number and time. */
export type AgentEventBody = Unstamped<AgentEvent>

export const stamp = (body: AgentEventBody, runId: RunId, seq: number, at: number): AgentEvent => ({
  ...body,
  runId,
  seq,
  at
})

/** An event as JSON on one line, as `run --json`, the journal and MCP resources write it. */
export const AgentEventJson = fromJson(AgentEvent)

/**
 * Everything that happens in a run, as data. `evolve` folds the events into the state; views, journals, progress
 * notifications and metrics read only these.
 */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { fromJson } from "../../json/ExactJson.ts"
import { ChatMessage, ChatReply, Usage } from "../../lmstudio/Chat.ts"
import { ToolResult } from "../../mcp/ToolResult.ts"
import { Ensured } from "../../models/Ensured.ts"
import { ProcessIdentity } from "../../machine/ProcessIdentity.ts"
import { RunId } from "../../observability/Correlation.ts"
import { AgentTask, SkillLine } from "../AgentTask.ts"
import { ToolForm, Way } from "../ToolForm.ts"
import { ToolTraits } from "../policy/ToolTraits.ts"

/** A failure as shown in events, outcomes and adapters: a stable tag and a sentence. */
export const Problem = Schema.Struct({
  tag: Schema.String,
  message: Schema.String,
  /** Tokens of context that would be enough. */
  contextLength: optional(Schema.Int)
})
export type Problem = typeof Problem.Type

/** What a budget can limit. */
export const BudgetKind = Schema.Literal("rounds", "wall-time", "tool-calls", "tokens", "result-bytes")
export type BudgetKind = typeof BudgetKind.Type

/** A tool call that ran, for the outcome. */
export const CallRecord = Schema.Struct({
  round: Schema.NonNegativeInt,
  server: Schema.String,
  tool: Schema.String,
  isError: Schema.Boolean,
  millis: Schema.NonNegative,
  /** It was running when the run was stopped. */
  stopped: optional(Schema.Boolean),
  /** And it may have taken effect, or not. */
  uncertain: optional(Schema.Boolean)
})
export type CallRecord = typeof CallRecord.Type

/**
 * How a run ended. `done`: the model answered. `budget`: a budget ended it, and `answer` is the best available. `stalled`:
 * it repeated itself, and the model was asked for its best answer. `failed`: `problem` says why; `answer` is what there
 * was. `unfinished`: it was stopped; this is shown to readers but never stored, because the run can be resumed.
 */
export const AgentOutcome = Schema.Struct({
  status: Schema.Literal("done", "budget", "stalled", "failed", "unfinished"),
  answer: Schema.String,
  /** The answer was truncated by the token limit even after it was continued. */
  cut: Schema.Boolean,
  budget: optional(BudgetKind),
  problem: optional(Problem),
  /** The answer as JSON, when an output schema was given. */
  structured: optional(Schema.Unknown),
  model: optional(Schema.String),
  rounds: Schema.NonNegativeInt,
  toolCalls: Schema.Array(CallRecord),
  usage: Usage,
  /** Milliseconds from start to end. */
  millis: Schema.NonNegative,
  /** Requested servers that did not take part. */
  missingServers: Schema.Array(Schema.Struct({ server: Schema.String, problem: Problem }))
})
export type AgentOutcome = typeof AgentOutcome.Type

/**
 * What a request contains, in estimated tokens corrected by the server's counts. `free` is negative when it does not fit.
 * `measures` says what was left out to make it fit.
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
 * How tools were chosen: at most `count`, with definitions of at most `tokens` where the context is known, in the order of
 * `ranked`. `embeddings` is the model that helped to rank them; absent where they were ranked by words alone.
 */
export const ToolChoice = Schema.Struct({
  limits: Schema.Struct({ count: Schema.Int, tokens: optional(Schema.Int) }),
  embeddings: optional(Schema.String),
  ranked: Schema.Array(Schema.String)
})
export type ToolChoice = typeof ToolChoice.Type

/** Fields of every event. `at` is epoch milliseconds; `seq` counts from 0 within the run. */
/**
 * What a step may be that is asked for again: anything, tools that only read, tools that change something and destroy nothing
 * (`adding`), or both of these and what was called before (`careful`).
 */
export const StepsLeft = Schema.Literal("all", "careful", "reading", "adding")
export type StepsLeft = typeof StepsLeft.Type

const stamped = { runId: RunId, seq: Schema.NonNegativeInt, at: Schema.Number }

export const AgentEvent = Schema.Union(
  /** `history` is the conversation that this run continues. `process` carries the run out, where known. */
  Schema.TaggedStruct("RunStarted", {
    ...stamped,
    task: AgentTask,
    /** The skills that the model may open, as they were found. */
    skills: optional(Schema.Array(SkillLine)),
    history: optional(Schema.Array(ChatMessage)),
    process: optional(ProcessIdentity)
  }),
  /** The run was resumed from its journal, with the budgets of this task. */
  Schema.TaggedStruct("RunResumed", { ...stamped, task: AgentTask, process: optional(ProcessIdentity) }),
  /** Progress of the preparation, for a person: a server that starts, a model that loads. */
  Schema.TaggedStruct("Preparing", { ...stamped, what: Schema.String, progress: optional(Schema.Number) }),
  Schema.TaggedStruct("ServersReady", {
    ...stamped,
    /** `withheld`: names of tools that differ from what the user trusted (`mcp.lock`). */
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
   * The model keeps failing, and the run goes on with the next one of its task that can take its place. `passedOver` has all
   * so far, by their names in the task. What `toolCalls` calls have done stays done.
   */
  Schema.TaggedStruct("ModelGivenUp", {
    ...stamped,
    model: Schema.String,
    passedOver: Ensured.fields.steppedDown,
    rounds: Schema.NonNegativeInt,
    toolCalls: Schema.NonNegativeInt,
    text: Schema.String
  }),
  /** How the model is told of its tools, and its calls are read, from here on; `text` says why. */
  Schema.TaggedStruct("ToolFormChosen", { ...stamped, form: ToolForm, text: Schema.String }),
  /**
   * The tools that the next requests offer, by the names that the model sees. `estimatedTokens` is the size of their
   * definitions. `choice` says why these, where there were more: the limits, and the best matches for the task in order.
   */
  Schema.TaggedStruct("ToolsOffered", {
    ...stamped,
    offered: Schema.Array(Schema.String),
    withheld: Schema.NonNegativeInt,
    estimatedTokens: Schema.NonNegativeInt,
    choice: optional(ToolChoice),
    /** The servers have other tools than before, so that the model is told of all of them again. */
    anew: optional(Schema.Boolean)
  }),
  /** `account` where the context of the model is known. */
  Schema.TaggedStruct("RoundStarted", {
    ...stamped,
    round: Schema.NonNegativeInt,
    final: Schema.Boolean,
    account: optional(ContextAccount)
  }),
  /** For display only; the whole text comes with `ModelReplied`. */
  Schema.TaggedStruct("TextDelta", { ...stamped, text: Schema.String }),
  Schema.TaggedStruct("ReasoningDelta", { ...stamped, text: Schema.String }),
  /** `toolCalls` have ids that are unique in the run; calls without a name are left out. */
  Schema.TaggedStruct("ModelReplied", {
    ...stamped,
    round: Schema.NonNegativeInt,
    reply: ChatReply,
    /** What to tell the model about text that looks like a tool call but was not accepted as one. */
    unread: optional(Schema.String),
    /** When the model repeats that text, it counts as the answer. */
    mayBeAnswer: optional(Schema.Boolean),
    /** The calls were found in the text of the reply. */
    inText: optional(Schema.Boolean),
    /** That text, as the model goes on seeing it. */
    written: optional(Schema.String)
  }),
  /**
   * The request did not yield a whole reply. `repeatable`: the same request may succeed. `partial` is the text that had
   * arrived.
   */
  Schema.TaggedStruct("ModelFailed", {
    ...stamped,
    round: Schema.NonNegativeInt,
    problem: Problem,
    repeatable: Schema.Boolean,
    partial: Schema.String,
    /** The request did not fit the server's context, of this many tokens where the server says so. */
    overflow: optional(Schema.Struct({ contextLength: optional(Schema.NonNegativeInt) })),
    /** The engine could not handle the schemas of the request. */
    grammar: optional(Schema.Boolean),
    /** What the server said when the model's chat template refused the conversation. */
    template: optional(Schema.String),
    /** Tools whose definitions the server does not accept. */
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
  /** The call did not run; `told` is what the model gets instead of a result. */
  Schema.TaggedStruct("ToolCallRefused", {
    ...stamped,
    callId: Schema.String,
    name: Schema.String,
    reason: Schema.Literal("UnknownTool", "InvalidArguments", "Policy", "Withheld", "Budget", "Repeated"),
    told: Schema.String,
    /** Who refused it, where the policy is the reason: a rule, the person, or nobody, because nobody could be asked. */
    by: optional(Schema.Literal("rule", "person", "nobody"))
  }),
  Schema.TaggedStruct("ToolCallProgress", { ...stamped, callId: Schema.String, message: Schema.String }),
  /** `told` is the text that goes into the conversation; `result` is what the server returned. */
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
    /** The id under which the whole text can be read again. */
    artifact: optional(Schema.String)
  }),
  /** The reply is unusable, so the same request is sent again. */
  Schema.TaggedStruct("RequestRepeated", {
    ...stamped,
    why: Schema.Literal("no-answer", "schema-ignored"),
    text: Schema.String
  }),
  /** The reply is not the answer yet: it stays in the conversation, and `text` tells the model what is missing. */
  Schema.TaggedStruct("AskedAgain", {
    ...stamped,
    why: Schema.Literal("cut", "call-in-text", "answer-not-valid", "empty", "no-answer"),
    text: Schema.String
  }),
  /**
   * The step is asked for again without these names, or as another call of one tool (`again`); what was said is dropped.
   */
  Schema.TaggedStruct("StepNarrowed", {
    ...stamped,
    without: Schema.Array(Schema.String),
    left: StepsLeft,
    again: optional(Schema.String),
    text: Schema.String
  }),
  /** The tool has repeatedly rejected the model's arguments; the next reply must be only arguments. Sent to the model. */
  Schema.TaggedStruct("ArgumentsAskedFor", { ...stamped, tool: Schema.String, text: Schema.String }),
  /** The run is ending, and the next request is for the best answer available. Sent to the model. */
  Schema.TaggedStruct("WrapUp", { ...stamped, text: Schema.String }),
  /** The chat template refused the conversation, which is sent in this way for the rest of the run. */
  Schema.TaggedStruct("TemplateAnswered", { ...stamped, way: Way, text: Schema.String }),
  /** The server refused the definition of the tool, which is not offered for the rest of the run. */
  Schema.TaggedStruct("ToolLeftOut", { ...stamped, name: Schema.String, text: Schema.String }),
  /** The tool's schema cannot be used as it is. Reported once per run. */
  Schema.TaggedStruct("SchemaUnusable", { ...stamped, name: Schema.String, text: Schema.String }),
  /** A note for readers, who may choose by its `kind`; the run does not depend on it. `usage` where it cost tokens. */
  Schema.TaggedStruct("Noted", { ...stamped, kind: Schema.String, text: Schema.String, usage: optional(Usage) }),
  /** The run repeats itself with a tool; `step` is what is done about it. `text` is sent to the model, except for `end`. */
  Schema.TaggedStruct("Stalled", {
    ...stamped,
    step: Schema.Literal("nudge", "withhold", "end"),
    tool: Schema.String,
    text: Schema.String
  }),
  Schema.TaggedStruct("BudgetReached", { ...stamped, budget: BudgetKind }),
  Schema.TaggedStruct("RunFinished", { ...stamped, outcome: AgentOutcome }),
  /** The run has no outcome, because something that it needs was not available. It can be resumed. */
  Schema.TaggedStruct("RunFailed", { ...stamped, problem: Problem })
)
export type AgentEvent = typeof AgentEvent.Type

type Unstamped<E> = E extends AgentEvent ? Omit<E, "runId" | "seq" | "at"> : never

/** An event before the run adds its id, number and time. */
export type AgentEventBody = Unstamped<AgentEvent>

export const stamp = (body: AgentEventBody, runId: RunId, seq: number, at: number): AgentEvent => ({
  ...body,
  runId,
  seq,
  at
})

/** An event as JSON on one line, for `run --json`, the journal and MCP resources. */
export const AgentEventJson = fromJson(AgentEvent)

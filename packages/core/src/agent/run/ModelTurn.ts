/** One request to the model: planned for the context, streamed, and reported as one reply or one failure. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import type { ChatReply, ChatRequest, ToolDefinition } from "../../lmstudio/Chat.ts"
import { present } from "../../schema/Fields.ts"
import { spanned } from "../../observability/spanned.ts"
import * as Builtins from "../tools/Builtins.ts"
import * as Compaction from "./Compaction.ts"
import * as ContextWindow from "./ContextWindow.ts"
import { CurrentRun } from "./CurrentRun.ts"
import * as ModelFailure from "./ModelFailure.ts"
import * as ModelReply from "../rules/ModelReply.ts"
import type { Prepared } from "./Preparation.ts"
import * as ReplyStream from "./ReplyStream.ts"
import * as Bound from "../shapes/Bound.ts"
import * as BoundReply from "../rules/BoundReply.ts"
import type { StepsLeft } from "../rules/AgentEvent.ts"
import type { AgentState } from "../rules/AgentState.ts"
import type { RunTools } from "./RunTools.ts"
import * as Toolbox from "../tools/Toolbox.ts"
import type { RunLog } from "./RunLog.ts"
import * as Conversation from "../shapes/Conversation.ts"
import { plainSchema } from "../schema/SlimSchema.ts"
import type { Shape } from "../rules/Decide.ts"
import * as StallGuard from "../rules/StallGuard.ts"
import * as StructuredAnswer from "../schema/StructuredAnswer.ts"
import * as SkillTool from "../tools/SkillTool.ts"
import { systemMessage } from "./SystemMessage.ts"
import type { CatalogTool } from "../tools/CatalogTool.ts"
import type { ToolCatalog } from "../tools/ToolCatalog.ts"
import * as ShownText from "../forms/ShownText.ts"
import { recover } from "../forms/TextCalls.ts"

/**
 * Every failure becomes the event `ModelFailed`.
 */
export const ask = Effect.fnUntraced(function* (
  prepared: Prepared,
  { final, round, shape }: { readonly round: number; readonly final: boolean; readonly shape: Shape }
) {
  const { log } = yield* CurrentRun
  if (!final) yield* prepared.tools.refresh
  const { form } = log.state.adapted
  const callable = !final && shape === undefined
  const plan = yield* planned(prepared, callable ? "callable" : offerOf(log, shape))
  const account = plan.account === undefined ? {} : { account: plan.account }
  yield* log.tell({ _tag: "RoundStarted", round, final, ...account })
  const shown = form === "bound" ? shownStep() : ShownText.make()
  const outcome =
    plan._tag === "Full"
      ? Either.left(ModelFailure.contextExceeded(plan.account, log.state.ensured?.maxContextLength))
      : yield* streamed(
          prepared,
          plan,
          {
            responseSchema: responseSchema(log, prepared, { final, shape }),
            // the tools stay in the head of the prompt, which the engine has read, and none may be called
            toolChoice: callable ? undefined : "none"
          },
          shown,
          callable && form !== "bound"
        )

  const { messages, turn } = log.state
  if (Either.isLeft(outcome)) {
    const partial = (turn._tag === "Asking" ? turn.text : "") + shown.rest()
    // a call that the model repeats endlessly counts as one call
    const begun =
      outcome.left.problem.tag === ModelFailure.repeating.problem.tag && !final && shape === undefined
        ? recover(ReplyStream.cutReply(log, { content: partial, finishReason: "length" }), {
            catalog: prepared.tools.catalog,
            messages
          })
        : undefined
    if (begun?.inText !== true) return yield* log.tell({ _tag: "ModelFailed", round, partial, ...outcome.left })
    const reply = ModelReply.normalised(begun.reply, { messages, round, final })
    return yield* log.tell({ _tag: "ModelReplied", round, reply, inText: true, ...present({ written: begun.written }) })
  }
  const asked = (reply: ChatReply) => ({
    reply,
    unread: undefined,
    mayBeAnswer: false,
    inText: false,
    written: undefined
  })
  const step =
    form === "bound"
      ? BoundReply.read(outcome.right, { structured: shape === "answer" && log.state.task.outputSchema !== undefined })
      : undefined
  const { inText, mayBeAnswer, reply, unread, written } =
    step !== undefined
      ? asked(step)
      : typeof shape === "object"
        ? asked(asCall(outcome.right, shape.tool))
        : shape === "answer"
          ? asked(outcome.right)
          : recover(outcome.right, { catalog: prepared.tools.catalog, messages, final })
  const rest = shown.rest()
  if (rest !== "" && unread === undefined && reply.toolCalls.length === 0 && reply.content.endsWith(rest.trim())) {
    yield* log.tell({ _tag: "TextDelta", text: rest })
  }
  return yield* log.tell({
    _tag: "ModelReplied",
    round,
    reply: ModelReply.normalised(reply, { messages, round, final }),
    ...present({ unread }),
    ...(mayBeAnswer ? { mayBeAnswer } : {}),
    ...(inText ? { inText } : {}),
    ...present({ written })
  })
}, spanned("AgentLoop.ask"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How a request tells of tools: to be called, only so that the head of the prompt stays as it is, or not at all. */
type Offer = "callable" | "kept" | "none"

/** Where the server ignored the schema of the reply, its grammar may support only one of schema and tools. */
const offerOf = ({ state: { adapted } }: RunLog, shape: Shape): Offer =>
  adapted.form !== "bound" && shape !== undefined && adapted.schemaIgnored ? "none" : "kept"

/** What a step is shown of: the words of an answer. */
const shownStep = (): ShownText.ShownText => {
  const { push } = BoundReply.shownAnswer()
  return { push, rest: () => "" }
}

const responseSchema = (
  { state }: RunLog,
  { tools }: Prepared,
  { final, shape }: { readonly final: boolean; readonly shape: Shape }
): ChatRequest["responseSchema"] => {
  if (state.adapted.plainSchemas) return undefined
  if (state.adapted.form === "bound") {
    if (typeof shape === "object") {
      const tool = tools.catalog.find(shape.tool)
      if (tool !== undefined) {
        return { name: "step", schema: Bound.callStep(tool.name, plainSchema(tool.definition.parameters)) }
      }
    }
    const again = final ? undefined : tools.catalog.find(state.attempt.narrowed?.again ?? "")
    if (again !== undefined) return { name: "step", schema: Bound.callStep(again.name, sameThing(state, again)) }
    return {
      name: "step",
      schema:
        final || shape === "answer" || tools.catalog.tools.length === 0
          ? Bound.answerStep(shape === "answer" ? state.task.outputSchema : undefined)
          : Bound.stepSchema(narrowed(state, tools))
    }
  }
  if (shape === undefined) return undefined
  if (shape === "answer") return { name: "answer", schema: state.task.outputSchema ?? {} }
  const tool = tools.catalog.find(shape.tool)
  return tool === undefined ? undefined : { name: "arguments", schema: plainSchema(tool.definition.parameters) }
}

/** Arguments for another try; of a tool that may destroy something, for the same thing: its first argument stays. */
const sameThing = ({ messages }: AgentState, { definition, name, tool }: CatalogTool): Record<string, unknown> => {
  const schema = plainSchema(definition.parameters)
  const last = messages
    .flatMap((message) => (message.role === "assistant" ? message.toolCalls : []))
    .findLast((call) => call.name === name)
  const args = parseJson(last?.arguments ?? "")
  const [first] = Object.entries(Predicate.isRecord(args) ? args : {})
  const { properties } = schema
  return tool.annotations?.destructive === false || first === undefined || !Predicate.isRecord(properties)
    ? schema
    : { ...schema, properties: { ...properties, [first[0]]: { const: first[1] } } }
}

/** A reply that consists of requested arguments, as a call. */
const asCall = (reply: ChatReply, name: string): ChatReply => {
  // under a schema, a thinking model may have written them in its reasoning
  const args = reply.content.trim() === "" ? StructuredAnswer.inReasoning(reply.reasoning)[0] : reply.content
  return reply.toolCalls.length > 0 || args === undefined
    ? reply
    : { ...reply, content: "", toolCalls: [{ id: "", name, arguments: args }] }
}

/** Names that a step may have: the same in every request of a run, unless tools come to it. */
const callable = (state: AgentState, { catalog, limits }: RunTools): ReadonlyArray<string> => {
  const named = Toolbox.namesFit(catalog.tools, limits) ? catalog.tools.map(({ name }) => name) : []
  return [...new Set([...state.introduced, ...named, ...state.offered])].filter(
    (name) =>
      catalog.find(name) !== undefined && !state.adapted.leftOut.includes(name) && !StallGuard.isWithheld(state, name)
  )
}

/** What the next step may be. Where that leaves nothing, it may be what does no harm, or anything. */
const narrowed = (state: AgentState, tools: RunTools): ReadonlyArray<string> => {
  const names = [...callable(state, tools), Bound.answer]
  const { without = [], left: kind = "all" } = state.attempt.narrowed ?? {}
  const left = (kind: StepsLeft) =>
    names.filter((name) => {
      // to look for further tools is no step towards the task
      if (without.includes(name) || (kind !== "all" && name === Builtins.findTools)) return false
      const { destructive, readOnly } = tools.catalog.find(name)?.tool.annotations ?? {}
      const adding = readOnly !== true && destructive === false
      switch (kind) {
        case "all":
          return true
        case "reading":
          return readOnly === true
        case "adding":
          return adding
        case "careful":
          return readOnly === true || adding || state.used.includes(name)
      }
    })
  // what failed is made good where it failed: another server keeps other things
  const servers = without.map((name) => tools.catalog.find(name)?.tool.server)
  const beside = left(kind).filter((name) => servers.includes(tools.catalog.find(name)?.tool.server))
  const choices = kind === "adding" ? [beside, left(kind), left("careful"), names] : [left(kind), names]
  return choices.find((some) => some.length > 0) ?? names
}

/** The request as it fits, after a summary of the old turns or with a larger context if that is what it takes. */
const planned = Effect.fnUntraced(function* (prepared: Prepared, offer: Offer) {
  const { log, policy } = yield* CurrentRun
  let plan = ContextWindow.plan(draftOf(log, prepared, offer))
  if (plan._tag === "Full" && plan.old > 0) {
    yield* log.tell(yield* Compaction.compact(log.state, yield* prepared.lease, plan.old))
    plan = ContextWindow.plan(draftOf(log, prepared, offer))
  }
  if (plan._tag === "Full" && log.state.ensured?.owner === "lms-bridge") {
    const wanted = ContextWindow.contextFor(plan.account)
    if (policy.largestContext !== undefined && wanted <= policy.largestContext) {
      yield* Effect.catchAll(prepared.grow(wanted), (error) =>
        log.tell({ _tag: "Noted", kind: "context", text: error.message })
      )
      plan = ContextWindow.plan(draftOf(log, prepared, offer))
    }
  }
  return plan._tag === "Fits" ? yield* readable(prepared, offer, plan) : plan
})

/** A model that gets shortened results also needs the tools that read them. */
const readable = Effect.fnUntraced(function* (prepared: Prepared, how: Offer, plan: ContextWindow.Plan) {
  const { log } = yield* CurrentRun
  const shortened = plan.account?.measures.some((measure) => measure.endsWith("shortened")) === true
  const { artifacts, offered } = log.state
  if (
    how !== "callable" ||
    !shortened ||
    artifacts.length === 0 ||
    Builtins.artifactTools.every((name) => offered.includes(name))
  ) {
    return plan
  }
  yield* offer(log, prepared, Builtins.artifactTools)
  return ContextWindow.plan(draftOf(log, prepared, how))
})

/** Adds tools to what the next requests offer. */
export const offer = (
  log: RunLog,
  { tools: { catalog } }: Prepared,
  names: ReadonlyArray<string>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const before = log.state.offered
    const offered = [...before, ...names.filter((name) => !before.includes(name))]
    if (offered.length === before.length) return Effect.void
    const tools = offered.flatMap((name) => catalog.find(name) ?? [])
    return log.tell({
      _tag: "ToolsOffered",
      offered,
      withheld: Math.max(0, catalog.tools.length - tools.filter(({ builtin }) => !builtin).length),
      estimatedTokens: ContextWindow.tokensOf(tools, log.state.adapted.form === "bound")
    })
  })

/**
 * Tools that came to a run are told where they were found, and not in the head of the prompt. Only engines that hold native
 * calls to the definitions need those of the tools for long results, unless `call_tool` is there to reach them.
 */
const listedLater = ({ adapted, introduced, offered }: AgentState): ReadonlyArray<string> =>
  adapted.form === "native" && !introduced.includes(Builtins.callTool)
    ? offered.filter((name) => Builtins.artifactTools.includes(name) && !introduced.includes(name))
    : []

const draftOf = ({ state }: RunLog, prepared: Prepared, how: Offer): ContextWindow.Draft => {
  const { catalog, limits, toolbox } = prepared.tools
  const { adapted, introduced, task } = state
  const steps = adapted.form === "bound"
  const found = (names: ReadonlyArray<string>) => names.flatMap((name) => catalog.find(name) ?? [])
  const listed = [...introduced, ...listedLater(state)]
  const tools = how === "none" ? [] : found(listed.filter((name) => !adapted.leftOut.includes(name)))
  const needed = (tool: CatalogTool) => how === "callable" && (tool.builtin || state.used.includes(tool.name))
  const { skills = [] } = state
  const withTools = catalog.tools.length > 0 || task.resources === true || skills.length > 0
  return {
    system: systemMessage(task, {
      tools: withTools,
      steps: steps && withTools,
      // by the context of the beginning, so that the head of the prompt stays
      skills: SkillTool.paragraph(skills, SkillTool.tokensFor(limits.contextLength)),
      names: steps ? [] : namedOnly(state, prepared.tools)
    }),
    messages: state.messages,
    tools,
    inLines: steps,
    whole: ContextWindow.mayBeWhole(found(introduced), limits.contextLength),
    // the least likely first; what was found on the way is likelier than what was guessed at the start
    expendable: toolbox.ranked.toReversed().filter((tool) => tools.includes(tool) && !needed(tool)),
    contextLength: state.contextLength,
    reserve: ContextWindow.reserveFor(state.contextLength, state.task.maxTokens),
    factor: state.tokenFactor,
    plainSchemas: state.adapted.plainSchemas,
    artifactOf: (callId) => state.artifacts.findLast((artifact) => artifact.callId === callId)?.id
  }
}

const isWhole = (introduced: ReadonlyArray<string>, { tools }: ToolCatalog): boolean =>
  tools.every(({ name }) => introduced.includes(name))

/** The names of all tools, where not all are told with their parameters and there is room for them. */
const namedOnly = ({ introduced }: AgentState, { catalog, limits }: RunTools): ReadonlyArray<string> =>
  isWhole(introduced, catalog) || !Toolbox.namesFit(catalog.tools, limits) ? [] : catalog.tools.map(({ name }) => name)

/** How the conversation is told, with the tools of this request. */
const telling = (state: AgentState, run: RunTools, tools: ReadonlyArray<ToolDefinition>): Conversation.Telling => {
  const { adapted, introduced, task } = state
  const { catalog } = run
  if (adapted.form !== "bound") return { form: adapted.form }
  const all = isWhole(introduced, catalog)
  return {
    form: "bound",
    tools: {
      listed: all ? tools : [],
      likely: all ? [] : tools,
      catalog: catalog.tools.map(({ definition }) => definition),
      task: task.task,
      named: namedOnly(state, run),
      ...present({ answerSchema: task.outputSchema })
    }
  }
}

/** The request of a plan, sent. */
const streamed = Effect.fnUntraced(function* (
  prepared: Prepared,
  plan: Extract<ContextWindow.Plan, { readonly _tag: "Fits" }>,
  { responseSchema, toolChoice }: Pick<ChatRequest, "responseSchema" | "toolChoice">,
  shown: ShownText.ShownText,
  mayCallInText: boolean
) {
  const { state } = (yield* CurrentRun).log
  const { messages, tools } = Conversation.render(plan, state.adapted.ways, telling(state, prepared.tools, plan.tools))
  const request: Omit<ChatRequest, "model"> = {
    messages,
    ...(tools.length > 0 ? { tools, toolChoice } : {}),
    maxTokens: ContextWindow.replyLimit(plan.account, state.task.maxTokens),
    temperature: state.task.temperature,
    responseSchema
  }
  return yield* ReplyStream.receive(prepared, request, { shown, mayCallInText })
})

/**
 * The calls of one turn: judged, run concurrently when all of them only read and otherwise in order, each with exactly one
 * result.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { present } from "../../schema/Fields.ts"
import type { Values } from "../../configuration/Settings.ts"
import type { ToolCall, ToolDefinition } from "../../lmstudio/Chat.ts"
import type { CallProgress } from "../../mcp/McpConnection.ts"
import type { ToolResult } from "../../mcp/ToolResult.ts"
import * as Attributes from "../../observability/Attributes.ts"
import { spanned } from "../../observability/spanned.ts"
import type { AgentTask } from "../AgentTask.ts"
import type { TurnCall } from "../rules/AgentState.ts"
import { type Approval, CurrentApprover } from "../policy/Approval.ts"
import { Doubted } from "../Doubted.ts"
import { StopBetweenSteps } from "../StopBetweenSteps.ts"
import { CurrentRun } from "./CurrentRun.ts"
import * as Builtins from "../tools/Builtins.ts"
import { resultLimit } from "./ContextWindow.ts"
import { offer } from "./ModelTurn.ts"
import { signatures, whole } from "../shapes/Signature.ts"
import { isNamedBy } from "../../names/namePattern.ts"
import type { Prepared } from "./Preparation.ts"
import * as OpenCalls from "../rules/OpenCalls.ts"
import * as ReadingTools from "../tools/ReadingTools.ts"
import * as SkillTool from "../tools/SkillTool.ts"
import type { RunLog } from "./RunLog.ts"
import type { CatalogTool } from "../tools/CatalogTool.ts"
import * as ToolCatalog from "../tools/ToolCatalog.ts"
import * as ToolPolicy from "../policy/ToolPolicy.ts"
import type { ToolTraits } from "../policy/ToolTraits.ts"
import * as ToolResultImages from "../tools/ToolResultImages.ts"
import * as ToolResultText from "../tools/ToolResultText.ts"

export const runCalls = Effect.fnUntraced(function* (
  prepared: Prepared,
  { calls, whole }: { readonly calls: ReadonlyArray<TurnCall>; readonly whole: boolean }
) {
  const { log, policy } = yield* CurrentRun
  const toolPolicy = yield* ToolPolicy.CurrentToolPolicy
  const approver = yield* CurrentApprover
  const judged = calls.map(({ call, inText, uncertain }) => ({
    call,
    inText,
    uncertain,
    verdict: ToolCatalog.judge(prepared.tools.catalog, call, { whole })
  }))
  const assess = ({ arguments: args, tool }: Run) =>
    ToolPolicy.assess(toolPolicy, log.state.task, log.state.taint, tool, args)
  const together =
    judged.length > 1 &&
    judged.every(
      ({ uncertain, verdict }) =>
        uncertain !== true &&
        (verdict._tag === "Refuse" ||
          (ToolPolicy.traitsOf(toolPolicy, verdict.tool).readOnly === true && assess(verdict).decision === "allow"))
    )
  const places = new Map<string, Effect.Semaphore>()
  for (const { verdict } of together ? judged : []) {
    if (verdict._tag === "Refuse") continue
    places.set(verdict.tool.tool.server, yield* Effect.makeSemaphore(policy.callConcurrencyPerServer))
  }
  const isStopped = yield* StopBetweenSteps
  const doubt = yield* Doubted
  const doubted = (assessment: ToolPolicy.Assessment, { tool }: Run): ToolPolicy.Assessment =>
    doubt === undefined ||
    assessment.decision !== "allow" ||
    tool.builtin ||
    OpenCalls.isHarmless(ToolPolicy.traitsOf(toolPolicy, tool))
      ? assessment
      : { decision: "ask", reason: doubt }
  const one = Effect.fnUntraced(function* ({ call, inText, uncertain, verdict }: (typeof judged)[number]) {
    if (yield* isStopped) return
    if (verdict._tag === "Refuse") {
      const { reason } = verdict
      const told = `${verdict.told}${reason === "InvalidArguments" ? parametersOf(log, prepared, call.name) : ""}`
      return yield* log.tell({ _tag: "ToolCallRefused", callId: call.id, name: call.name, reason, told })
    }
    // what earlier calls of this turn have read counts too
    const assessment =
      uncertain === true
        ? { decision: "ask" as const, reason: inDoubt }
        : inText === true && mayBeForeign(log, verdict, ToolPolicy.traitsOf(toolPolicy, verdict.tool))
          ? asked(assess(verdict))
          : assess(verdict)
    const refused = yield* permitted(approver, call.id, verdict, doubted(assessment, verdict))
    if (refused !== undefined) {
      const { id: callId, name } = call
      return yield* log.tell({ _tag: "ToolCallRefused", callId, name, reason: "Policy", ...refused })
    }
    const running = settle(prepared, call, verdict)
    return yield* places.get(verdict.tool.tool.server)?.withPermits(1)(running) ?? running
  })
  if (together) return yield* Effect.forEach(judged, one, { discard: true, concurrency: policy.callConcurrency })
  for (const call of judged) yield* one(call)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The parameters of a tool of which the model knows no more than the name. */
const parametersOf = ({ state }: RunLog, { tools: { catalog } }: Prepared, name: string): string => {
  const tool = catalog.find(name)
  return tool === undefined || state.introduced.includes(tool.name) ? "" : `\nIts arguments: ${whole(tool.definition)}`
}

type Run = Extract<ToolCatalog.Verdict, { readonly _tag: "Run" }>

const inDoubt = "it was running when the run was stopped, and whether it took effect is not known"

/** Whether a call found in the text of a reply may originate from untrusted text that the run has read. */
const mayBeForeign = ({ state }: RunLog, { tool }: Run, { readOnly }: ToolTraits): boolean =>
  state.taint.untrusted &&
  readOnly !== true &&
  state.task.approvedTools?.some((pattern) => isNamedBy(pattern, tool.tool)) !== true

const asked = (assessment: ToolPolicy.Assessment): ToolPolicy.Assessment =>
  assessment.decision === "allow" ? { decision: "ask", reason: writtenAsText } : assessment

const writtenAsText =
  "it changes something, was written as text in the reply, and the run has read what strangers may have written"

/** Undefined when the call may run, else who refused it and what the model is told. */
const permitted = Effect.fnUntraced(function* (
  approver: Context.Tag.Service<typeof CurrentApprover>,
  callId: string,
  { arguments: args, tool: { name, tool } }: Run,
  { decision, reason }: ToolPolicy.Assessment
) {
  const because = `"${name}" was not run, because ${reason}`
  if (decision === "allow") return undefined
  if (decision === "refuse") return { by: "rule" as const, told: `${because}. Do without it.` }
  const { answers, log } = yield* CurrentRun
  let answer: Approval | undefined = answers.get(callId)?.approved
  if (answer === undefined) {
    if (Option.isNone(approver)) {
      return { by: "nobody" as const, told: `${because}, and nobody can be asked for permission. Do without it.` }
    }
    const call = { server: tool.server, tool: tool.name, arguments: args, reason }
    const { seq: asked } = yield* log.tell({ _tag: "ApprovalAsked", callId, ...call })
    answer = yield* approver.value({ call: { runId: log.runId, callId, asked }, ...call })
  }
  const approved = answer === true
  yield* log.tell({ _tag: "ApprovalAnswered", callId, approved })
  if (typeof answer === "object") {
    const unclear = `"${name}" was not run: ${answer.unclear}.`
    yield* log.tell({ _tag: "Noted", kind: "approval", text: unclear })
    return { by: "nobody" as const, told: `${unclear} Do without it, and say so in your answer.` }
  }
  const told = `"${name}" was not run: the person refused it. Do not try it again; do without it.`
  return approved ? undefined : { by: "person" as const, told }
})

const settle = Effect.fnUntraced(
  function* (prepared: Prepared, { id: callId }: ToolCall, verdict: Run) {
    const { artifacts, log, services } = yield* CurrentRun
    const traits = traitsOf(yield* ToolPolicy.CurrentToolPolicy, log.state.task, verdict)
    const { name } = verdict.tool
    const { name: tool, server } = verdict.tool.tool
    if (verdict.schemaProblem !== undefined && !log.state.unusable.includes(name)) {
      const text = `The schema of the tool "${name}" cannot be used as it is: ${verdict.schemaProblem}.`
      yield* log.tell({ _tag: "SchemaUnusable", name, text })
    }
    yield* log.tell({
      _tag: "ToolCallStarted",
      callId,
      name,
      server,
      tool,
      arguments: verdict.arguments,
      ...present({ traits })
    })
    const artifact = `r${log.state.callsStarted}`
    const why = traits === undefined || OpenCalls.isHarmless(traits) ? undefined : log.unstored
    const [time, result] = yield* Effect.timed(
      why === undefined ? called(prepared, callId, verdict) : Effect.succeed(Either.left(notRecorded(name, why)))
    )

    const text = Either.match(result, {
      onLeft: (failed) => failed,
      onRight: (answer) =>
        ToolResultText.textOf(answer, log.state.ensured?.vision === true ? ToolResultImages.shown(answer) : undefined)
    })
    const limit = limitOf(services.settings, log)
    const hint = `; read_artifact and search_artifact with id "${artifact}" show the rest`
    const foreign = isForeign(verdict.tool)
    const { bytes, cut, told } = ToolResultText.limited(text, limit, foreign ? hint : "")
    const kept = foreign && text.length > shortText
    const readers = cut && kept ? untoldReaders(log, prepared) : []
    const readable = readers.length === 0 ? told : `${told}\n[To read on:\n${signatures(readers)}]`
    if (kept) artifacts.put(artifact, text)
    const isError = Either.isLeft(result) || result.right.isError
    if (isError) yield* Attributes.annotate(Attributes.errorType("tool_error"))
    yield* Attributes.annotateContent("gen_ai.tool.call.arguments", () => verdict.arguments)
    yield* Attributes.annotateContent("gen_ai.tool.call.result", () => readable)
    yield* log.tell({
      _tag: "ToolCallFinished",
      callId,
      server,
      tool,
      told: readable,
      ...(Either.isRight(result) ? { result: result.right } : {}),
      isError,
      bytes,
      millis: Duration.toMillis(time),
      ...(kept ? { artifact } : {})
    })
    if (cut && kept) yield* offer(log, prepared, Builtins.artifactTools)
    if (!log.state.offered.includes(name)) yield* offer(log, prepared, [name])
  },
  (effect, _prepared, { id }, { tool: { tool } }) =>
    spanned(Attributes.toolSpan(tool.name), Attributes.ofTool({ id, server: tool.server, tool: tool.name }))(effect)
)

/** Whether its results come from a server rather than from the loop itself. */
const isForeign = ({ builtin, name }: CatalogTool) => !builtin || ReadingTools.names.includes(name)

/** What is read from a server is as private, or as untrusted, as the results of its tools. */
const traitsOf = (
  policy: ToolPolicy.ToolPolicy,
  task: AgentTask,
  { arguments: args, tool }: Run
): ToolTraits | undefined => {
  if (!isForeign(tool)) return undefined
  const server = tool.builtin && typeof args["server"] === "string" ? args["server"] : tool.tool.server
  return ToolPolicy.traitsAsRead(policy, task, { ...tool, builtin: false, tool: { ...tool.tool, server } })
}

/** The tools that read long results, where requests do not list them and the model has not been told of them. */
const untoldReaders = ({ state }: RunLog, { tools: { catalog } }: Prepared): ReadonlyArray<ToolDefinition> =>
  state.adapted.form === "text" || state.introduced.includes(Builtins.callTool)
    ? Builtins.artifactTools.flatMap((name) =>
        state.offered.includes(name) ? [] : (catalog.find(name)?.definition ?? [])
      )
    : []

/** Results up to this length are never shortened, so they need no artifact. */
const shortText = 300

const limitOf = (settings: Values, { state }: RunLog) => resultLimit(state.contextLength, settings.maxResultBytes)

/** The result, or what to tell the model when the call failed. */
const called = Effect.fnUntraced(function* (
  prepared: Prepared,
  callId: string,
  { arguments: args, tool: { builtin, tool } }: Run
): Effect.fn.Return<Either.Either<ToolResult, string>, never, CurrentRun> {
  const { artifacts, log, services } = yield* CurrentRun
  if (ReadingTools.names.includes(tool.name) && builtin) {
    return Either.right(yield* prepared.read(tool.name, args))
  }
  if (tool.name === SkillTool.name && builtin) {
    const maxBytes = limitOf(services.settings, log) - roomForHeading
    return Either.right(yield* SkillTool.call(log.state.skills ?? [], services.skills, args, maxBytes))
  }
  if (builtin) {
    const { tools } = prepared
    const workbench: Builtins.Workbench = {
      artifacts,
      search: (query) => tools.toolbox.search(query),
      byCallTool: log.state.introduced.includes(Builtins.callTool),
      offer: (tools) =>
        offer(
          log,
          prepared,
          tools.map(({ name }) => name)
        ),
      maxBytes: limitOf(services.settings, log) - roomForHeading
    }
    return Either.right(yield* Builtins.call(workbench, tool.name, args))
  }
  const onProgress = ({ message, progress, total }: CallProgress) =>
    log.tell({
      _tag: "ToolCallProgress",
      callId,
      message: message ?? `${progress}${total === undefined ? "" : ` of ${total}`}`
    })
  return yield* prepared.call(tool.server, tool.name, args, { onProgress }).pipe(
    Effect.mapError((error) => `The tool call failed: ${error.message}`),
    Effect.either
  )
})

const roomForHeading = 200

/** Whoever resumed the run would not know that it ran, and make it again. */
const notRecorded = (name: string, why: string): string =>
  `"${name}" was not run, because it may change something and the journal of this run cannot be written: ${why} Do without it, and say so in your answer.`

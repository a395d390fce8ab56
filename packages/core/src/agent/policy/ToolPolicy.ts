/**
 * What a run may do with which tools: each call is allowed, asked about, or refused. Rules come first, then the defaults:
 * reading is allowed, destroying is asked about, anything else is allowed only on servers and tools that the person named
 * for the run.
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { optional, present } from "../../schema/Fields.ts"
import { type AgentTask, isChosen } from "../AgentTask.ts"
import type { CatalogTool } from "../tools/CatalogTool.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import { isNamedBy, namePattern } from "../../names/namePattern.ts"
import * as ArgumentPaths from "./ArgumentPaths.ts"
import * as ToolWords from "./ToolWords.ts"
import type { Taint } from "./ToolTraits.ts"
import { ToolTraits } from "./ToolTraits.ts"

export const PolicyDecision = Schema.Literal("allow", "ask", "refuse")
export type PolicyDecision = typeof PolicyDecision.Type

/** Patterns with `*`; an absent one matches everything. */
const target = { server: optional(Schema.String), tool: optional(Schema.String) }

/**
 * The first rule that matches decides. `argument` matches when any string in the arguments does; `traits` match when each
 * given trait equals the tool's.
 */
export const PolicyRule = Schema.Struct({
  ...target,
  argument: optional(Schema.String),
  traits: optional(ToolTraits),
  decision: PolicyDecision
})
export type PolicyRule = typeof PolicyRule.Type

export class ToolPolicy extends Schema.Class<ToolPolicy>("@lms-bridge/core/agent/ToolPolicy")({
  rules: Schema.Array(PolicyRule),
  /** The user's corrections of what servers say about their tools. The first entry that matches counts. */
  traits: Schema.Array(Schema.Struct({ ...target, ...ToolTraits.fields }))
}) {}

/**
 * The policy of every run unless a caller provides another. Servers whose name suggests that they reach the open world are
 * assumed to do so, because most of them do not declare it.
 */
export class CurrentToolPolicy extends Context.Reference<CurrentToolPolicy>()(
  "@lms-bridge/core/agent/CurrentToolPolicy",
  {
    defaultValue: () =>
      new ToolPolicy({
        rules: [],
        traits: ["fetch", "browser", "playwright", "puppeteer", "web", "http", "mail", "slack", "github", "gitlab"].map(
          (word) => ({ server: `*${word}*`, openWorld: true })
        )
      })
  }
) {}

/** `reason` is a clause for the person who is asked and for the model that is refused. */
export interface Assessment {
  readonly decision: PolicyDecision
  readonly reason: string
}

/**
 * The traits that a tool is assumed to have. The policy takes precedence. A tool that the user has reviewed and locked is
 * believed. Any other tool's claim counts only as far as its name and description agree.
 */
export const traitsOf = (policy: ToolPolicy, { builtin, tool }: CatalogTool): ToolTraits => {
  const { destructive, idempotent, openWorld, readOnly } = tool.annotations
  const said: ToolTraits = {
    ...present({ readOnly, destructive, idempotent, openWorld })
  }
  if (builtin) return said
  const known = policy.traits.find((entry) => matches(entry, tool))
  const { server: _server, tool: _tool, ...traits } = known ?? {}
  return { ...agreed(tool, said), ...traits }
}

/**
 * The traits as they count for the taint of a run. A server or tool that the person named, and that does not say whether
 * it is open-world, is assumed to return the person's own data.
 */
export const traitsAsRead = (
  policy: ToolPolicy,
  task: Pick<AgentTask, "servers" | "definedServers" | "allowedTools">,
  offered: CatalogTool
): ToolTraits => {
  const traits = traitsOf(policy, offered)
  return traits.openWorld === undefined && (isChosen(task, offered.tool.server) || isTrusted(task, offered))
    ? { ...traits, openWorld: false }
    : traits
}

export const assess = (
  policy: ToolPolicy,
  task: Pick<AgentTask, "servers" | "definedServers" | "allowedTools" | "approvedTools" | "workingFolders">,
  taint: Taint,
  offered: CatalogTool,
  args: Readonly<Record<string, unknown>>
): Assessment => {
  const assessment = byRules(policy, task, taint, offered, args)
  return assessment.decision === "ask" &&
    task.approvedTools?.some((pattern) => isNamedBy(pattern, offered.tool)) === true
    ? allowed
    : assessment
}

/** What a rule says about a server's request to us, such as `sampling/createMessage`; undefined where none names it. */
export const decisionOn = (policy: ToolPolicy, server: string, request: string): PolicyDecision | undefined =>
  // a rule for all tools of a server is not meant for its requests
  policy.rules.find((entry) => entry.tool !== undefined && matches(entry, { server, name: request }))?.decision

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const allowed: Assessment = { decision: "allow", reason: "" }
const ask = (reason: string): Assessment => ({ decision: "ask", reason })

const byRules = (
  policy: ToolPolicy,
  task: Pick<AgentTask, "servers" | "definedServers" | "allowedTools" | "workingFolders">,
  taint: Taint,
  offered: CatalogTool,
  args: Readonly<Record<string, unknown>>
): Assessment => {
  const { builtin, name, tool } = offered
  if (builtin) return allowed
  const traits = traitsOf(policy, offered)
  const texts = ArgumentPaths.textsIn(args)
  const rule = policy.rules.find(
    (entry) =>
      matches(entry, tool) &&
      (entry.argument === undefined || texts.some((text) => namePattern(entry.argument ?? "").test(text))) &&
      hasTraits(traits, entry.traits)
  )
  if (rule !== undefined) return { decision: rule.decision, reason: "a rule of the tool policy says so" }

  const goesOut = traits.openWorld ?? !(isTrusted(task, offered) || isBackWhereItCame(taint, tool.server))
  if (goesOut && taint.untrusted && taint.private) {
    return ask("this run has read text from outside and private data, and the tool can send data out")
  }
  const secret = ArgumentPaths.secretIn(texts)
  if (secret !== undefined) return ask(`"${short(secret)}" is where keys and passwords are kept`)
  if (traits.readOnly === true) return allowed
  const outside = ArgumentPaths.outsideOf(texts, task.workingFolders ?? [])
  if (outside !== undefined) return ask(`"${short(outside)}" is outside of the working folders`)
  if (task.allowedTools?.some((named) => named === name || named === tool.name) === true) return allowed
  const deed = tool.trusted === true || isKnown(policy, tool) ? undefined : ToolWords.deedOf(tool)
  if (deed !== undefined && tool.annotations.readOnly === true) {
    return ask(`its server says that the tool only reads, and it is called "${short(deed.word)}"`)
  }
  if (traits.destructive === true || deed?.kind === "grave") return ask("the tool can destroy or overwrite something")
  return isChosen(task, tool.server)
    ? allowed
    : ask("the tool may change something, and neither it nor its server was named for this run")
}

const short = (text: string) => (text.length <= 200 ? text : `${text.slice(0, 199)}…`)

const isBackWhereItCame = ({ from }: Taint, server: string): boolean =>
  from !== undefined && from.every((one) => one === server)

/** Whether the tool itself was named, or reviewed and locked. */
const isTrusted = ({ allowedTools = [] }: Pick<AgentTask, "allowedTools">, { name, tool }: CatalogTool): boolean =>
  tool.trusted === true || allowedTools.some((named) => named === name || named === tool.name)

/** Whether the policy says if the tool is read-only or destructive. */
const isKnown = (policy: ToolPolicy, tool: McpTool): boolean => {
  const known = policy.traits.find((entry) => matches(entry, tool))
  return known?.readOnly !== undefined || known?.destructive !== undefined
}

/** The tool's claims unless its words contradict them, and what its words say where it claims nothing. */
const agreed = (tool: McpTool, said: ToolTraits): ToolTraits => {
  const openWorld =
    said.openWorld ?? (ToolWords.staysHere(tool) ? false : ToolWords.reachesOut(tool) ? true : undefined)
  const traits: ToolTraits = openWorld === undefined ? said : { ...said, openWorld }
  const contradicted = tool.trusted !== true && said.readOnly === true && ToolWords.deedOf(tool) !== undefined
  return contradicted ? { ...traits, readOnly: false } : traits
}

const matches = (
  entry: { readonly server?: string; readonly tool?: string },
  tool: { readonly server: string; readonly name: string }
): boolean =>
  (entry.server === undefined || namePattern(entry.server).test(tool.server)) &&
  (entry.tool === undefined || namePattern(entry.tool).test(tool.name))

const hasTraits = (traits: ToolTraits, wanted: ToolTraits | undefined): boolean =>
  wanted === undefined ||
  ((wanted.readOnly === undefined || wanted.readOnly === traits.readOnly) &&
    (wanted.destructive === undefined || wanted.destructive === traits.destructive) &&
    (wanted.idempotent === undefined || wanted.idempotent === traits.idempotent) &&
    (wanted.openWorld === undefined || wanted.openWorld === traits.openWorld))

/**
 * Accounts for the context: what a request contains, counted against the context with which the model is loaded, and what
 * is left out, in which order, when it does not fit. Nothing is cut silently.
 */
import type { ChatMessage, ToolDefinition } from "../../lmstudio/Chat.ts"
import type { ContextAccount } from "../rules/AgentEvent.ts"
import { plain, slim } from "../schema/SlimSchema.ts"
import { signature } from "../shapes/Signature.ts"
import * as ToolResultImages from "../tools/ToolResultImages.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { CatalogTool } from "../tools/CatalogTool.ts"

/**
 * A draft of a request. `tools` are offered in this order; `expendable` are those that may be left out, in this order.
 * `factor` corrects our estimates by the server's counts. With `contextLength` undefined (unknown), nothing is left out.
 */
export interface Draft {
  readonly system: string
  readonly messages: ReadonlyArray<ChatMessage>
  readonly tools: ReadonlyArray<CatalogTool>
  readonly expendable: ReadonlyArray<CatalogTool>
  readonly contextLength: number | undefined
  /** Tokens kept free for the reply. */
  readonly reserve: number
  readonly factor: number
  /** The engine cannot handle full schemas. */
  readonly plainSchemas: boolean
  /** Tools are told in one line each. */
  readonly inLines: boolean
  /** There is room for definitions in all their length; decided by the tools of the first request. */
  readonly whole: boolean
  /** The id under which the result of a call can be read again. */
  readonly artifactOf: (callId: string) => string | undefined
}

/**
 * `Fits` is ready to be sent. `Full` does not fit in spite of all measures; `old` is the number of messages, from the
 * first, that may be summarised.
 */
export type Plan =
  | {
      readonly _tag: "Fits"
      readonly messages: ReadonlyArray<ChatMessage>
      readonly tools: ReadonlyArray<ToolDefinition>
      readonly account: ContextAccount | undefined
    }
  | { readonly _tag: "Full"; readonly account: ContextAccount; readonly old: number }

export const plan = (draft: Draft): Plan => {
  const { contextLength, messages, tools } = draft
  const all: ReadonlyArray<ChatMessage> = [{ role: "system", content: draft.system }, ...messages]
  const formed = definitionsOf(draft)
  const full = tools.map(({ definition }) => formed(definition))
  if (contextLength === undefined) return { _tag: "Fits", messages: all, tools: full, account: undefined }

  const measures: Array<string> = []
  let now = { messages: all, tools: full }
  const fits = () => account(draft, contextLength, now, measures).free >= 0
  const done = (): Plan => ({ _tag: "Fits", ...now, account: account(draft, contextLength, now, measures) })
  if (fits()) return done()

  // the head of the prompt, which the engine has kept, is the last to change
  for (const [what, shortening] of [
    ["old results shortened", { from: 0, to: lastTurn(all), most: 300 }],
    ["last results shortened", { from: lastTurn(all), to: all.length, most: 1200 }]
  ] as const) {
    const shortened = shorter(now.messages, shortening, draft.artifactOf)
    if (shortened === now.messages) continue
    now = { ...now, messages: shortened }
    measures.push(what)
    if (fits()) return done()
  }
  const left = new Set(tools)
  for (const tool of draft.expendable) {
    if (!left.delete(tool)) continue
    now = { ...now, tools: tools.filter((other) => left.has(other)).map(({ definition }) => formed(definition)) }
    if (fits()) break
  }
  if (left.size < tools.length) measures.push(`${tools.length - left.size} tools left out`)
  if (fits()) return done()
  return {
    _tag: "Full",
    account: account(draft, contextLength, now, measures),
    old: lastTurn(messages) < 2 ? 0 : lastTurn(messages)
  }
}

/**
 * Most bytes that are shown of one result: a quarter of the context, at least 1000, and never more than the setting.
 */
export const resultLimit = (contextLength: number | undefined, most: number): number =>
  contextLength === undefined ? most : Math.min(most, Math.max(1000, Math.floor(contextLength * shareOfResult * 3.5)))

/** Tokens to keep free for the reply: `maxTokens`, else a quarter of the context, between 256 and 2048. */
export const reserveFor = (contextLength: number | undefined, maxTokens: number | undefined): number =>
  maxTokens ?? Math.min(2048, Math.max(256, Math.floor((contextLength ?? 8192) / 4)))

/** Our estimate for what is told of tools. */
export const tokensOf = (tools: ReadonlyArray<CatalogTool>, inLines: boolean): number =>
  tools.reduce((sum, { definition }) => sum + tokensOfTool(definition, inLines), 0)

/** The context that this request needs, in steps of 4096 tokens; undefined when that exceeds `largest`. */
export const contextFor = (account: ContextAccount): number =>
  Math.ceil(((account.contextLength - account.free) * 1.25) / 4096) * 4096

/** Whether these tools may be told of in all their length. */
export const mayBeWhole = (tools: ReadonlyArray<CatalogTool>, contextLength: number | undefined): boolean =>
  contextLength === undefined || tokensOf(tools, false) <= contextLength * shareOfDefinitions

/** The account in words. */
export const explained = (account: ContextAccount): string =>
  `${account.contextLength} tokens of context: ${account.system} for instructions, ${account.tools} for tools, ${account.history} for the conversation, ${account.reserve} kept for the reply, ${account.free < 0 ? `${-account.free} too many` : `${account.free} free`}${account.measures.length === 0 ? "" : ` (${account.measures.join(", ")})`}`

/**
 * The token limit of a reply, which stops a model that does not stop by itself: the task's limit, else the reserve plus the
 * free tokens, up to a quarter of a large context. Where the context is unknown, enough for a long answer.
 */
export const replyLimit = (account: ContextAccount | undefined, maxTokens: number | undefined): number => {
  if (maxTokens !== undefined) return maxTokens
  if (account === undefined) return whereUnknown
  const { contextLength, free, reserve } = account
  const most = Math.min(reserve + Math.max(0, free), Math.max(longAnswer, Math.floor(contextLength / 4)))
  // in steps, so that a repeated request is identical
  return Math.max(1, reserve, Math.floor(most / step) * step)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Share of the context for one result. */
const shareOfResult = 0.25

/** Of the context, for definitions in all their length. */
const shareOfDefinitions = 0.1

/** One form of the definitions, the same in every request of a run. */
const definitionsOf = ({ plainSchemas, whole }: Draft) =>
  plainSchemas ? plain : whole ? (definition: ToolDefinition) => definition : slim

const tokensOfTool = (definition: ToolDefinition, inLines: boolean): number =>
  inLines ? TokenCount.ofText(signature(definition)) + 1 : TokenCount.ofJson(definition)

const account = (
  { factor, inLines, reserve, system }: Draft,
  contextLength: number,
  request: { readonly messages: ReadonlyArray<ChatMessage>; readonly tools: ReadonlyArray<ToolDefinition> },
  measures: ReadonlyArray<string>
): ContextAccount => {
  const scaled = (tokens: number) => Math.ceil(tokens * factor)
  const instructions = scaled(TokenCount.ofText(system) + 5)
  const tools = scaled(request.tools.reduce((sum, tool) => sum + tokensOfTool(tool, inLines), 0))
  let history = 0
  for (const message of request.messages) if (message.role !== "system") history += TokenCount.ofMessage(message)
  const conversation = scaled(history)
  const free = contextLength - instructions - tools - conversation - reserve
  return { contextLength, system: instructions, tools, history: conversation, reserve, free, measures: [...measures] }
}

/** The start of the last turn with calls, whose results the model needs now. */
const lastTurn = (messages: ReadonlyArray<ChatMessage>): number => {
  const index = messages.findLastIndex((message) => message.role === "assistant" && message.toolCalls.length > 0)
  return index === -1 ? messages.length : index
}

const shorter = (
  messages: ReadonlyArray<ChatMessage>,
  range: { readonly from: number; readonly to: number; readonly most: number },
  artifactOf: Draft["artifactOf"]
): ReadonlyArray<ChatMessage> => {
  let changed = false
  const result = messages.map((message, index) => {
    if (message.role === "user" && typeof message.content !== "string" && index >= range.from && index < range.to) {
      changed = true
      return ToolResultImages.without(message)
    }
    if (message.role !== "tool" || index < range.from || index >= range.to || message.content.length <= range.most) {
      return message
    }
    changed = true
    const id = artifactOf(message.toolCallId)
    const where = id === undefined ? "" : `; read_artifact with id "${id}" shows it`
    return {
      ...message,
      content: `${message.content.slice(0, range.most)}\n[… shortened, ${message.content.length} characters in all${where}]`
    }
  })
  return changed ? result : messages
}

/** Tokens of a reply where the context is not known, and of a long answer in a large one; the step rounds them. */
const whereUnknown = 8192
const longAnswer = 16_384
const step = 256

/**
 * Recovers calls that a model wrote into its text, because the server's parser did not know the form or gave up (contract
 * H7, H8, H10). A call counts when its tool is offered, its arguments fit and it is not quoted from what the model has
 * read, whatever sentences surround it. The model is asked about text that begins like a call but is not one; such text is
 * never the answer.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import type { ChatMessage, ChatReply, ToolCall } from "../../lmstudio/Chat.ts"
import { repairJson } from "../schema/JsonRepair.ts"
import { nearTools } from "../tools/NearTools.ts"
import { judge, type ToolCatalog } from "../tools/ToolCatalog.ts"
import { findBlocks, type Block } from "./FoundCalls.ts"
import { quotationsOf } from "./Quotation.ts"
import { suspect } from "./Suspicion.ts"

/**
 * The reply with the calls found in its text, or with `unread`: what to tell the model about text that looks like a call
 * but is not accepted as one. `mayBeAnswer`: when the model repeats that text, it counts as the answer.
 */
export interface Recovered {
  readonly reply: ChatReply
  readonly unread: string | undefined
  readonly mayBeAnswer: boolean
  /** Whether the calls of the reply were found in its text. */
  readonly inText: boolean
  /** The text up to the end of these calls. */
  readonly written: string | undefined
}

/**
 * Searches a reply without calls: its text or, when that is blank, its reasoning. `final`: no tool can be called any more,
 * so calls are only removed from the text.
 */
export const recover = (
  reply: ChatReply,
  context: {
    readonly catalog: ToolCatalog
    readonly messages: ReadonlyArray<ChatMessage>
    readonly final?: boolean
  }
): Recovered => {
  const { catalog, final = false, messages } = context
  const asIs = { reply, unread: undefined, mayBeAnswer: false, inText: false, written: undefined }
  const hasCalls = reply.toolCalls.length > 0
  const blank = reply.content.trim() === ""
  if (blank && (hasCalls || final)) return asIs
  const text = blank ? reply.reasoning : reply.content
  const whole = reply.finishReason !== "length" && reply.finishReason !== ""
  const looked = look(text, catalog, messages, whole)
  const before = looked.start === undefined ? text : text.slice(0, looked.start).trim()
  const kept = blank ? { reasoning: before } : { content: before }
  switch (looked._tag) {
    case "Nothing":
      return asIs
    case "Calls": {
      if (hasCalls || final) return { ...asIs, reply: { ...reply, ...kept } }
      return {
        reply: { ...reply, ...kept, toolCalls: looked.calls },
        unread: undefined,
        mayBeAnswer: false,
        inText: true,
        written: blank ? undefined : text.slice(0, looked.end).trimEnd()
      }
    }
    case "Unread": {
      if (blank) return asIs
      if (hasCalls || final) return looked.mayBeAnswer ? asIs : { ...asIs, reply: { ...reply, ...kept } }
      const told = madeUpFrom(text, looked.start)
      const content = told === -1 || looked.mayBeAnswer ? text : text.slice(0, told).trim()
      return { ...asIs, reply: { ...reply, content }, unread: looked.told, mayBeAnswer: looked.mayBeAnswer }
    }
  }
}

/**
 * Whether the text of a reply that is still coming in holds a call that can run, and goes on with something else: with words,
 * the same call once more, or a result that the model makes up. Calls right behind each other belong together.
 */
export const isCallWritten = (
  text: string,
  { catalog, messages }: { readonly catalog: ToolCatalog; readonly messages: ReadonlyArray<ChatMessage> }
): boolean => {
  const isQuotation = quotationsOf(messages)
  const written = findBlocks(text, { whole: false }).filter(
    ({ body, calls, mentioned, source }) =>
      !mentioned &&
      calls.length > 0 &&
      !isQuotation(source) &&
      !isQuotation(body) &&
      calls.every(
        ({ args, name }) =>
          catalog.find(name) !== undefined &&
          judge(catalog, { id: "", name, arguments: inJson(args) }, { whole: true })._tag === "Run"
      )
  )
  const last = written.at(-1)
  if (last === undefined) return false
  const behind = text.slice(text.slice(0, last.end).trimEnd().length)
  const sources = written.flatMap(({ calls }) => calls.map(({ args, name }) => `${name} ${args}`))
  return (
    new Set(sources).size < sources.length ||
    /^\s*[^\s<>[\]{}`,;:|｜()"'.]/.test(behind) ||
    madeUpFrom(text, last.end) !== -1 ||
    behind.length > longestClosing
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What closes a call is shorter. */
const longestClosing = 400

type Looked =
  | { readonly _tag: "Nothing"; readonly start: undefined }
  | { readonly _tag: "Calls"; readonly start: number; readonly end: number; readonly calls: ReadonlyArray<ToolCall> }
  | { readonly _tag: "Unread"; readonly start: number; readonly told: string; readonly mayBeAnswer: boolean }

const nothing: Looked = { _tag: "Nothing", start: undefined }

const look = (text: string, catalog: ToolCatalog, messages: ReadonlyArray<ChatMessage>, whole: boolean): Looked => {
  const isOffered = (name: string) => catalog.find(name) !== undefined
  const isQuotation = quotationsOf(messages)
  const names = catalog.tools.map(({ name }) => name)
  const blocks = findBlocks(text, { whole }).map((block) => ({
    ...block,
    calls: block.calls.map(({ args, name }): ToolCall => ({
      id: "",
      name: catalog.find(name)?.name ?? name.trim().slice(0, 200),
      arguments: whole ? inJson(args) : args
    }))
  }))
  const offered = blocks.filter(({ calls }) => calls.length > 0 && calls.every(({ name }) => isOffered(name)))
  const meant = offered.filter(
    ({ body, mentioned, source }) => !mentioned && !isQuotation(source) && !isQuotation(body)
  )
  const [first] = meant
  if (first !== undefined) {
    // nothing counts after text that the model invented on behalf of others
    const end = madeUpFrom(text, first.end)
    const counted = meant.filter(({ start }) => end === -1 || start < end)
    const all = counted.flatMap(({ calls }) => calls)
    // a repeated call counts once
    const calls = [...new Map(all.map((call) => [`${call.name}\n${call.arguments}`, call])).values()]
    const verdicts = calls.map((call) => judge(catalog, call, { whole }))
    const problem = verdicts.find((verdict) => verdict._tag === "Refuse")
    // if one of them can run, the others get their errors as results
    if (problem?._tag !== "Refuse" || verdicts.some(({ _tag }) => _tag === "Run")) {
      return { _tag: "Calls", start: first.start, end: counted.at(-1)?.end ?? first.end, calls }
    }
    return { _tag: "Unread", start: first.start, told: `${problem.told} ${useTheInterface}`, mayBeAnswer: false }
  }
  if (offered[0] !== undefined) return quoted(text, offered[0])
  return (
    unknownIn(blocks, catalog, names, messages) ??
    garbledIn(blocks, names, whole) ??
    suspicious(text, catalog, isQuotation, messages)
  )
}

/** Arguments for the history: repaired where unambiguous, and not encoded twice. */
const inJson = (args: string): string => {
  const value = parseJson(args)
  if (typeof value === "string") return Predicate.isRecord(parseJson(value)) ? value : args
  // an escape that JSON does not know is ambiguous
  if (value !== undefined || /\\[^"\\/bfnrtu]/.test(args)) return args
  return Either.getOrElse(repairJson(args), () => args)
}

type Judged = Omit<Block, "calls"> & { readonly calls: ReadonlyArray<ToolCall> }

/** A call that is only quoted or mentioned. With other words it may be the answer; alone it is not one. */
const quoted = (text: string, block: Judged): Looked => {
  const beside = (text.slice(0, block.start) + text.slice(block.end)).trim()
  return { _tag: "Unread", start: block.start, told: notACall, mayBeAnswer: block.mentioned || beside.length >= 12 }
}

/** Calls of tools that are not offered. */
const unknownIn = (
  blocks: ReadonlyArray<Judged>,
  catalog: ToolCatalog,
  names: ReadonlyArray<string>,
  messages: ReadonlyArray<ChatMessage>
): Looked | undefined => {
  for (const { calls, fenced, form, mentioned, start } of blocks) {
    const [call] = calls
    if (call === undefined || mentioned) continue
    const near = nearTools(call.name, names)
    const verdict = judge(catalog, call, { whole: true })
    if (verdict._tag !== "Refuse") continue
    const told = `${verdict.told} ${useTheInterface}`
    const isBare = fenced || form.unmarked === true
    // a user who asks for an example of a call gets one
    if (near.length === 0 && isBare && (form.family.includes("tool_code") || isAboutCalls(messages))) continue
    return { _tag: "Unread", start, told, mayBeAnswer: false }
  }
  return undefined
}

/**
 * Where text begins that the model invents after a call on behalf of others: a result of the tool, or the user's next
 * message. -1 when there is none at or after `from`.
 */
const madeUpFrom = (text: string, from: number): number => {
  madeUp.lastIndex = from
  return madeUp.exec(text)?.index ?? -1
}

const madeUp =
  /<\|?\/?(?:tool|function)[_▁](?:response|result|output)s?[^>\n]{0,100}>|<｜tool▁outputs?▁begin｜>|\[\/?TOOL_(?:RESULTS?|RESPONSE|CONTENT)\]|```tool_outputs?\b|<\|?(?:im_start|start_header_id|start_of_turn|turn|start)\|?>\s{0,3}(?:user|tool|ipython|functions)|^(?:Observation|Tool (?:result|response|output)|Human|User) ?:/gim

const garbledIn = (blocks: ReadonlyArray<Judged>, names: ReadonlyArray<string>, whole: boolean): Looked | undefined => {
  const block = blocks.find(
    ({ calls, fenced, source }) => calls.length === 0 && (!fenced || names.some((name) => source.includes(name)))
  )
  return block === undefined
    ? undefined
    : { _tag: "Unread", start: block.start, told: whole ? unreadable : cutShort, mayBeAnswer: false }
}

const suspicious = (
  text: string,
  catalog: ToolCatalog,
  isQuotation: (text: string) => boolean,
  messages: ReadonlyArray<ChatMessage>
): Looked => {
  const found = suspect(
    text,
    catalog.tools.map(({ definition: { parameters }, name }) => ({
      name,
      parameters: Predicate.isRecord(parameters["properties"]) ? Object.keys(parameters["properties"]) : []
    }))
  )
  if (found === undefined) return nothing
  const rest = text.slice(found.start, found.start + 200)
  const about = found.mentioned || isAboutCalls(messages) || isQuotation(rest)
  return { _tag: "Unread", start: found.start, told: inNoForm(found.name), mayBeAnswer: about }
}

/** Whether the task is about calls, formats or templates, so that the answer may show one. */
const isAboutCalls = (messages: ReadonlyArray<ChatMessage>): boolean => {
  const task = messages.find(({ role }) => role === "user")
  return (
    typeof task?.content === "string" &&
    /\b(?:tool|function)[ _-]?call|\btemplate|\bchatml\b|\bexamples?\b|\bjson\b|\bschema\b|\bformat\b|\bsyntax\b|\bdocument/i.test(
      task.content.slice(0, 20_000)
    )
  )
}

const useTheInterface = "Make the call through the function call interface, not as text."
const notACall =
  "Your reply has text that looks like a tool call, but it was not run, because it repeats what you have read or stands within a sentence. If you meant to call a tool, make the call through the function call interface. If it belongs to your answer, give the answer again as it is."
const unreadable = `Your reply begins a tool call that cannot be read, so nothing was run. ${useTheInterface} If you did not mean to call a tool, give your answer in plain words.`
const cutShort = `Your reply was cut by the token limit in the middle of a tool call, so nothing was run. Write less at once. ${useTheInterface}`
const inNoForm = (name: string) =>
  `Your reply looks like a call of "${name}", but in no form that can be read, so nothing was run. ${useTheInterface} If you did not mean to call a tool, give your answer in plain words.`

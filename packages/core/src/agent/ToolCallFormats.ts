/**
 * The formats in which models write tool calls as text. Each reads one block between its opening and closing mark;
 * nothing is said here about whether the block is meant as a call.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../internal/parseJson.ts"
import { repairJson } from "./JsonRepair.ts"

/**
 * A call as written. `args` is JSON text.
 *
 * @since 0.1.0
 * @category models
 */
export interface WrittenCall {
  readonly name: string
  readonly args: string
}

/**
 * `read` gives undefined when the body is not what the format says; `named` is what the opening captured.
 *
 * @since 0.1.0
 * @category models
 */
export interface Format {
  readonly open: RegExp
  readonly close: string
  /** The closing mark is the opening of the next call. */
  readonly chained?: boolean
  readonly special: boolean
  readonly read: (body: string, named: string | undefined) => ReadonlyArray<WrittenCall> | undefined
}

/**
 * A text that is nothing but one call as JSON, bare or in one fence: Llama 3 and Granite write so.
 *
 * @since 0.1.0
 * @category conversions
 */
export const wholeText = (text: string): ReadonlyArray<WrittenCall> | undefined => {
  const bare = text.trim()
  const body = /^```(?:json|tool_call)?\s*\n([\s\S]*)\n\s*```$/.exec(bare)?.[1]?.trim() ?? bare
  return /^[{[]/.test(body) && /[}\]]$/.test(body) ? fromJson(body) : undefined
}

/**
 * In the order in which they are looked for: a wrapper before what may stand in it.
 *
 * @since 0.1.0
 * @category constants
 */
export const formats: ReadonlyArray<Format> = [
  // Hermes and Qwen (JSON), Qwen3-Coder (XML), GLM (arg_key)
  {
    open: /<tool_call>/g,
    close: "</tool_call>",
    special: false,
    read: (body) => fromJson(body) ?? fromFunctionTags(body) ?? fromArgKeys(body)
  },
  // Qwen3-Coder without its wrapper, and the older `<function=name>{…}</function>`
  {
    open: /<function=([\w.:-]+)>/g,
    close: "</function>",
    special: false,
    read: (body, name) => (name === undefined ? undefined : (fromParameterTags(name, body) ?? named(name, body)))
  },
  // LM Studio's own default prompt
  { open: /\[TOOL_REQUEST\]/g, close: "[END_TOOL_REQUEST]", special: true, read: (body) => fromJson(body) },
  // Mistral: `[TOOL_CALLS][{…}]`, `[TOOL_CALLS]name[ARGS]{…}`, several in a row
  {
    open: /\[TOOL_CALLS\]/g,
    close: "[TOOL_CALLS]",
    chained: true,
    special: true,
    read: (body) => fromJson(body) ?? fromArgs(body)
  },
  // LFM: `<|tool_call_start|>[name(a="x")]<|tool_call_end|>`
  {
    open: /<\|tool_call_start\|>/g,
    close: "<|tool_call_end|>",
    special: true,
    read: (body) => fromJson(body) ?? fromPythonic(body)
  },
  // MiniMax
  { open: /<minimax:tool_call>/g, close: "</minimax:tool_call>", special: true, read: (body) => fromInvokes(body) },
  // harmony (gpt-oss): `<|channel|>commentary to=functions.name <|constrain|>json<|message|>{…}<|call|>`
  {
    open: /(?:<\|start\|>assistant)?(?:<\|channel\|>(?:commentary|analysis)?\s*)?to=functions[.:]([\w-]+)(?:\s|<\|[a-z]+\|>|json|code|commentary)*(?=\{)/g,
    close: "<|call|>",
    special: true,
    read: (body, name) => (name === undefined ? undefined : named(name, body))
  },
  // Llama 3.1
  { open: /<\|python_tag\|>/g, close: "<|eom_id|>", special: true, read: (body) => fromJson(body) }
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parse = (text: string): unknown =>
  Either.getOrElse(
    Either.orElse(decodeJson(text), () => Either.flatMap(repairJson(text), decodeJson)),
    () => undefined
  )

/** One call or a list of them: `{"name", "arguments" | "parameters"}`, also OpenAI's `{"function": {…}}`. */
const fromJson = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const value = parse(body)
  const entries = Array.isArray(value) ? value : [value]
  const calls = entries.map(fromEntry)
  return calls.every((call) => call !== undefined) ? calls : undefined
}

const fromEntry = (value: unknown): WrittenCall | undefined => {
  const entry = Predicate.hasProperty(value, "function") && Predicate.isRecord(value.function) ? value.function : value
  if (!Predicate.isRecord(entry)) return undefined
  const { name } = entry
  const args = entry["arguments"] ?? entry["parameters"]
  if (typeof name !== "string" || Object.keys(entry).some((key) => !callKeys.has(key))) return undefined
  if (typeof args === "string") return { name, args }
  return args === undefined || Predicate.isRecord(args) ? { name, args: JSON.stringify(args ?? {}) } : undefined
}

const callKeys = new Set(["name", "arguments", "parameters", "id", "type"])

const named = (name: string, body: string): ReadonlyArray<WrittenCall> | undefined => {
  const end = body.replace(/(?:<\|[a-z]+\|>|\s)+$/, "")
  return Predicate.isRecord(parse(end)) ? [{ name, args: end }] : undefined
}

const fromFunctionTags = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const match = /^<function=([\w.:-]+)>([\s\S]*)<\/function>$/.exec(body)
  const [, name, inner] = match ?? []
  return name === undefined || inner === undefined
    ? undefined
    : (fromParameterTags(name, inner) ?? named(name, inner.trim()))
}

/** Values are raw text; which type they have is for the tool's schema to say. */
const fromTags = (name: string, body: string, tag: RegExp): ReadonlyArray<WrittenCall> | undefined => {
  const pairs = [...body.matchAll(tag)].map(([, key = "", value = ""]) => [key.trim(), value] as const)
  // anything left over means that a tag was cut or misspelt
  return body.replaceAll(tag, "").trim() === ""
    ? [{ name: name.trim(), args: JSON.stringify(Object.fromEntries(pairs)) }]
    : undefined
}

const fromParameterTags = (name: string, body: string) =>
  fromTags(name, body, /<parameter=([\w.:-]+)>\n?([\s\S]*?)\n?<\/parameter>/g)

const fromArgKeys = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const match = /^([\w.:-]+)\s*(<arg_key>[\s\S]*)?$/.exec(body)
  return match?.[1] === undefined
    ? undefined
    : fromTags(match[1], match[2] ?? "", /<arg_key>([\s\S]*?)<\/arg_key>\s*<arg_value>\n?([\s\S]*?)\n?<\/arg_value>/g)
}

const fromInvokes = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const tag = /<invoke name="?([\w.:-]+)"?>([\s\S]*?)<\/invoke>/g
  const calls = [...body.matchAll(tag)].map(([, name = "", inner = ""]) =>
    fromTags(name, inner, /<parameter name="?([\w.:-]+)"?>\n?([\s\S]*?)\n?<\/parameter>/g)
  )
  if (body.replaceAll(tag, "").trim() !== "") return undefined
  return calls.every((call) => call !== undefined) ? calls.flat() : undefined
}

const fromArgs = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const match = /^([\w.:-]+)\s*(?:\[CALL_ID\]\s*\w+\s*)?(?:\[ARGS\])?\s*(\{[\s\S]*)$/.exec(body)
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : named(match[1], match[2].replace(/<\/s>$/, ""))
}

/** `[first(a="x", n=1), second()]`: values are Python literals, which the repair knows. */
const fromPythonic = (body: string): ReadonlyArray<WrittenCall> | undefined => {
  const inner = /^\[([\s\S]*)\]$/.exec(body)?.[1] ?? body
  const calls = splitTop(inner).map((text): WrittenCall | undefined => {
    const match = /^([\w.:-]+)\s*\(([\s\S]*)\)$/.exec(text)
    const [, name, list] = match ?? []
    if (name === undefined || list === undefined) return undefined
    const args: Array<readonly [string, unknown]> = []
    for (const argument of splitTop(list)) {
      const [, key, literal] = /^(\w+)\s*=\s*([\s\S]+)$/.exec(argument) ?? []
      const value = literal === undefined ? undefined : parse(`{"value": ${literal}}`)
      if (key === undefined || !Predicate.hasProperty(value, "value")) return undefined
      args.push([key, value.value])
    }
    return { name, args: JSON.stringify(Object.fromEntries(args)) }
  })
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined
}

/** Parts between commas that stand outside of strings and brackets. */
const splitTop = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let depth = 0
  let from = 0
  for (const match of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|[([{]|[)\]}]|,/g)) {
    const [mark] = match
    if ("([{".includes(mark)) depth++
    if (")]}".includes(mark)) depth--
    if (mark === "," && depth === 0) {
      parts.push(text.slice(from, match.index))
      from = match.index + 1
    }
  }
  return [...parts, text.slice(from)].map((part) => part.trim()).filter((part) => part !== "")
}

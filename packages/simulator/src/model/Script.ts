/**
 * The answers of a scripted model, turn by turn, as schema-checked data: valid replies and every known malformation.
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/** One tool call. `arguments` is an object, or a string that is sent verbatim (including invalid or truncated JSON). */
export const ScriptedToolCall = Schema.Struct({
  name: Schema.String,
  arguments: Schema.optionalWith(
    Schema.Union(Schema.String, Schema.Record({ key: Schema.String, value: Schema.Unknown })),
    { default: () => ({}) }
  ),
  /** Random decimal digits when absent; `""` is the quirk of 0.3.21. */
  id: Schema.optionalWith(Schema.String, { exact: true })
})

/** How the bytes of a stream are split and decorated. */
export const Chunking = Schema.Struct({
  /** Words per piece of text. */
  words: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
  /** Bytes per socket write: small numbers split UTF-8 sequences and events. */
  bytes: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
  /** CRLF line ends. */
  crlf: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /** `: keep-alive` comments between events. */
  keepAlive: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /** Chunks with `choices: []` between the others. */
  emptyChoices: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /** `name: ""` and `id: null` in every tool delta after the first (0.3.16). */
  emptyNames: Schema.optionalWith(Schema.Boolean, { default: () => false })
})

/** An engine fault during this turn. */
export const ScriptedError = Schema.Struct({
  message: Schema.String,
  /** HTTP status if the reply has not begun; 400 when absent. In a stream the error comes in-band after HTTP 200. */
  status: Schema.optionalWith(Schema.Int, { exact: true }),
  type: Schema.optionalWith(Schema.String, { exact: true }),
  code: Schema.optionalWith(Schema.String, { exact: true }),
  /** Pieces delivered before it. */
  afterPieces: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 })
})

/** One answer of the model. An empty turn is an empty reply. */
export const Turn = Schema.Struct({
  text: Schema.optionalWith(Schema.String, { default: () => "" }),
  reasoning: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** The field for the reasoning; the model's own when absent. */
  reasoningIn: Schema.optionalWith(Schema.Literal("reasoning_content", "reasoning", "think"), { exact: true }),
  toolCalls: Schema.optionalWith(Schema.Array(ScriptedToolCall), { default: () => [] }),
  /** The server could not parse the calls: they are dropped, the text is empty, and the reply ends with "stop". */
  dropCalls: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  error: Schema.optionalWith(ScriptedError, { exact: true }),
  /** Milliseconds before the first piece. */
  delayMs: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 }),
  /** Milliseconds between pieces; the simulator's setting when absent. */
  pieceDelayMs: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The socket is closed after this many pieces. */
  cutAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** Nothing more is sent after this many pieces, and the socket stays open. */
  stallAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The engine and its instance crash after this many pieces. */
  crashAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The stream ends regularly but without its end marker. */
  withoutDone: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  finishReason: Schema.optionalWith(Schema.NullOr(Schema.String), { exact: true }),
  usage: Schema.optionalWith(
    Schema.NullOr(
      Schema.Struct({
        prompt_tokens: Schema.Number,
        completion_tokens: Schema.Number,
        reasoning_tokens: Schema.optionalWith(Schema.Number, { exact: true })
      })
    ),
    { exact: true }
  ),
  /** The `model` field of the reply, if it is not the requested model. */
  model: Schema.optionalWith(Schema.String, { exact: true }),
  chunking: Schema.optionalWith(Chunking, { exact: true }),
  /** The request that this turn expects; another request is a fault of the script, reported with a 500. */
  expect: Schema.optionalWith(
    Schema.Struct({
      /** Text that the last message must contain. */
      lastMessageContains: Schema.optionalWith(Schema.String, { exact: true }),
      lastRole: Schema.optionalWith(Schema.String, { exact: true }),
      /** Tools that must be offered. */
      tools: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
    }),
    { exact: true }
  )
})
export type Turn = typeof Turn.Type
/** A turn as written in a test or a file: every field is optional. */
export type TurnInput = typeof Turn.Encoded

const Turns = Schema.Array(Turn)
const NamedTurns = Schema.Struct({ name: Schema.optionalWith(Schema.String, { exact: true }), turns: Turns })

/** A script file: the turns in order, or an object that also names the script. */
export const Script = Schema.Union(Turns, NamedTurns)

/** An invalid script file: where the first mistake is, what is there, and what is allowed. */
export class ScriptInvalid extends Schema.TaggedError<ScriptInvalid>()("ScriptInvalid", {
  /** `[0].toolCalls[1].name`; "" for the whole file. */
  path: Schema.String,
  /** Begins with the path, if there is one. */
  problem: Schema.String,
  /** Further mistakes in the same file. */
  more: Schema.NonNegativeInt
}) {
  override get message() {
    return `${this.problem}${this.more === 0 ? "" : ` (and ${this.more} more)`}`
  }
}

/** Decodes the text of a script file; unknown fields are refused as mistakes. */
export const decode = (text: string): Effect.Effect<typeof Script.Type, ScriptInvalid> =>
  parse(text).pipe(
    Effect.mapError(
      ({ issue }) => new ScriptInvalid({ path: "", problem: `it is not JSON: ${notJson(issue)}`, more: 0 })
    ),
    Effect.flatMap((value): Effect.Effect<typeof Script.Type, ScriptInvalid> => {
      // only the intended form is checked: the mistakes of the other one would be noise
      if (Array.isArray(value)) return Effect.mapError(decodeTurns(value), invalid)
      if (typeof value === "object" && value !== null) return Effect.mapError(decodeNamed(value), invalid)
      const problem = `got ${shown(value)}, allowed: an array of turns or {"name", "turns"}`
      return Effect.fail(new ScriptInvalid({ path: "", problem, more: 0 }))
    })
  )

/** Fills in the defaults of one turn. */
export const turn: (input: TurnInput) => Turn = Schema.decodeSync(Turn, { onExcessProperty: "error" })

/** A plain reply. */
export const text = (content: string): Turn => turn({ text: content })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parse = Schema.decodeUnknown(Schema.parseJson())
const strict = { onExcessProperty: "error", errors: "all" } as const
const decodeTurns = Schema.decodeUnknown(Turns, strict)
const decodeNamed = Schema.decodeUnknown(NamedTurns, strict)

const notJson = (issue: ParseResult.ParseIssue): string =>
  ParseResult.ArrayFormatter.formatIssueSync(issue)[0]?.message ?? "it cannot be read"

// Every alternative of a field reports its own issue: they are grouped by path, and the first path is reported.
const invalid = (error: ParseResult.ParseError): ScriptInvalid => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  const paths = issues.map((issue) => pathText(issue.path))
  // a missing field is decoded as undefined, which does not occur in the file
  const distinct = [...new Set(paths)].filter((path) => !paths.some((other) => other !== path && isBelow(other, path)))
  const [path = ""] = distinct
  const messages = issues.filter((_, index) => paths[index] === path).map(({ message }) => message)
  return new ScriptInvalid({
    path,
    problem: `${path === "" ? "the whole file" : path} ${said(messages)}`,
    more: Math.max(0, distinct.length - 1)
  })
}

const isBelow = (path: string, above: string) => path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`)).join("")

const said = (messages: ReadonlyArray<string>): string => {
  const [first = "is wrong"] = messages
  const unexpected = /^is unexpected, expected: (.*)$/s.exec(first)?.[1]
  if (unexpected !== undefined)
    return `is not a field, allowed: ${unexpected.replaceAll('"', "").replaceAll(" | ", ", ")}`
  const pairs = messages.flatMap((message) => {
    const match = /^Expected (.*), actual (.*)$/s.exec(message)
    return match?.[1] === undefined || match[1] === "undefined" ? [] : [{ allowed: match[1], got: match[2] ?? "" }]
  })
  const allowed = pairs.map((pair) => (pair.allowed.startsWith("{") ? "an object" : pair.allowed))
  return pairs[0] === undefined ? first : `got ${clipped(pairs[0].got)}, allowed: ${[...new Set(allowed)].join(" or ")}`
}

const shown = (value: unknown): string => clipped(Schema.encodeSync(Schema.parseJson(Schema.Unknown))(value))

const clipped = (text: string): string => (text.length <= 60 ? text : `${text.slice(0, 57)}...`)

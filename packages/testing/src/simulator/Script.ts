/**
 * What a scripted model answers, turn by turn, as schema-checked data: well-formed replies and every known malformation.
 */
import * as Schema from "effect/Schema"

/** One tool call. `arguments` is an object, or a string that is sent as it is (invalid or truncated JSON included). */
export const ScriptedToolCall = Schema.Struct({
  name: Schema.String,
  arguments: Schema.optionalWith(
    Schema.Union(Schema.String, Schema.Record({ key: Schema.String, value: Schema.Unknown })),
    { default: () => ({}) }
  ),
  /** Decimal digits are drawn when absent; `""` is the quirk of 0.3.21. */
  id: Schema.optionalWith(Schema.String, { exact: true })
})

/** How the bytes of a stream are cut and decorated. */
export const Chunking = Schema.Struct({
  /** Words in one piece of text. */
  words: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
  /** Bytes in one socket write: small numbers split UTF-8 sequences and events. */
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

/** A fault of the engine while this turn is worked on. */
export const ScriptedError = Schema.Struct({
  message: Schema.String,
  /** HTTP status when the reply has not begun; 400 when absent. In a stream the error comes in-band after HTTP 200. */
  status: Schema.optionalWith(Schema.Int, { exact: true }),
  type: Schema.optionalWith(Schema.String, { exact: true }),
  code: Schema.optionalWith(Schema.String, { exact: true }),
  /** Pieces that are delivered before it. */
  afterPieces: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 })
})

/** One answer of the model. An empty turn is an empty reply. */
export const Turn = Schema.Struct({
  text: Schema.optionalWith(Schema.String, { default: () => "" }),
  reasoning: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** Where the reasoning shows; the model's own place when absent. */
  reasoningIn: Schema.optionalWith(Schema.Literal("reasoning_content", "reasoning", "think"), { exact: true }),
  toolCalls: Schema.optionalWith(Schema.Array(ScriptedToolCall), { default: () => [] }),
  /** The server could not parse the calls: they are dropped, nothing is said, and it ends with "stop". */
  dropCalls: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  error: Schema.optionalWith(ScriptedError, { exact: true }),
  /** Milliseconds before the first piece. */
  delayMs: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 }),
  /** Milliseconds between pieces; the simulator's setting when absent. */
  pieceDelayMs: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The socket is closed after this many pieces. */
  cutAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** Nothing more comes after this many pieces, and the socket stays open. */
  stallAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The engine dies after this many pieces, and the instance with it. */
  crashAfterPieces: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** The stream ends in order but without its end marker. */
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
  /** The `model` field of the reply, when another than the one that was asked for. */
  model: Schema.optionalWith(Schema.String, { exact: true }),
  chunking: Schema.optionalWith(Chunking, { exact: true }),
  /** The request that this turn expects; another request is a failure of the script, told in a 500. */
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
/** A turn as a test or a file writes it: every field may be left out. */
export type TurnInput = typeof Turn.Encoded

/** A script file: the turns in order, or an object that also names the script. */
export const Script = Schema.Union(
  Schema.Array(Turn),
  Schema.Struct({ name: Schema.optionalWith(Schema.String, { exact: true }), turns: Schema.Array(Turn) })
)

/** Reads the text of a script file; unknown fields are mistakes and are refused. */
export const decode = Schema.decodeUnknown(Schema.parseJson(Script), { onExcessProperty: "error", errors: "all" })

/** Fills in the defaults of one turn. */
export const turn: (input: TurnInput) => Turn = Schema.decodeSync(Turn, { onExcessProperty: "error" })

/** A plain reply. */
export const text = (content: string): Turn => turn({ text: content })

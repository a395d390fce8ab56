/**
 * A tool as data: name, schemas, hints and the effect it runs. Independent of transports.
 */
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { text, type Content } from "./Content.ts"
import { present } from "@lms-bridge/core/Json"
import { quoted } from "../Words.ts"
import { problems } from "../input/InvalidInput.ts"
import { withoutNulls } from "../input/WithoutNulls.ts"
import { fromStruct, outline, type ObjectSchema } from "./ToolSchema.ts"

/** What a caller sees while a tool works. */
export interface Progress {
  /** Sends the message now. */
  readonly tell: (message: string) => Effect.Effect<void>
  /** Leaves the message for the next heartbeat, where sending each would be too much. */
  readonly note: (message: string) => Effect.Effect<void>
}

/**
 * The only failure that a tool shows its caller: a stable tag and a sentence that says what to do. `account` is what was
 * done before, in the form of the tool's output.
 */
export interface Failure {
  readonly _tag: string
  readonly message: string
  /** Shown to a reader in place of the message, if there is more to say. */
  readonly text?: string
  readonly retryable?: boolean
  readonly account?: Readonly<Record<string, unknown>>
}

/** A result in two forms: for programs, and for readers of text. */
export interface Reply {
  readonly structured?: Readonly<Record<string, unknown>>
  readonly content: ReadonlyArray<Content>
}

/** MCP's `ToolAnnotations`. By default, a tool writes, is destructive, is not idempotent, and reaches the open world. */
export interface Annotations {
  readonly readOnlyHint?: boolean
  readonly destructiveHint?: boolean
  readonly idempotentHint?: boolean
  readonly openWorldHint?: boolean
}

export interface Tool<R> {
  readonly name: string
  readonly title: string
  readonly description: string
  /** What else it says where a tool of this name is offered too. */
  readonly elsewhere?: Readonly<Record<string, string>>
  readonly inputSchema: ObjectSchema
  readonly outputSchema: ObjectSchema | undefined
  readonly annotations: Annotations
  /** It may take minutes, so clients may call it as a task. */
  readonly long: boolean
  readonly call: (input: Readonly<Record<string, unknown>>, progress: Progress) => Effect.Effect<Reply, Failure, R>
}

/** What a client is told of a tool among the tools that it is offered. */
export const described = (
  { description, elsewhere = {} }: Pick<Tool<never>, "description" | "elsewhere">,
  offered: ReadonlySet<string>
): string =>
  [description, ...Object.entries(elsewhere).flatMap(([name, said]) => (offered.has(name) ? [said] : []))].join(" ")

/** Reads, and changes nothing. */
export const looks: Annotations = { readOnlyHint: true, openWorldHint: false }

/** Changes which models are in memory; idempotent. */
export const arranges: Annotations = { destructiveHint: false, idempotentHint: true, openWorldHint: false }

/** Lets a model use the user's tools, whatever they do. */
export const acts: Annotations = { destructiveHint: true }

export const make = <A, I, O, OI extends Readonly<Record<string, unknown>>, E extends Failure, R>(options: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly elsewhere?: Readonly<Record<string, string>>
  readonly annotations: Annotations
  readonly input: Schema.Schema<A, I>
  readonly output: Schema.Schema<O, OI>
  /** The fields of the output that `tools/list` describes; by default, all that are always there. */
  readonly listed?: ReadonlyArray<keyof OI & string>
  readonly long?: boolean
  /** What `success` says in the result of a tool of LM Studio; true by default, and false for a failure. */
  readonly success?: (output: O) => boolean
  /** Other names that are accepted for an argument. */
  readonly aliases?: Readonly<Record<string, string>>
  /** The result as text, one part per content block. */
  readonly text: (output: O) => ReadonlyArray<string>
  readonly handler: (input: A, progress: Progress) => Effect.Effect<O, E, R>
}): Tool<R> => {
  const { annotations, description, name, title } = options
  const decode = Schema.decodeUnknown(options.input, { errors: "all", onExcessProperty: "error" })
  const encode = Schema.encode(options.output)
  // programs written for the predecessor read `success` there
  const ofLmStudio = name.startsWith("lms_")
  let inputSchema: ObjectSchema | undefined
  let outputSchema: { readonly rendered: ObjectSchema | undefined } | undefined
  const input = () => (inputSchema ??= fromStruct(options.input))
  return {
    name,
    title,
    description,
    ...present({ elsewhere: options.elsewhere }),
    annotations,
    long: options.long ?? false,
    // rendered on first use: `initialize` is answered before
    get inputSchema() {
      return input()
    },
    get outputSchema() {
      return (outputSchema ??= { rendered: outline(options.output, options.listed) }).rendered
    },
    call: Effect.fn(`tool.${name}`)(
      function* (given, progress) {
        const takesNone = Object.keys(input().properties).length === 0
        const [unknown] = takesNone ? Object.keys(given).filter((key) => given[key] !== null && !fillsIn(key)) : []
        if (unknown !== undefined) {
          const message = `${name}: there is no argument ${quoted(unknown)}. It takes no arguments.`
          return yield* Effect.fail<Failure>({ _tag: "InvalidInput", message, retryable: false })
        }
        const decoded = yield* Effect.mapError(
          decode(withoutNulls(options.input.ast, arrange(given, options.aliases ?? {}))),
          (error) => invalidInput(name, input(), error)
        )
        const output = yield* options.handler(decoded, progress)
        // an output that does not match its own schema is a bug in the handler
        const structured = yield* Effect.orDie(encode(output))
        const success = ofLmStudio ? { success: options.success?.(output) ?? true } : {}
        return { structured: { ...success, ...structured }, content: options.text(output).map(text) }
      },
      Effect.mapError((error) => (ofLmStudio ? withoutSuccess(error) : error))
    )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** An error computes some of its fields, so each is read. */
const withoutSuccess = ({ _tag, account, message, retryable, text }: Failure): Failure => ({
  _tag,
  message,
  ...present({ text, retryable }),
  account: { success: false, ...account }
})

/** Arguments that some clients add because they cannot call a tool without any. */
const fillsIn = (key: string) => /^(?:_|random_string|dummy|placeholder|noop|no_args?)$/i.test(key)

/** Some clients send `null` for an optional argument that they leave out. */
const arrange = (given: Readonly<Record<string, unknown>>, aliases: Readonly<Record<string, string>>) => {
  const present = Object.entries(given).filter(([, value]) => value !== null)
  return Object.fromEntries(
    present.map(([key, value]) => {
      const meant = Object.hasOwn(aliases, key) ? aliases[key] : undefined
      return [meant !== undefined && !Object.hasOwn(given, meant) ? meant : key, value]
    })
  )
}

const invalidInput = (name: string, schema: ObjectSchema, error: ParseResult.ParseError): Failure => {
  const required = schema.required ?? []
  const takes = Object.keys(schema.properties).map((key) => (required.includes(key) ? `${key} (required)` : key))
  return {
    _tag: "InvalidInput",
    message: `${name}: ${problems(error).join("; ")}. It takes ${takes.length === 0 ? "no arguments" : takes.join(", ")}.`,
    retryable: false
  }
}

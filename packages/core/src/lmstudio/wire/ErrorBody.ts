/** The five shapes in which LM Studio and its engines write an error (contract 0.5), decoded into one. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { stringify } from "../../json/ExactJson.ts"
import { parseJson } from "../../internal/parseJson.ts"
import { open } from "../../schema/Fields.ts"

/** The content of an error body, in the server's own words and codes. */
export interface ErrorFacts {
  readonly message: string
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly param?: string | undefined
  /** Tokens of the prompt and of the context, if the engine sends them as fields. */
  readonly promptTokens?: number | undefined
  readonly contextLength?: number | undefined
}

/** The error in a JSON body, whatever the HTTP status; none when `error` is missing or null. */
export const errorIn = (body: unknown): Option.Option<ErrorFacts> => {
  const error = Predicate.isReadonlyRecord(body) ? body["error"] : undefined
  if (error === undefined || error === null) return Option.none()
  if (typeof error === "string") return Option.some({ message: error })
  return Option.some(
    Option.match(decodeDetail(error), {
      onNone: () => ({ message: bounded(stringify(error)) }),
      onSome: (detail) => factsOf(detail, stringify(error))
    })
  )
}

/**
 * The facts of a text that is known to be an error: the body of a reply with an error status, or the data of an error
 * event. Text that is not JSON becomes the message.
 */
export const errorOf = (text: string): ErrorFacts => {
  const body = parseJson(text)
  if (typeof body === "string") return { message: body }
  return Option.getOrElse(
    Option.orElse(errorIn(body), () => Option.map(decodeDetail(body), (detail) => factsOf(detail, text))),
    () => ({ message: bounded(text.trim()) })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Detail = Schema.Struct({
  message: open(Schema.String),
  type: open(Schema.String),
  code: open(Schema.Union(Schema.String, Schema.Number)),
  param: open(Schema.String),
  n_prompt_tokens: open(Schema.NonNegativeInt),
  n_ctx: open(Schema.NonNegativeInt)
})

const decodeDetail = Schema.decodeUnknownOption(Detail)

const factsOf = (detail: typeof Detail.Type, whole: string): ErrorFacts => ({
  message: bounded(detail.message ?? whole),
  type: detail.type,
  // llama-server repeats the HTTP status here as a number, which is not a code
  code: typeof detail.code === "string" ? detail.code : undefined,
  param: detail.param,
  promptTokens: detail.n_prompt_tokens,
  contextLength: detail.n_ctx
})

const bounded = (text: string) => (text.length <= 4000 ? text : `${text.slice(0, 4000)}…`)

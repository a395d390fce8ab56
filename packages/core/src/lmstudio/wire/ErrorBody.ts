/** The five shapes in which LM Studio and its engines write an error (contract 0.5), read into one. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { stringify } from "../../json/ExactJson.ts"
import { parseJson } from "../../internal/parseJson.ts"
import { open } from "../../schema/Fields.ts"

/** What an error body says, in the server's own words and codes. */
export interface ErrorFacts {
  readonly message: string
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly param?: string | undefined
  /** Tokens of the prompt and of the context, where an engine gives them as fields. */
  readonly promptTokens?: number | undefined
  readonly contextLength?: number | undefined
}

/** The error in a JSON body, whatever the HTTP status was; none when there is no `error`. (`"error": null` is none.) */
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
 * The facts of something that is known to be an error: a body that an error status came with, or the data of an error
 * event. Text that is no JSON is taken as the message.
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
  // llama-server repeats the HTTP status as a number here, which is no code
  code: typeof detail.code === "string" ? detail.code : undefined,
  param: detail.param,
  promptTokens: detail.n_prompt_tokens,
  contextLength: detail.n_ctx
})

const bounded = (text: string) => (text.length <= 4000 ? text : `${text.slice(0, 4000)}…`)

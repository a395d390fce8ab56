/**
 * One request and its whole JSON reply. An error body becomes a typed error whatever its status, and so does a body
 * that does not match the route's schema.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parseJson } from "../../internal/parseJson.ts"
import { classify } from "../ErrorClassifier.ts"
import { ReplyMalformed, type LmStudioError } from "../LmStudioError.ts"
import { errorIn, errorOf } from "../wire/ErrorBody.ts"
import type { Call, Transport } from "./Transport.ts"

export const exchange =
  (transport: Transport) =>
  <A, I>(
    call: Call & { readonly model?: string | undefined },
    schema: Schema.Schema<A, I>
  ): Effect.Effect<A, LmStudioError> =>
    Effect.flatMap(transport.text(call), ({ status, text }) => read(transport, call, status, text, schema))

/** The reply to `call` decoded by `schema`, or the error. */
export const read = <A, I>(
  transport: Pick<Transport, "hasToken">,
  call: { readonly operation: string; readonly model?: string | undefined },
  status: number,
  text: string,
  schema: Schema.Schema<A, I>
): Either.Either<A, LmStudioError> => {
  const body = parseJson(text)
  const failure = { operation: call.operation, model: call.model, status, hadToken: transport.hasToken }
  const facts = errorIn(body)
  if (Option.isSome(facts)) return Either.left(classify({ ...failure, facts: facts.value }))
  if (status >= 400) return Either.left(classify({ ...failure, facts: errorOf(text) }))
  return Either.mapLeft(
    Schema.decodeUnknownEither(schema)(body),
    (error) =>
      new ReplyMalformed({
        operation: call.operation,
        detail:
          body === undefined
            ? `not JSON, but ${JSON.stringify(text.slice(0, 120))}`
            : ParseResult.TreeFormatter.formatErrorSync(error).slice(0, 500)
      })
  )
}

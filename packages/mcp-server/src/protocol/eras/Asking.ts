/**
 * Asks the client in the middle of a call: up to 2025-11-25 by requests of the server, since 2026-07-28 by the call's
 * answer.
 */
import type { ElicitRequestFormParams, Server } from "@modelcontextprotocol/server"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Asker, Asking, ClientRequest, Form, FormAnswer, Page } from "../CallContext.ts"
import type { Asked, Era } from "./Era.ts"

/** How long a question waits for its answer: a person may be away for a while. */
export const patience = Duration.minutes(10)

/** By requests of the server. One that fails has no answer. */
export const byRequests = (server: Server, asked: Asked): Asking => ({
  can: server.getClientCapabilities() ?? {},
  ask: (requests) =>
    Effect.all(
      Object.fromEntries(
        Object.entries(requests).map(([key, request]) => [
          key,
          Effect.tryPromise((signal) =>
            asked.send(asSdk(request), { signal, timeout: Duration.toMillis(patience) })
          ).pipe(
            Effect.catchAll((error) =>
              Effect.as(Effect.logWarning("the client could not be asked", { detail: error.message }), undefined)
            ),
            Effect.map((answer) => valid(request.method, answer))
          )
        ])
      ),
      { concurrency: "unbounded" }
    )
})

/** The client's person, if the client can ask. `who` is the client. */
export const person = ({ ask, can }: Asking, who: unknown, era: Era): Option.Option<Asker> =>
  can.elicitation === undefined
    ? Option.none()
    : Option.some({
        who,
        opensPages: can.elicitation.url !== undefined,
        ask: (question) => {
          const key = ("url" in question ? undefined : question.key) ?? "answer"
          return Effect.map(ask({ [key]: requestOf(question, era) }), (answers) =>
            Option.getOrElse(decodeForm(answers[key]), () => cancelled)
          )
        }
      })

/** The answer to a request of this method; undefined if it is none. */
export const valid = (method: ClientRequest["method"], answer: unknown): unknown =>
  Option.isSome(decoders[method](answer)) ? answer : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const cancelled: FormAnswer = { action: "cancel" }

const decodeForm = Schema.decodeUnknownOption(
  Schema.Struct({ action: Schema.Literal("accept", "decline", "cancel"), content: Schema.optional(Schema.Unknown) })
)

const Content = Schema.Struct({ type: Schema.String }, { key: Schema.String, value: Schema.Unknown })

const decoders: Readonly<Record<ClientRequest["method"], (answer: unknown) => Option.Option<unknown>>> = {
  "elicitation/create": decodeForm,
  "sampling/createMessage": Schema.decodeUnknownOption(
    Schema.Struct(
      { role: Schema.String, content: Schema.Union(Content, Schema.Array(Content)) },
      { key: Schema.String, value: Schema.Unknown }
    )
  ),
  "roots/list": Schema.decodeUnknownOption(
    Schema.Struct({ roots: Schema.Array(Schema.Struct({ uri: Schema.String, name: Schema.optional(Schema.String) })) })
  )
}

/** Pages had an id in the older revisions, and forms no mode in some of them. */
const requestOf = (question: Form | Page, era: Era): ClientRequest => {
  const { message } = question
  const params =
    "url" in question
      ? { mode: "url", ...(era === "legacy" ? question : { message, url: question.url }) }
      : { ...(era === "legacy" ? {} : { mode: "form" }), message, requestedSchema: question.requestedSchema }
  return { method: "elicitation/create", params }
}

/** The SDK's types list every kind of field of a form; ours follow the specification. */
const asSdk = (request: ClientRequest) =>
  request as { readonly method: "elicitation/create"; readonly params: ElicitRequestFormParams }

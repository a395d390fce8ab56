// @effect-diagnostics nodeBuiltinImport:off -- the server's own requests and responses
/**
 * Reads requests of the page and answers them.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Failure } from "@lms-bridge/page/Page"
import type { IncomingMessage, ServerResponse } from "node:http"
import { problems } from "../../input/InvalidInput.ts"

/** What the page is told where something did not succeed. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  tag: Schema.String,
  message: Schema.String
}) {}

export const refused = (status: number, tag: string, message: string) => new Refused({ status, tag, message })

/** Any failure of a service, in its own words. */
export const ofFailure = (failure: { readonly _tag: string; readonly message: string }) =>
  refused(statuses[failure._tag] ?? 422, failure._tag, failure.message)

export const json = (response: ServerResponse, status: number, value: unknown, headers: object = {}): void => {
  response.writeHead(status, { ...always, "content-type": "application/json", ...headers })
  response.end(JSON.stringify(value))
}

export const failure = (response: ServerResponse, { message, status, tag }: Refused): void =>
  json(response, status, { error: tag, message } satisfies Failure, status === 429 ? { "retry-after": "60" } : {})

/** Of every answer: nothing of it is kept, framed, or taken for another type. */
export const always = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

/** The body of a request, by a schema. */
export const bodyAs = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknown(Schema.parseJson(schema), { errors: "all", onExcessProperty: "error" })
  return (request: IncomingMessage): Effect.Effect<A, Refused> =>
    Effect.flatMap(textOf(request), (text) =>
      Effect.mapError(decode(text), (error) => refused(400, "InvalidInput", `${problems(error).join("; ")}.`))
    )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostBodyBytes = 1024 * 1024
const mostDroppedBytes = 8 * mostBodyBytes

const statuses: Readonly<Record<string, number>> = {
  RunNotFound: 404,
  McpServerNotFound: 404,
  ModelNotFound: 404,
  RunInProgress: 409,
  ModelInUse: 409
}

const textOf = (request: IncomingMessage): Effect.Effect<string, Refused> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= mostBodyBytes) return void chunks.push(chunk)
      // the rest is read and dropped, so that the answer arrives; not without end
      if (bytes > mostDroppedBytes) request.destroy()
      resume(Effect.fail(refused(413, "TooLarge", `A body may have ${mostBodyBytes} bytes at most.`)))
    })
    request.once("end", () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8"))))
    request.once("error", ({ message }) => resume(Effect.fail(refused(400, "NotRead", message))))
  })

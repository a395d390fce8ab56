// @effect-diagnostics nodeBuiltinImport:off -- Node's own requests
/**
 * Reads the messages in the body of a POST before the SDK's transport, which answers invalid ones without an id and in
 * its validator's words.
 */
import { isInitializeRequest, type JSONRPCMessage, ProtocolErrorCode } from "@modelcontextprotocol/server"
import { isTooDeep } from "@lms-bridge/core/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { IncomingMessage } from "node:http"
import * as ClientMessage from "./ClientMessage.ts"

/** Either all messages are valid, or this is the answer to the body. */
export type Body =
  | {
      readonly _tag: "Messages"
      readonly messages: JSONRPCMessage | ReadonlyArray<JSONRPCMessage>
      readonly initializes: boolean
      readonly id: ClientMessage.Answer["id"]
    }
  | { readonly _tag: "Answers"; readonly status: 200 | 400; readonly answer: object }

/** Undefined if there are more bytes. Interrupted when the client leaves before the end. */
export const textOf = (request: IncomingMessage, mostBytes: number): Effect.Effect<string | undefined> =>
  Effect.map(bytesOf(request, mostBytes), (bytes) => bytes?.toString("utf8"))

/** Undefined for what is no JSON, or too deep. */
export const jsonOf = (text: string): unknown =>
  isTooDeep(text) ? undefined : Either.getOrUndefined(Either.try((): unknown => JSON.parse(text)))

export const bodyOf = (text: string): Body => {
  const isList = text.trimStart().startsWith("[")
  const readings = ClientMessage.parse(text)
  const messages = readings.flatMap((reading) => (reading._tag === "Message" ? [reading.message] : []))
  const [first] = messages
  if (first !== undefined && messages.length === readings.length) {
    return {
      _tag: "Messages",
      messages: isList ? messages : first,
      initializes: messages.some((message) => isInitializeRequest(message)),
      id: idOf(first)
    }
  }
  const answers = readings.flatMap((reading) => {
    if (reading._tag === "Answer") return [reading.answer]
    if (reading._tag === "Nothing") return []
    const id = idOf(reading.message)
    return id === null ? [] : [ClientMessage.answerTo(id, ProtocolErrorCode.InvalidRequest, notAlone)]
  })
  const [answer = ClientMessage.answerTo(null, ProtocolErrorCode.InvalidRequest, "The body has nothing to answer.")] =
    answers
  // a client reads the error of one of its requests only from a response with status 200
  const status = answers.length > 0 && answers.every(({ id }) => id !== null) ? 200 : 400
  return { _tag: "Answers", status, answer: isList && answers.length > 0 ? answers : answer }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notAlone = "It was not processed, because another message in its list is invalid."

const idOf = (message: JSONRPCMessage): ClientMessage.Answer["id"] =>
  "method" in message && "id" in message ? (message.id ?? null) : null

/** Undefined if there are more. */
const bytesOf = (request: IncomingMessage, most: number): Effect.Effect<Buffer | undefined> =>
  Number(request.headers["content-length"] ?? 0) > most
    ? Effect.as(
        Effect.sync(() => request.resume()),
        undefined
      )
    : Effect.async((resume) => {
        const chunks: Array<Buffer> = []
        let size = 0
        const onData = (chunk: Buffer) => {
          size += chunk.length
          if (size <= most) chunks.push(chunk)
        }
        const onEnd = () => resume(Effect.succeed(size > most ? undefined : Buffer.concat(chunks)))
        const onClose = () => resume(Effect.interrupt)
        request.on("data", onData).once("end", onEnd).once("close", onClose)
        return Effect.sync(() => request.off("data", onData).off("end", onEnd).off("close", onClose))
      })

// @effect-diagnostics nodeBuiltinImport:off -- Node's own requests
/**
 * The messages in the body of a POST, before the SDK's transport sees them: it answers what it does not understand with
 * no id and in its validator's words.
 */
import { ErrorCode, isInitializeRequest, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import type { IncomingMessage } from "node:http"
import * as ClientMessage from "./ClientMessage.ts"

/** Either all of it can be handed on, or this is the answer to all of it. */
export type Body =
  | {
      readonly _tag: "Messages"
      readonly messages: JSONRPCMessage | ReadonlyArray<JSONRPCMessage>
      readonly initializes: boolean
      readonly id: ClientMessage.Answer["id"]
    }
  | { readonly _tag: "Answers"; readonly status: 200 | 400; readonly answer: object }
  | { readonly _tag: "TooLarge" }

/** Interrupted when the client goes away in the middle of it. */
export const read = (request: IncomingMessage, mostBytes: number): Effect.Effect<Body> =>
  Effect.map(bytesOf(request, mostBytes), (bytes) =>
    bytes === undefined ? { _tag: "TooLarge" } : bodyOf(bytes.toString("utf8"))
  )

/** Pure part of it. */
export const bodyOf = (text: string): Exclude<Body, { readonly _tag: "TooLarge" }> => {
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
    return id === null ? [] : [ClientMessage.answerTo(id, ErrorCode.InvalidRequest, notAlone)]
  })
  const [answer = ClientMessage.answerTo(null, ErrorCode.InvalidRequest, "There is nothing in it to answer.")] = answers
  // a client reads an error that belongs to one of its requests only from an answer that succeeds
  const status = answers.length > 0 && answers.every(({ id }) => id !== null) ? 200 : 400
  return { _tag: "Answers", status, answer: isList && answers.length > 0 ? answers : answer }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notAlone = "It was not looked at, because another message of its list cannot be understood."

const idOf = (message: JSONRPCMessage): ClientMessage.Answer["id"] =>
  "method" in message && "id" in message ? (message.id ?? null) : null

/** Undefined when there are more. */
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

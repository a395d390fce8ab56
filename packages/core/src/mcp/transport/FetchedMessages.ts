/**
 * `fetch` for the SDK's HTTP transports that reads the servers' answers before they do. The SDK's transports never
 * complete a request whose answer is not exactly valid, and do not keep numbers exact. They get a ticket instead.
 */
import type { FetchLike, JSONRPCMessage } from "@modelcontextprotocol/client"
import * as Predicate from "effect/Predicate"
import { createParser, type EventSourceMessage } from "eventsource-parser"
import { joinedBytes } from "../../internal/joinedBytes.ts"
import * as MessageText from "../reading/MessageText.ts"
import { Received } from "./Carried.ts"

export interface FetchedMessages {
  readonly fetch: FetchLike
  /** The message that a ticket stands for. */
  readonly redeem: (message: JSONRPCMessage) => JSONRPCMessage
}

export interface Options {
  /** Whether the response to a posted request is its answer. */
  readonly posts: boolean
  /** Called for each request whose stream ended before its answer and cannot be resumed. */
  readonly cut?: (id: number) => void
  /** The largest body and event, in bytes. */
  readonly limit?: number
}

/** The code of an answer that was cut off, as in the first line of the SDK. */
export const connectionClosed = -32_000

export const make = (fetch: FetchLike, options: Options): FetchedMessages => {
  const { cut = () => {}, limit = MessageText.maxMessageBytes, posts } = options
  /** Whether a separate stream may deliver the answer to a request that was only acknowledged. */
  const standing = { refused: false }
  const tickets = new Map<string, Received>()
  let count = 0
  /** An answer's ticket has the form of an answer: then the SDK does not try to resume the stream. */
  const ticket = (received: Received, isAnswer: boolean): string => {
    const name = `${prefix}${++count}`
    tickets.set(name, received)
    return MessageText.serialize(isAnswer ? { jsonrpc: "2.0", id: name, result: {} } : { jsonrpc: "2.0", method: name })
  }

  const body = (response: Response, about: number | undefined): Promise<Response> =>
    textWithin(response, limit).then((text) =>
      json(ticket(about === undefined ? heard(text) : replied(text, about, response.status), about !== undefined))
    )

  const stream = (response: Response, about: number | undefined): Response => {
    const reader = response.body?.getReader()
    if (reader === undefined) return response
    const state = { answered: false, resumable: false, size: 0, events: 0 }
    let out = ""
    /** Collected until the first event: a body with an ordinary answer has none. */
    let raw = ""
    const parser = createParser({
      onEvent: (event) => {
        state.size = 0
        state.events++
        raw = ""
        if (event.id !== undefined && event.id !== "") state.resumable = true
        const isMessage = isMessageEvent(event) || (about !== undefined && event.event === "error")
        // the SDK ignores events with other names
        out += isMessage ? rewritten({ ...event, event: undefined }) : written(event, event.data)
      },
      onRetry: (retry) => (out += `retry: ${retry}\n\n`)
    })
    const rewritten = (event: EventSourceMessage) => {
      const received = about === undefined ? heard(event.data) : replied(event.data, about, response.status)
      const isAnswer = !received.read.values.some((value) => Predicate.hasProperty(value, "method"))
      if (isAnswer) state.answered = true
      return written(event, ticket(received, isAnswer))
    }
    const ended = () => {
      if (about !== undefined && !state.answered && !state.resumable) cut(about)
    }
    const decoder = new TextDecoder()
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        reader.read().then(
          ({ done, value }) => {
            if (done) {
              // a last event without its empty line counts
              parser.feed("\n\n")
              if (about !== undefined && state.events === 0 && /^\s*[[{]/.test(raw)) {
                out += written({ data: "" }, ticket(replied(raw, about, response.status), true))
                state.answered = true
              }
              if (out !== "") controller.enqueue(encoder.encode(out))
              out = ""
              controller.close()
              return ended()
            }
            state.size += value.length
            const text = decoder.decode(value, { stream: true })
            if (state.events === 0) raw += text
            parser.feed(text)
            if (state.size > limit) {
              const broken = `an event of more than ${limit} bytes`
              out = written({ data: "" }, ticket(new Received({ values: [], broken }, about), true))
              state.answered = true
              controller.enqueue(encoder.encode(out))
              controller.close()
              return reader.cancel()
            }
            // a pulled stream has to deliver something
            controller.enqueue(encoder.encode(out === "" ? ":\n" : out))
            out = ""
            return undefined
          },
          (error: unknown) => {
            controller.error(error)
            return ended()
          }
        ),
      cancel: (reason) => reader.cancel(reason)
    })
    return new Response(source, { status: response.status, statusText: response.statusText, headers: response.headers })
  }

  /** A protocol error is an answer, whatever the status is. */
  const refused = (
    response: Response,
    request: Posted | undefined,
    init: RequestInit
  ): Response | Promise<Response> => {
    const { headers, status, statusText } = response
    if (isForTheLogin(status)) return response
    const again = (text: string) => new Response(text, { status, statusText, headers: withoutLength(headers) })
    return textWithin(response, limit).then((text) => {
      // the response to a notification does not matter
      if (request === undefined)
        return isSession(status, text, init) ? again(text) : new Response(null, { status: 202 })
      return isProtocol(text) && !isSession(status, text, init)
        ? withHeaders(json(ticket(replied(text, request.id, status), true)), response, 200)
        : again(text)
    })
  }

  return {
    fetch: (url, init) => {
      const request = posts ? requestIn(init) : undefined
      const about = request?.id
      return fetch(url, init).then((response) => {
        if (init?.method === "GET") standing.refused = !response.ok
        if (!response.ok) return init?.method === "POST" && posts ? refused(response, request, init) : response
        if (/event-stream/i.test(response.headers.get("content-type") ?? "")) return stream(response, about)
        // a notification is only acknowledged
        if (about === undefined) return response
        // and so may be a request, if its answer can come on another stream
        if (response.status === 202 && !isGreeting(request?.method) && !standing.refused) return response
        return body(response, about).then((made) => withHeaders(made, response))
      })
    },
    redeem: (message) => {
      const name = "method" in message ? message.method : String(message.id)
      const received = tickets.get(name)
      tickets.delete(name)
      // the client unpacks it: this type is the SDK's
      return received === undefined ? message : (received as unknown as JSONRPCMessage)
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const prefix = "lms-bridge/ticket/"

const encoder = new TextEncoder()

interface Posted {
  readonly id: number
  readonly method: unknown
}

/** The posted request. */
const requestIn = (init: RequestInit | undefined): Posted | undefined => {
  const message = typeof init?.body === "string" ? MessageText.parse(init.body) : undefined
  if (!Predicate.hasProperty(message, "method") || !Predicate.hasProperty(message, "id")) return undefined
  return typeof message.id === "number" ? { id: message.id, method: message.method } : undefined
}

const heard = (text: string) => new Received(MessageText.read(text))

/** Any response is the answer: text that is not JSON is shown. */
const replied = (text: string, about: number, status: number) => {
  const read = MessageText.read(text)
  if (read.values.length > 0 || read.broken !== undefined) return new Received(read, about)
  const broken = text.trim() === "" ? `nothing, with status ${status}` : text.trim()
  return new Received({ values: [], broken }, about)
}

const isMessageEvent = ({ data, event }: EventSourceMessage) =>
  data !== "" &&
  (event === undefined || event === "" || event === "message" || MessageText.isMessage(MessageText.parse(data)))

const isGreeting = (method: unknown) => method === "initialize" || method === "server/discover"

const isForTheLogin = (status: number) => status === 401 || status === 403

/** Whether a refusal means that the session is gone; by the status, the client starts a new one. */
const isSession = (status: number, text: string, init: RequestInit) =>
  new Headers(init.headers).has("mcp-session-id") &&
  (status === 404 || status === 410 || /session|not initialized/i.test(text))

const isProtocol = (text: string) => {
  const value = MessageText.parse(text.trim())
  return Predicate.isReadonlyRecord(value) && "jsonrpc" in value && ("error" in value || "result" in value)
}

const written = ({ event, id }: EventSourceMessage, data: string) =>
  `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}${data
    .split("\n")
    .map((line) => `data: ${line}\n`)
    .join("")}\n`

const json = (text: string) => new Response(text)

const withoutLength = (original: Headers) => {
  const headers = new Headers(original)
  for (const name of ["content-length", "content-encoding", "transfer-encoding"]) headers.delete(name)
  return headers
}

const withHeaders = (made: Response, { headers: original, status }: Response, instead?: number) => {
  const headers = withoutLength(original)
  headers.set("content-type", "application/json")
  const acknowledged = status === 202 || status === 204 || status === 205
  return new Response(made.body, { status: instead ?? (acknowledged ? 200 : status), headers })
}

/** Reads at most `limit` bytes; beyond that, the result is a message that says so. */
const textWithin = (response: Response, limit: number): Promise<string> => {
  const reader = response.body?.getReader()
  if (reader === undefined) return Promise.resolve("")
  const pieces: Array<Uint8Array> = []
  let size = 0
  const rest = (): Promise<string> =>
    reader.read().then(({ done, value }) => {
      if (done) return new TextDecoder().decode(joinedBytes(pieces, size))
      pieces.push(value)
      size += value.length
      return size > limit ? reader.cancel().then(() => `a body of more than ${limit} bytes`) : rest()
    })
  return rest()
}

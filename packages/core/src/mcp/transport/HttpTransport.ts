/**
 * A remote MCP server: Streamable HTTP, or the older HTTP with SSE, through the SDK's transports. Also detects a stream
 * that ends before its answer, which they ignore.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import {
  type FetchLike,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport
} from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Context from "effect/Context"
import * as FetchedMessages from "./FetchedMessages.ts"
import * as RemoteRetry from "./RemoteRetry.ts"
import * as AuthorizedFetch from "../login/AuthorizedFetch.ts"
import * as Refusals from "../login/Refusals.ts"
import type { McpLogins } from "../login/McpLogins.ts"
import type { ServerChannel } from "./ServerChannel.ts"
import * as Redaction from "../redaction/Redaction.ts"
import { present } from "../../schema/Fields.ts"
import * as RetryPolicy from "../../resilience/RetryPolicy.ts"
import { type Launch, remoteServer } from "../config/Launch.ts"

export interface HttpOptions {
  readonly server: string
  readonly launch: Extract<Launch, { readonly _tag: "Http" }>
  readonly kind: "http" | "sse"
  readonly logins: Context.Tag.Service<McpLogins>
  /** How often and when a server that is not ready is retried. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
}

/**
 * Does not connect yet: the client's first message does. Closing the scope tells a Streamable HTTP server that its
 * session is over, if it answers in time.
 */
export const make = Effect.fn("HttpTransport.make")(function* (options: HttpOptions) {
  const { kind, launch, logins, policy = RetryPolicy.standard, server } = options
  const plain = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.Fetch), () => platformFetch)
  const url = new URL(Redacted.value(launch.url))
  const headers = Object.fromEntries(
    Object.entries(launch.headers).map(([name, value]) => [name, Redacted.value(value)])
  )
  const redaction = Redaction.of(launch)
  const remote = remoteServer(server, launch)
  const access = remote === undefined ? undefined : yield* logins.access(remote)
  const run = yield* FiberSet.makeRuntimePromise<never>()
  const redact = (text: string) => redaction.text(access?.redact(text) ?? text)
  const refusal = { reason: "" }
  const fetch = Refusals.noted(
    access === undefined ? plain : AuthorizedFetch.make({ fetch: plain, url, access, run }),
    redact,
    (reason) => (refusal.reason = reason)
  )
  const patient: Patient = (waiting) => RemoteRetry.make({ fetch, policy, run, isOpen: (id) => waiting.has(id) })
  const way = kind === "sse" ? overSse(url, headers, patient) : overStreamableHttp(url, headers, patient)
  return {
    ...way,
    // nothing is started to find out; the older transport knows only the older words
    begins: kind === "sse" ? "legacy" : "modern",
    ended: Effect.succeed({ exitCode: undefined, detail: "The connection to it was lost." }),
    stderrTail: Effect.succeed(""),
    hint: Effect.succeed(""),
    refusal: Effect.sync(() => refusal.reason),
    ...(access === undefined ? {} : { lacks: access.lacks }),
    redact,
    said: (text) => redaction.said(text)
  } satisfies ServerChannel
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Retries as long as the request is in `waiting`. */
type Patient = (waiting: ReadonlySet<string | number>) => FetchLike

/** How long a server may take to acknowledge the end of its session. */
const endSessionWithin = "1 second"

// the SDK's transports use fetch, not HttpClient; a program may provide another fetch as the Fetch service
// @effect-diagnostics-next-line globalFetch:off
const platformFetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)

/** Wraps the SDK's transport: redeems tickets, and tracks the pending requests. */
const between = (
  inner: Transport,
  redeem: FetchedMessages.FetchedMessages["redeem"],
  waiting: Set<string | number>
) => {
  const transport: Transport = {
    start: () => {
      inner.onmessage = (message, extra) => transport.onmessage?.(redeem(message), extra)
      const { onclose, onerror } = inner
      inner.onclose = () => (onclose?.(), transport.onclose?.())
      inner.onerror = (error) => (onerror?.(error), transport.onerror?.(error))
      return inner.start()
    },
    send: (message, options) => {
      if ("method" in message && "id" in message) {
        const { id } = message
        waiting.add(id)
        // the SDK's promise ends when the answer begins, and with it everything that might be retried
        return inner.send(message, options).finally(() => waiting.delete(id))
      }
      if ("method" in message && message.method === "notifications/cancelled") {
        const { requestId } = { ...message.params }
        if (typeof requestId === "string" || typeof requestId === "number") waiting.delete(requestId)
      }
      return inner.send(message, options)
    },
    close: () => inner.close(),
    ...present({ hasPerRequestStream: inner.hasPerRequestStream }),
    get sessionId() {
      return inner.sessionId
    },
    setProtocolVersion: (version) => inner.setProtocolVersion?.(version)
  }
  return transport
}

const overSse = (url: URL, headers: Record<string, string>, patient: Patient) => {
  const waiting = new Set<string | number>()
  // answers come on the one stream; the response to a post does not matter
  const { fetch, redeem } = FetchedMessages.make(patient(waiting), { posts: false })
  const inner = new SSEClientTransport(url, { requestInit: { headers }, fetch })
  // without its stream no answer can arrive, and a new stream would be a new session
  inner.onerror = (error) => {
    if ("event" in error) void inner.close()
  }
  return { transport: between(inner, redeem, waiting), endSession: Effect.void }
}

const overStreamableHttp = (url: URL, headers: Record<string, string>, patient: Patient) => {
  const waiting = new Set<string | number>()
  const { fetch, redeem } = FetchedMessages.make(patient(waiting), {
    posts: true,
    cut: (id) =>
      transport.onmessage?.({ jsonrpc: "2.0", id, error: { code: FetchedMessages.connectionClosed, message: cut } })
  })
  const inner = new StreamableHTTPClientTransport(url, { requestInit: { headers }, fetch })
  inner.onerror = (error) => {
    // the SDK has given up resuming a stream
    if (/reconnection attempts/i.test(error.message)) void inner.close()
  }
  const transport = between(inner, redeem, waiting)
  return {
    transport,
    endSession: Effect.tryPromise(() => inner.terminateSession()).pipe(
      Effect.interruptible,
      Effect.timeoutOption(endSessionWithin),
      Effect.ignore
    )
  }
}

const cut = "Connection closed"

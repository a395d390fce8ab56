/**
 * A remote MCP server: Streamable HTTP, or the older HTTP with SSE, through the SDK's transports, made to notice what
 * they pass over: a stream that ends before its answer came.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js"
import { ErrorCode, isJSONRPCRequest } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Context from "effect/Context"
import * as JsonLines from "./JsonLines.ts"
import * as AuthorizedFetch from "./login/AuthorizedFetch.ts"
import * as Refusals from "./login/Refusals.ts"
import * as RemoteServer from "./login/RemoteServer.ts"
import type { McpLogins } from "./McpLogins.ts"
import type { Peer } from "./Peer.ts"
import * as Redaction from "./redaction/Redaction.ts"
import type { Launch } from "./ServerDefinition.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface HttpOptions {
  readonly server: string
  readonly launch: Extract<Launch, { readonly _tag: "Http" }>
  readonly kind: "http" | "sse"
  readonly logins: Context.Tag.Service<McpLogins>
}

/**
 * Connects nothing yet: the client's first message does. Closing the scope tells a Streamable HTTP server that its
 * session is over, if it answers in time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fn("HttpTransport.make")(function* ({ kind, launch, logins, server }: HttpOptions) {
  const plain = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.Fetch), () => platformFetch)
  const url = new URL(Redacted.value(launch.url))
  const headers = Object.fromEntries(
    Object.entries(launch.headers).map(([name, value]) => [name, Redacted.value(value)])
  )
  const redaction = Redaction.of(launch)
  const remote = RemoteServer.make(server, launch)
  const access = remote === undefined ? undefined : yield* logins.access(remote)
  const run = yield* FiberSet.makeRuntimePromise<never>()
  const redact = (text: string) => redaction.text(access?.redact(text) ?? text)
  const refusal = { reason: "" }
  const fetch = Refusals.noted(
    access === undefined ? plain : AuthorizedFetch.make({ fetch: plain, url, access, run }),
    redact,
    (reason) => (refusal.reason = reason)
  )
  const way = kind === "sse" ? overSse(url, headers, fetch) : yield* overStreamableHttp(url, headers, fetch)
  return {
    ...way,
    ended: Effect.succeed({ exitCode: undefined, detail: "The connection to it was lost." }),
    stderrTail: Effect.succeed(""),
    hint: Effect.succeed(""),
    refusal: Effect.sync(() => refusal.reason),
    ...(access === undefined ? {} : { lacks: access.lacks }),
    redact,
    said: (text) => redaction.said(text)
  } satisfies Peer
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** For a server to acknowledge the end of its session. */
const farewellWithin = "1 second"

// the SDK's transports speak fetch, so there is no HttpClient to ask; a program may provide another as the Fetch service
// @effect-diagnostics-next-line globalFetch:off
const platformFetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)

const parsedWithin = "100 millis"

const overSse = (url: URL, headers: Record<string, string>, fetch: FetchLike) => {
  const transport = new SSEClientTransport(url, { requestInit: { headers }, fetch })
  // without its stream no answer can arrive, and a new stream would be another session
  transport.onerror = (error) => {
    if ("event" in error) void transport.close()
  }
  return { transport, farewell: Effect.void }
}

const overStreamableHttp = Effect.fnUntraced(function* (url: URL, headers: Record<string, string>, fetch: FetchLike) {
  /** Requests that have no answer yet. */
  const pending = new Set<string | number>()
  const run = yield* FiberSet.makeRuntime<never>()
  const transport = new StreamableHTTPClientTransport(url, {
    requestInit: { headers },
    fetch: watched(fetch, (id) => {
      pending.add(id)
      return (resumable) => {
        const missing = Effect.sync(() => {
          if (resumable || !pending.delete(id)) return
          transport.onmessage?.({ jsonrpc: "2.0", id, error: { code: ErrorCode.ConnectionClosed, message: cut } })
        })
        // later, for the SDK's parser to hand on what it has
        run(Effect.delay(missing, parsedWithin))
      }
    })
  })
  transport.onmessage = (message) => {
    if ("id" in message && message.id !== undefined && !("method" in message)) pending.delete(message.id)
  }
  transport.onerror = (error) => {
    // the SDK has given up resuming a stream
    if (/reconnection attempts/i.test(error.message)) void transport.close()
  }
  return {
    transport,
    farewell: Effect.tryPromise(() => transport.terminateSession()).pipe(
      Effect.interruptible,
      Effect.timeoutOption(farewellWithin),
      Effect.ignore
    )
  }
})

const cut = "Connection closed"

/** Tells of each request that is posted, and of the end of the stream that should bring its answer. */
const watched =
  (fetch: FetchLike, posted: (id: string | number) => (resumable: boolean) => void): FetchLike =>
  (url, init) => {
    const message = typeof init?.body === "string" ? Option.getOrUndefined(JsonLines.decode(init.body)) : undefined
    const ended = message !== undefined && isJSONRPCRequest(message) ? posted(message.id) : undefined
    return fetch(url, init).then((response) =>
      ended !== undefined && response.ok && /event-stream/i.test(response.headers.get("content-type") ?? "")
        ? withEnd(response, ended)
        : response
    )
  }

const withEnd = (response: Response, ended: (resumable: boolean) => void): Response => {
  const reader = response.body?.getReader()
  if (reader === undefined) return response
  const decoder = new TextDecoder()
  let line = ""
  // a stream whose events have ids can be asked for the rest of them, which the SDK does
  let resumable = false
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      reader.read().then(
        ({ done, value }) => {
          if (done) {
            controller.close()
            return ended(resumable)
          }
          if (!resumable) {
            line = `${line}${decoder.decode(value, { stream: true })}`
            resumable = /(^|[\r\n])id:/.test(line)
            line = line.slice(-4)
          }
          return controller.enqueue(value)
        },
        (error: unknown) => {
          controller.error(error)
          return ended(resumable)
        }
      ),
    cancel: (reason) => reader.cancel(reason)
  })
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers })
}

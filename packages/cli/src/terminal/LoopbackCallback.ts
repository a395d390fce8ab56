// @effect-diagnostics nodeBuiltinImport:off -- a socket on this machine, for one request of the user's browser
/**
 * The page to which the browser returns after a login: on this machine, reachable from no other, and only while the
 * login lasts.
 */
import { type Callback, CallbackFailed } from "@lms-bridge/core/McpRegistry"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"

/** Listens on the port, or on any free one. `show` takes the person to the login page. */
export const open = Effect.fn("LoopbackCallback.open")(function* (
  port: number | undefined,
  show: (page: string) => Effect.Effect<void>
) {
  const answer = yield* Deferred.make<URLSearchParams>()
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", `http://${host}`)
    if (request.method !== "GET" || pathname !== path) return say(response, 404, "There is nothing here.")
    Deferred.unsafeDone(answer, Effect.succeed(searchParams))
    return say(
      response,
      200,
      searchParams.has("error")
        ? "The login was refused. Go back to lms-bridge to see why."
        : "lms-bridge continues from here. You can close this page."
    )
  }
  const server = createServer(onRequest)
  const actual = yield* Effect.acquireRelease(listen(server, port ?? 0, host), () => close(server))
  // some login services accept only "localhost", which a browser may resolve to IPv6; this machine may not have it
  const newer = createServer(onRequest)
  yield* Effect.ignore(Effect.acquireRelease(listen(newer, actual, "::1"), () => close(newer)))
  const callback: Callback = {
    redirectUrl: `http://${host}:${actual}${path}`,
    state: randomUUID(),
    visit: (page) => Effect.zipRight(show(page), Deferred.await(answer))
  }
  return callback
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const host = "127.0.0.1"
const path = "/callback"

const listen = (server: Server, port: number, host: string) =>
  Effect.async<number, CallbackFailed>((resume) => {
    server.once("error", ({ message }) => resume(new CallbackFailed({ detail: message })))
    server.listen(port, host, () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })

const close = (server: Server) =>
  Effect.sync(() => {
    server.close()
    server.closeIdleConnections()
  })

const say = (response: ServerResponse, status: number, text: string) =>
  response
    .writeHead(status, { "content-type": "text/html; charset=utf-8", connection: "close", "cache-control": "no-store" })
    .end(`<!doctype html><title>lms-bridge</title><p>${text}</p>\n`)

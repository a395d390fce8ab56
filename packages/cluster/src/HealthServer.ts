// @effect-diagnostics nodeBuiltinImport:off -- a page for probes and scrapers needs no more than Node's own server
/** `/healthz`, `/readyz` and `/metrics` of a worker, on loopback. */
import { Prometheus } from "@lms-bridge/core/Observability"
import { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { createHash, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"

export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  port: Schema.Int,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `Cannot listen on 127.0.0.1:${this.port}: ${this.detail}. Choose another port.`
  }
}

export interface Options {
  readonly port: number
  /** Why this worker is not ready; undefined if it is. */
  readonly unready: Effect.Effect<string | undefined>
  readonly measure: Effect.Effect<void>
}

/** Answers until the scope closes; gives the address. */
export const serve = Effect.fnUntraced(function* ({ measure, port, unready }: Options) {
  const { httpToken, metricsOpen } = yield* Settings
  const run = Runtime.runFork(yield* Effect.runtime())
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) => {
      response.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
      response.end(text)
    }
    const path = (request.url ?? "").split("?")[0]
    if (path === "/healthz") return answer(200, "ok\n")
    if (path === "/readyz") {
      return void run(
        Effect.map(unready, (why) => (why === undefined ? answer(200, "ready\n") : answer(503, `${why}\n`)))
      )
    }
    if (path !== "/metrics") return answer(404, "There are /healthz, /readyz and /metrics.\n")
    const isAllowed =
      metricsOpen || Option.exists(httpToken, (token) => isToken(request.headers.authorization, Redacted.value(token)))
    if (!isAllowed) {
      return answer(401, "The token of LMS_BRIDGE_HTTP_TOKEN is required, or LMS_BRIDGE_METRICS_OPEN=1.\n")
    }
    run(Effect.map(Effect.zipRight(measure, Prometheus.render), (text) => answer(200, text)))
  })
  yield* Effect.acquireRelease(
    Effect.async<void, PortTaken>((resume) => {
      server.once("error", ({ message }) => resume(new PortTaken({ port, detail: message })))
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : port}`
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const digest = (text: string) => createHash("sha256").update(text).digest()

const isToken = (header: string | undefined, token: string) =>
  timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`))

import * as Telemetry from "#src/Telemetry.ts"
import { assert, describe, it } from "@effect/vitest"
import { CaptureContent, Exporting } from "@lms-bridge/core/Observability"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"

const variables = (entries: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))

/** The headers of the first export to a collector on loopback, while `self` runs under the exporter. */
const exported = (self: Effect.Effect<unknown>, entries: Record<string, string> = {}) =>
  Effect.async<IncomingHttpHeaders>((resume) => {
    const server = createServer((request, response) => {
      request.resume()
      response.end("{}")
      resume(Effect.succeed(request.headers))
    }).listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, ...entries }
      const program = Effect.provide(self, Layer.provide(Telemetry.layer("1"), variables(endpoint)))
      Effect.runFork(Effect.asVoid(program))
    })
    return Effect.sync(() => server.closeAllConnections())
  })

describe("Telemetry", () => {
  it.live("sends the headers that are configured", () =>
    Effect.gen(function* () {
      const headers = yield* exported(Effect.withSpan(Effect.void, "x"), {
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc, x-team = bees"
      })
      assert.deepInclude(headers, { authorization: "Bearer abc", "x-team": "bees" })
    })
  )

  it.effect("sends each signal where its own variables say, and none that is switched off", () =>
    Effect.gen(function* () {
      const addresses = yield* Effect.forEach(Exporting.signals, Exporting.addressOf)
      assert.deepStrictEqual(addresses.map(Option.getOrNull), ["http://one:4318/v1/traces", "http://two/m", null])
      assert.isTrue(yield* Exporting.isWanted)
    }).pipe(
      Effect.provide(
        variables({
          OTEL_EXPORTER_OTLP_ENDPOINT: "http://one:4318/",
          OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://two/m",
          OTEL_LOGS_EXPORTER: "none"
        })
      )
    )
  )

  it.effect("exports nothing to what is no address", () =>
    Effect.gen(function* () {
      assert.isFalse(yield* Exporting.isWanted)
    }).pipe(Effect.provide(variables({ OTEL_EXPORTER_OTLP_ENDPOINT: "the collector" })))
  )

  it.effect("does nothing without an endpoint", () =>
    Effect.gen(function* () {
      const span = yield* Effect.currentSpan.pipe(Effect.withSpan("x"))
      const under = yield* Effect.currentSpan.pipe(
        Effect.withSpan("x"),
        Effect.provide(Layer.provide(Telemetry.layer("1"), variables({})))
      )
      assert.strictEqual(Object.getPrototypeOf(under), Object.getPrototypeOf(span))
      assert.isFalse(yield* CaptureContent)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Settings, baseUrl, defaults, table } from "@lms-bridge/core/configuration/Settings"

const read = (variables: Record<string, string>) =>
  Settings.pipe(
    Effect.provide(
      Settings.layer.pipe(
        Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))))
      )
    )
  )

describe("Settings", () => {
  it.effect("has the documented defaults when nothing is set", () =>
    Effect.gen(function* () {
      const settings = yield* read({})
      assert.deepStrictEqual(settings, defaults)
      assert.strictEqual(baseUrl(settings), "http://127.0.0.1:1234")
    })
  )

  it.effect("takes durations as people write them", () =>
    Effect.gen(function* () {
      for (const [text, seconds] of [
        ["90s", 90],
        ["10m", 600],
        ["250ms", 0.25],
        ["45", 45],
        ["2 hours", 7200]
      ] as const) {
        const settings = yield* read({ LMS_BRIDGE_TTL: text })
        assert.strictEqual(Duration.toSeconds(settings.ttl), seconds, text)
      }
    })
  )

  it.effect("names every bad variable and what is allowed, and stops", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        read({
          LMSTUDIO_PORT: "70000",
          LMS_BRIDGE_TTL: "soon",
          LMS_BRIDGE_LOG_LEVEL: "loud",
          LMSTUDIO_BASE_URL: "ftp://x"
        })
      )
      assert.deepStrictEqual(
        error.problems.map(({ variable }) => variable),
        ["LMSTUDIO_PORT", "LMSTUDIO_BASE_URL", "LMS_BRIDGE_LOG_LEVEL", "LMS_BRIDGE_TTL"]
      )
      assert.include(error.message, 'LMSTUDIO_PORT is "70000", but must be a whole number from 1 to 65535.')
    })
  )

  it.effect("keeps the token redacted", () =>
    Effect.gen(function* () {
      const { apiToken } = yield* read({ LM_API_TOKEN: "sk-lm-secret" })
      assert.notInclude(String(Option.getOrThrow(apiToken)), "secret")
      assert.strictEqual(Redacted.value(Option.getOrThrow(apiToken)), "sk-lm-secret")
    })
  )

  it("builds the address from a URL, or from host and port", () => {
    assert.strictEqual(baseUrl({ ...defaults, host: "::1", port: 9 }), "http://[::1]:9")
    assert.strictEqual(
      baseUrl({ ...defaults, baseUrl: Option.some("https://box.example/lm/v1") }),
      "https://box.example/lm"
    )
  })

  it("has no variable twice", () => {
    const names = Object.values(table).map(({ variable }) => variable)
    assert.strictEqual(new Set(names).size, names.length)
  })
})

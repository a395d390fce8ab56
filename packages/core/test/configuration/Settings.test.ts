import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Settings, baseUrl, defaults, table, warnings } from "#src/configuration/Settings.ts"
import { retryPolicyOf } from "#src/resilience/Resilience.ts"

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

  it.effect("accepts durations as people write them", () =>
    Effect.gen(function* () {
      for (const [text, seconds] of [
        ["90s", 90],
        ["10m", 600],
        ["250ms", 0.25],
        ["45", 45],
        ["2 hours", 7200],
        ["10 min", 600],
        ["10 minutes", 600],
        ["600s", 600],
        ["1h30m", 5400],
        ["1 h 30 min", 5400],
        ["1 hour and 30 minutes", 5400],
        ["1h, 30m, 5s", 5405],
        [" 1.5 H ", 5400]
      ] as const) {
        const settings = yield* read({ LMS_BRIDGE_LOAD_TIMEOUT: text })
        assert.strictEqual(Duration.toSeconds(settings.loadTimeout), seconds, text)
      }
    })
  )

  it.effect("takes nothing for a duration that is none", () =>
    Effect.gen(function* () {
      for (const text of ["soon", "10 x", "m", "1h30", "h1", "-5s", "1..5s", "10 minutesand", "10m and", ""]) {
        assert.isTrue(Option.isNone(table.loadTimeout.decode(text)), text)
      }
    })
  )

  it.effect("reads the predecessor's names, warns of them, and takes our own first", () =>
    Effect.gen(function* () {
      const old = { LMS_MAX_RETRIES: "5", LMS_RETRY_BASE_DELAY: "0.5", LMS_RETRY_MAX_DELAY: "20.0" }
      const settings = yield* read({ ...old, LMS_BRIDGE_RETRIES: "2" })
      assert.strictEqual(settings.retries, 2)
      assert.strictEqual(Duration.toMillis(settings.retryBase), 500)
      assert.strictEqual(Duration.toMillis(settings.retryMaximum), 20_000)
      assert.strictEqual(Duration.toMillis(retryPolicyOf(settings).maxDelay), 20_000)
      const variables = { ...old, LMS_BRIDGE_RETRIES: "2" }
      assert.deepStrictEqual(
        yield* Effect.withConfigProvider(warnings, ConfigProvider.fromMap(new Map(Object.entries(variables)))),
        [
          "LMS_RETRY_BASE_DELAY is an old name, which is still read. Set LMS_BRIDGE_RETRY_BASE instead.",
          "LMS_RETRY_MAX_DELAY is an old name, which is still read. Set LMS_BRIDGE_RETRY_MAX instead."
        ]
      )
      assert.include((yield* Effect.flip(read({ LMS_MAX_RETRIES: "many" }))).message, 'LMS_MAX_RETRIES is "many"')
    })
  )

  it.effect("fails with every invalid variable and what it allows", () =>
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

  it.effect("takes an empty variable for one that is not set, of every kind", () =>
    Effect.gen(function* () {
      for (const blank of ["", " "]) {
        const variables = Object.values<{ readonly variable: string }>(table).map(({ variable }) => [variable, blank])
        assert.deepStrictEqual(yield* read(Object.fromEntries(variables)), defaults)
      }
      assert.strictEqual((yield* read({ LMS_BRIDGE_RETRIES: "", LMS_MAX_RETRIES: "5" })).retries, 5)
    })
  )

  it.effect("keeps the token redacted", () =>
    Effect.gen(function* () {
      const { apiToken } = yield* read({ LM_API_TOKEN: "sk-lm-secret" })
      assert.notInclude(String(Option.getOrThrow(apiToken)), "secret")
      assert.strictEqual(Redacted.value(Option.getOrThrow(apiToken)), "sk-lm-secret")
    })
  )

  it.effect("rejects a token that no header can carry, without showing it", () =>
    Effect.gen(function* () {
      for (const variable of ["LM_API_TOKEN", "LMS_BRIDGE_HTTP_TOKEN"]) {
        for (const token of ["sk\u0007hidden", "sk hidden", "sk\nhidden", "skhiddené"]) {
          const error = yield* Effect.flip(read({ [variable]: token }))
          assert.match(error.message, new RegExp(`^${variable} is "<redacted>", but must be .*visible ASCII`))
          assert.notInclude(error.message, "hidden")
        }
      }
      const { apiToken } = yield* read({ LM_API_TOKEN: " sk-lm\n" })
      assert.strictEqual(Redacted.value(Option.getOrThrow(apiToken)), "sk-lm")
    })
  )

  it.effect("rejects an idle time of zero or above the maximum, and lowers a default to the maximum", () =>
    Effect.gen(function* () {
      const none = yield* Effect.flip(read({ LMS_BRIDGE_TTL: "0", LMS_BRIDGE_RUN_TIMEOUT: "0" }))
      assert.deepStrictEqual(
        none.problems.map(({ variable }) => variable),
        ["LMS_BRIDGE_TTL", "LMS_BRIDGE_RUN_TIMEOUT"]
      )
      const tooLong = yield* Effect.flip(read({ LMS_BRIDGE_TTL: "2h" }))
      assert.strictEqual(
        tooLong.message,
        'LMS_BRIDGE_TTL is "2h", but must be at most LMS_BRIDGE_TTL_MAX, which is 1h.'
      )
      const { ttl } = yield* read({ LMS_BRIDGE_TTL_MAX: "2m" })
      assert.strictEqual(Duration.toSeconds(ttl), 120)
    })
  )

  it.effect("takes a port that stands in the host, and refuses a host that makes no address", () =>
    Effect.gen(function* () {
      for (const [host, address] of [
        ["127.0.0.1:4321", "http://127.0.0.1:4321"],
        ["localhost:4321", "http://localhost:4321"],
        ["[::1]:4321", "http://[::1]:4321"],
        ["box", "http://box:1234"]
      ] as const) {
        assert.strictEqual(baseUrl(yield* read({ LMSTUDIO_HOST: host })), address)
      }
      for (const host of ["http:", "a:b", "127.0.0.1:99999", "http://localhost"]) {
        const error = yield* Effect.flip(read({ LMSTUDIO_HOST: host }))
        assert.include(error.message, "a host name or address, without `http://`")
      }
    })
  )

  it("builds the address from a URL, or from host and port", () => {
    assert.strictEqual(baseUrl({ ...defaults, host: "::1", port: 9 }), "http://[::1]:9")
    for (const api of ["", "/v1", "/api/v1", "/api/v0"]) {
      assert.strictEqual(
        baseUrl({ ...defaults, baseUrl: Option.some(`https://box.example/lm${api}`) }),
        "https://box.example/lm"
      )
    }
  })

  it("has no variable twice", () => {
    const names = Object.values(table).map(({ variable }) => variable)
    assert.strictEqual(new Set(names).size, names.length)
  })
})

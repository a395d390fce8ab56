import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Finding } from "#src/views/Diagnosis.ts"
import { patience, platform, world } from "./Harness.ts"
import { connect, serving, status } from "./serving.ts"

type Settings = Parameters<Effect.Effect.Success<typeof world>["simulator"]["control"]["setSettings"]>[0]

/** What LM Studio may be like, and whether work can be handed to it. */
const states: ReadonlyArray<readonly [words: string, settings: Settings, usable: boolean]> = [
  ["that answers", {}, true],
  ["that has only its older API", { api: "legacy-v0" }, true],
  ["whose place another server has taken", { api: "openai-only" }, true],
  ["whose server is off", { serverRunning: false }, false],
  ["that wants a token", { authRequired: true, tokens: ["sk-lm-right"] }, false],
  ["that is starting", { warmingUp: true }, false]
]

describe("health_check, /readyz and doctor", () => {
  for (const [words, settings, usable] of states) {
    it.scopedLive(
      `say the same of an LM Studio ${words}`,
      () =>
        Effect.gen(function* () {
          const here = yield* world
          yield* here.simulator.control.setSettings(settings)
          const env = { LMS_BRIDGE_LOAD_TIMEOUT: "1s", LMS_BRIDGE_COMEBACK_TIMEOUT: "1s" }
          const { url } = yield* serving(here, env)
          assert.strictEqual(yield* status(url.replace("/mcp", "/readyz")), usable ? 200 : 503)
          const { client } = yield* connect(url)
          const { structuredContent } = yield* Effect.promise(() => client.callTool({ name: "health_check" }))
          assert.deepInclude(structuredContent, { healthy: usable })
          const { stdout } = yield* here.run(["doctor", "--json"], env)
          const found = (JSON.parse(stdout) as ReadonlyArray<Finding>).filter(
            ({ area, level }) => level === "problem" && (area === "LM Studio" || area === "models")
          )
          assert.strictEqual(found.length === 0, usable, JSON.stringify(found))
        }).pipe(Effect.provide(platform)),
      patience
    )
  }
})

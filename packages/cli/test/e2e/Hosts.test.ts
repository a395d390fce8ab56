import * as Simulator from "@lms-bridge/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { patience, platform, world } from "./Harness.ts"

describe("hosts", () => {
  it.scopedLive(
    "a device of LM Link is shown as such, and its models are not taken for those of this machine",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.setSettings({
          linked: [
            { device: "big-desk", model: "far/away-70b", loaded: true },
            { device: "big-desk", model: "far/away-8b", loaded: false }
          ]
        })
        const { code, stdout } = yield* run(["hosts", "ls"])
        assert.strictEqual(code, 0)
        assert.match(stdout, /big-desk +linked +LM Link +2 +far\/away-70b/)
        assert.notInclude((yield* run(["models", "ls"])).stdout, "far/away")
        const { stderr } = yield* run(["run", "Say hello.", "--model", "far/away-70b"])
        assert.match(stderr, /far\/away-70b/)
        assert.notInclude(stderr, "done ")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "one model on two of them is asked on the one that is up, and on the other again when that is back",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        const attic = yield* Simulator.start()
        const hosts = [
          { name: "desk", url: simulator.baseUrl },
          { name: "attic", url: attic.baseUrl, weight: 9 }
        ]
        const env = { LMS_BRIDGE_HOSTS: JSON.stringify(hosts), LMS_BRIDGE_LMS_BINARY: "none", LMSTUDIO_BASE_URL: "" }
        const where = Effect.map(
          run(["run", "Say hello.", "--model", "qwen/qwen3-8b"], env),
          ({ stderr }) => / on (\w+), /.exec(stderr)?.[1]
        )
        yield* attic.control.setSettings({ serverRunning: false })
        assert.match((yield* run(["hosts", "ls"], env)).stdout, /desk +up[^]*attic +down/)
        assert.strictEqual(yield* where, "desk")
        yield* attic.control.setSettings({ serverRunning: true })
        yield* simulator.control.setSettings({ serverRunning: false })
        assert.strictEqual(yield* where, "attic")
      }).pipe(Effect.provide(platform)),
    patience
  )
})

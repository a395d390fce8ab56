import { assert, describe, it } from "@effect/vitest"
import { LmStudioUnreachable } from "@lms-bridge/core/lmstudio/LmStudioError"
import { serverInfo } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect, Option } from "effect"
import { cli } from "./OverDoubles.ts"

const starting = (configured: string, ...args: ReadonlyArray<string>) => {
  const ports: Array<number> = []
  const api = {
    ping: Effect.suspend(() =>
      ports.length > 0
        ? Effect.succeed(serverInfo)
        : Effect.fail(new LmStudioUnreachable({ baseUrl: configured, reason: "Refused" }))
    )
  }
  const lms = {
    serverStart: (options?: { readonly port?: number | undefined }) =>
      Effect.sync(() => void ports.push(options?.port ?? -1))
  }
  return Effect.map(
    cli(["server", "start", ...args], { api, lms, settings: { baseUrl: Option.some(configured) } }),
    (result) => ({ ...result, ports })
  )
}

describe("server start", () => {
  it.effect("starts the server at the port where it is looked for, unless one is named", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* starting("http://localhost:21555/v1"), { code: 0, ports: [21_555] })
      assert.deepInclude(yield* starting("http://127.0.0.1:21555", "--port", "99"), { code: 0, ports: [99] })
    })
  )

  it.effect("refuses when LM Studio is configured on another machine, and says where to start it", () =>
    Effect.gen(function* () {
      const { code, err, ports } = yield* starting("http://box.example:1234")
      assert.strictEqual(code, 2)
      assert.deepStrictEqual(ports, [])
      assert.match(err, /^lms-bridge: LM Studio is configured at http:\/\/box\.example:1234.*Start it there/)
    })
  )
})

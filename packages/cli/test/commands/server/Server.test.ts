import { assert, describe, it } from "@effect/vitest"
import { LmsCliError } from "@lms-bridge/core/LmsCli"
import { LmStudioUnreachable, Unauthorized } from "@lms-bridge/core/LmStudioApi"
import { serverInfo } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect, Option } from "effect"
import { cli } from "../../OverDoubles.ts"

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

const refused = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" })

const application = Effect.succeedSome({ version: "0.4.25+1" })

describe("server status", () => {
  it.effect("names the version if LM Studio reports it", () =>
    Effect.gen(function* () {
      const doubles = { api: { ping: Effect.succeed(serverInfo) }, lms: { application } }
      const { out } = yield* cli(["server", "status"], doubles)
      assert.match(out, /^LM Studio 0\.4\.25\+1 answers at http:.*\(native-v1\)\.$/)
      const { out: json } = yield* cli(["server", "status", "--json"], doubles)
      assert.deepInclude(JSON.parse(json), { dialect: "native-v1", version: "0.4.25+1" })
    })
  )

  it.effect("tells a server that is off from an LM Studio that does not run", () =>
    Effect.gen(function* () {
      const api = { ping: Effect.fail(refused) }
      const off = yield* cli(["server", "status"], { api, lms: { application } })
      assert.strictEqual(off.code, 3)
      assert.match(off.err, /LM Studio 0\.4\.25\+1 runs on this machine; `lms-bridge server start` starts/)
      const gone = yield* cli(["server", "status"], { api, lms: { application: Effect.succeedNone } })
      assert.strictEqual(gone.code, 3)
      assert.notInclude(gone.err, "runs on this machine")
    })
  )

  it.effect("says that a server answers which requires an API token", () =>
    Effect.gen(function* () {
      const ping = Effect.fail(new Unauthorized({ reason: "Missing", serverMessage: "no" }))
      const { code, err } = yield* cli(["server", "status"], { api: { ping } })
      assert.strictEqual(code, 1)
      assert.match(err, /LM Studio's server answers\. LM Studio requires an API token/)
    })
  )
})

describe("server stop", () => {
  it.effect("succeeds when the server was not running", () =>
    Effect.gen(function* () {
      const stopped = yield* cli(["server", "stop"], { lms: { serverStop: Effect.void } })
      assert.deepInclude(stopped, { code: 0, out: "LM Studio's server is stopped." })
      const serverStop = Effect.fail(new LmsCliError({ reason: "NotRunning", subcommand: "server stop" }))
      const off = yield* cli(["server", "stop"], { lms: { serverStop } })
      assert.deepInclude(off, { code: 0, out: "LM Studio's server was not running." })
    })
  )
})

describe("server start", () => {
  it.effect("starts the server on the configured port, unless another is given", () =>
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

describe("server", () => {
  it.effect("says what answers", () =>
    Effect.gen(function* () {
      const api = { ping: Effect.succeed(serverInfo) }
      const lms = { application: Effect.succeedNone }
      const { code, out } = yield* cli(["server", "status"], { api, lms })
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "LM Studio answers at http://127.0.0.1:1234 (native-v1).")
      assert.deepStrictEqual(JSON.parse((yield* cli(["server", "status", "--json"], { api, lms })).out), serverInfo)
      assert.strictEqual((yield* cli(["server", "status"], { api: { ping: Effect.fail(refused) }, lms })).code, 3)
    })
  )

  it.effect("starts what does not answer, on the configured port, and leaves what does", () =>
    Effect.gen(function* () {
      const ports: Array<number | undefined> = []
      const lms = {
        serverStart: (options?: { readonly port?: number | undefined }) =>
          Effect.sync(() => void ports.push(options?.port))
      }
      const ping = Effect.suspend(() => (ports.length === 0 ? Effect.fail(refused) : Effect.succeed(serverInfo)))
      const { code, out } = yield* cli(["server", "start"], { api: { ping }, lms, settings: { port: 4321 } })
      assert.strictEqual(code, 0)
      assert.include(out, "LM Studio answers")
      yield* cli(["server", "start", "--port", "5000"], { api: { ping }, lms })
      assert.deepStrictEqual(ports, [4321])
    })
  )
})

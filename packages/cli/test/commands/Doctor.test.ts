import { assert, describe, it } from "@effect/vitest"
import { CurrentOperatingSystem, DataFolderUnwritable, type OperatingSystem } from "@lms-bridge/core/Machine"
import type { Finding } from "#src/views/Diagnosis.ts"
import { PolicyInvalid, UserPolicies } from "@lms-bridge/core/AgentLoop"
import { LmsCliError } from "@lms-bridge/core/LmsCli"
import { LmStudioUnreachable, Unauthorized } from "@lms-bridge/core/LmStudioApi"
import { McpServerUnavailable, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import type { LoadedModel } from "@lms-bridge/core/ModelLifecycle"
import { apiModel, serverInfo } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect, Option, Redacted } from "effect"
import { cli, type Doubles } from "../OverDoubles.ts"

const server = (name: string, changes: Partial<ServerSummary> = {}): ServerSummary => ({
  name,
  transport: "stdio",
  target: "node x.js",
  envNames: [],
  source: "/home/me/mcp.json",
  state: "usable",
  connected: false,
  ...changes
})

const instance = (instanceId: string, changes: Partial<LoadedModel> = {}): LoadedModel => ({
  model: "qwen",
  instanceId,
  type: "llm",
  owner: "lms-bridge",
  contextLength: 8192,
  ttlMillis: 600_000,
  leases: 0,
  ...changes
})

const healthy: Doubles = {
  api: {
    ping: Effect.succeed(serverInfo),
    access: Effect.succeed("open" as const),
    models: Effect.succeed([apiModel("qwen"), apiModel("e", { type: "embedding" })])
  },
  lms: {
    application: Effect.succeedSome({ version: "0.4.25+1", package: "lm-studio" }),
    binary: Effect.succeed("/opt/lms"),
    version: Effect.succeed("07b7252")
  },
  lifecycle: { resolve: () => Effect.succeed("qwen"), loaded: Effect.succeed([instance("qwen")]) },
  mcp: {
    candidates: Effect.succeed([{ path: "/home/me/mcp.json", origin: "home" as const, exists: true, used: true }]),
    servers: Effect.succeed([server("files")]),
    tools: () => Effect.succeed([])
  }
}

const diagnoseOn = (system: OperatingSystem) =>
  Effect.map(Effect.provideService(diagnose(), CurrentOperatingSystem, system), ({ found }) =>
    found.filter(({ area }) => area === "system")
  )

const diagnose = (changes: Doubles = {}) =>
  Effect.map(cli(["doctor", "--json"], { ...healthy, ...changes }), ({ code, out }) => ({
    code,
    found: JSON.parse(out) as ReadonlyArray<Finding>
  }))

const one = (found: ReadonlyArray<Finding>, what: string) =>
  found.find((finding) => finding.what.includes(what)) ?? assert.fail(`nothing says "${what}"`)

describe("doctor", () => {
  it.effect("says that Windows is not supported, and nothing of systems that are", () =>
    Effect.gen(function* () {
      const [finding] = yield* diagnoseOn("win32")
      assert.strictEqual(finding?.level, "notice")
      assert.match(finding?.what ?? "", /^Windows is not supported: .*WSL/)
      assert.deepStrictEqual(yield* diagnoseOn("darwin"), [])
      assert.deepStrictEqual(yield* diagnoseOn("linux"), [])
    })
  )

  it.effect("says that runs are not kept, and why", () =>
    Effect.gen(function* () {
      const unkept = new DataFolderUnwritable({ directory: "/tmp/a", detail: "EEXIST" })
      const { code, found } = yield* diagnose({ unkept })
      assert.strictEqual(code, 1)
      assert.deepInclude(
        found.find(({ area }) => area === "runs"),
        { level: "problem", what: unkept.message }
      )
    })
  )

  it.effect("says which tools are withheld, and how to accept them", () =>
    Effect.gen(function* () {
      const lock = { path: "/home/me/mcp.lock", trusted: 1, withheld: ["read", "send"] }
      const { code, found } = yield* diagnose({
        mcp: { ...healthy.mcp, servers: Effect.succeed([server("files", { lock })]) }
      })
      assert.strictEqual(code, 0)
      assert.deepInclude(one(found, "files: 2 tools withheld: read, send"), {
        level: "notice",
        next: "`lms-bridge mcp trust files` shows the change and accepts it."
      })
    })
  )

  it.effect("ends with 0 when everything a run needs is there", () =>
    Effect.gen(function* () {
      const { code, found } = yield* diagnose()
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(
        found.filter(({ level }) => level !== "ok"),
        []
      )
      assert.deepStrictEqual(
        [...new Set(found.map(({ area }) => area))],
        ["LM Studio", "lms", "models", "mcp.json", "servers", "breakers", "settings"]
      )
    })
  )

  it.effect("ends with 3 when LM Studio is not there, and still looks at the rest", () =>
    Effect.gen(function* () {
      const error = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1", reason: "Refused" })
      const { code, found } = yield* diagnose({ api: { ping: Effect.fail(error) } })
      assert.strictEqual(code, 3)
      assert.include(one(found, "does not answer").what, "Start its server")
      assert.strictEqual(one(found, "files starts").level, "ok")
      assert.isFalse(found.some(({ area }) => area === "models"))
    })
  )

  it.effect("ends with 6 when a configured MCP server does not start", () =>
    Effect.gen(function* () {
      const down = new McpServerUnavailable({ server: "git", reason: "CommandNotFound", detail: "", stderrTail: "" })
      const { code, found } = yield* diagnose({
        mcp: {
          ...healthy.mcp,
          servers: Effect.succeed([
            server("files"),
            server("git"),
            server("old", { state: "disabled", problem: "old is disabled" })
          ]),
          tools: (name) => (name === "git" ? Effect.fail(down) : Effect.succeed([]))
        }
      })
      assert.strictEqual(code, 6)
      assert.strictEqual(one(found, "git").level, "problem")
      assert.strictEqual(one(found, "old is disabled").level, "notice")
    })
  )

  it.effect("works without `lms`, and says what is missing then", () =>
    Effect.gen(function* () {
      const missing = new LmsCliError({ reason: "NotInstalled", subcommand: "version" })
      const { code, found } = yield* diagnose({
        lms: { application: Effect.succeedNone, binary: Effect.fail(missing) }
      })
      assert.strictEqual(code, 0)
      assert.include(one(found, "no `lms` command").next, "LMS_BRIDGE_LMS_BINARY")
    })
  )

  it.effect("reports a configured `lms` that does not exist as a problem, and names it", () =>
    Effect.gen(function* () {
      const missing = new LmsCliError({ reason: "NotInstalled", subcommand: "version", detail: "/nope/lms" })
      const { code, found } = yield* diagnose({
        lms: { application: Effect.succeedNone, binary: Effect.fail(missing) },
        settings: { lmsBinary: Option.some("/nope/lms") }
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(one(found, 'LMS_BRIDGE_LMS_BINARY is "/nope/lms"').level, "problem")
    })
  )

  it.effect("advises to unload our copy of a model, or says how if the user loaded all of them", () =>
    Effect.gen(function* () {
      const adviceFor = (...owners: ReadonlyArray<LoadedModel["owner"]>) => {
        const loaded = Effect.succeed(owners.map((owner, index) => instance(`qwen:${index}`, { owner })))
        return Effect.map(
          diagnose({ lifecycle: { ...healthy.lifecycle, loaded } }),
          ({ found }) => one(found, "loaded 2 times").next
        )
      }
      assert.include(yield* adviceFor("lms-bridge", "user"), "`lms-bridge models unload qwen:0` frees")
      assert.include(yield* adviceFor("user", "user"), "`lms-bridge models unload qwen:1 --force` frees")
    })
  )

  it.effect("points out copies of a model, and models that stay for ever", () =>
    Effect.gen(function* () {
      const loaded = Effect.succeed([
        instance("qwen"),
        instance("qwen:2"),
        instance("mine", { model: "mine", owner: "user", ttlMillis: null })
      ])
      const { code, found } = yield* diagnose({ lifecycle: { ...healthy.lifecycle, loaded } })
      assert.strictEqual(code, 0)
      assert.include(one(found, "2 times").next, "models unload qwen:2")
      assert.include(one(found, "without an idle limit").next, "models unload mine --force")
    })
  )

  it.effect("says where it looked when there is no mcp.json", () =>
    Effect.gen(function* () {
      const { code, found } = yield* diagnose({
        mcp: {
          candidates: Effect.succeed([{ path: "/a.json", origin: "home" as const, exists: false, used: false }]),
          servers: Effect.succeed([])
        }
      })
      assert.strictEqual(code, 0)
      assert.include(one(found, "none found").what, "/a.json")
    })
  )

  it.effect("says whether the user's policy can be used", () =>
    Effect.gen(function* () {
      const settings = { policyPath: Option.some("/home/me/policy.json") }
      assert.match(
        (yield* cli(["doctor"], { ...healthy, settings })).out,
        /policy +the rules in \/home\/me\/policy\.json apply/
      )
      const invalid = new PolicyInvalid({ path: "/home/me/policy.json", problems: ["rule: is unexpected"] })
      const { code, out } = yield* Effect.provideService(
        cli(["doctor"], { ...healthy, settings }),
        UserPolicies,
        Effect.fail(invalid)
      )
      assert.strictEqual(code, 2)
      assert.include(out, "rule: is unexpected")
    })
  )

  it.effect("shows the version of LM Studio beside that of `lms`", () =>
    Effect.gen(function* () {
      const { found } = yield* diagnose()
      assert.match(one(found, "version 0.4.25+1, answers at").what, /native-v1/)
      assert.include(one(found, "/opt/lms").what, "version 07b7252")
    })
  )

  it.effect("tells an LM Studio whose server is off from one that does not run", () =>
    Effect.gen(function* () {
      const ping = Effect.fail(new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1", reason: "Refused" }))
      const on = yield* diagnose({ api: { ping } })
      assert.include(one(on.found, "version 0.4.25+1 runs on this machine").next, "lms-bridge server start")
      const daemonStatus = Effect.succeed({ running: false, pid: undefined, isDaemon: undefined })
      const off = yield* diagnose({
        api: { ping },
        lms: { ...healthy.lms, application: Effect.succeedNone, daemonStatus }
      })
      assert.strictEqual(one(off.found, "LM Studio is not running").level, "notice")
    })
  )

  it.effect("does not report an old `lms` without `daemon status` as a problem", () =>
    Effect.gen(function* () {
      const daemonStatus = Effect.fail(
        new LmsCliError({ reason: "Exit", subcommand: "daemon status", detail: "error: unknown command 'status'" })
      )
      const { code, found } = yield* diagnose({
        lms: { ...healthy.lms, application: Effect.succeedNone, daemonStatus }
      })
      assert.strictEqual(code, 0)
      assert.strictEqual(one(found, "too old to say").level, "notice")
    })
  )

  it.effect("says whether an API token is required, and whether ours is accepted", () =>
    Effect.gen(function* () {
      const settings = { apiToken: Option.some(Redacted.make("sk-secret")) }
      assert.strictEqual(one((yield* diagnose()).found, "requires no API token").level, "ok")
      const unneeded = yield* diagnose({ settings })
      assert.include(one(unneeded.found, "requires no API token").what, "not needed")
      const taken = yield* diagnose({ settings, api: { ...healthy.api, access: Effect.succeed("token" as const) } })
      assert.strictEqual(one(taken.found, "accepts the one in LM_API_TOKEN").level, "ok")
      const refused = yield* diagnose({
        settings,
        api: { ...healthy.api, access: Effect.fail(new Unauthorized({ reason: "Malformed", serverMessage: "no" })) }
      })
      assert.strictEqual(refused.code, 1)
      assert.strictEqual(one(refused.found, "refused the API token").level, "problem")
    })
  )

  it.effect("prints the policies of breakers and retries", () =>
    Effect.gen(function* () {
      const { found } = yield* diagnose()
      assert.strictEqual(
        one(found, "in a row").what,
        "all closed; 5 failures in a row open one for 1m; 3 retries after about 1s, 2s, 4s, none later than 30s after the first failure"
      )
    })
  )

  it.effect("says whether there is a token, and never shows it", () =>
    Effect.gen(function* () {
      const doubles = { ...healthy, settings: { apiToken: Option.some(Redacted.make("sk-secret")) } }
      const { out } = yield* cli(["doctor"], doubles)
      assert.include(out, "API token set")
      assert.notInclude(out, "sk-secret")
    })
  )

  it.effect("is readable: a mark, an area and a sentence per line", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["doctor"], healthy)
      for (const line of out.split("\n")) assert.match(line, /^(ok {3}|note |wrong) {2}\S/)
    })
  )
})

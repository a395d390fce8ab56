import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { LmStudioUnreachable } from "@lms-bridge/core/LmStudioApi"
import { apiModel, serverInfo } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect } from "effect"
import type { Doubles } from "../OverDoubles.ts"
import { withTarget } from "./withTarget.ts"

const none: Doubles = {
  api: {
    ping: Effect.succeed(serverInfo),
    access: Effect.succeed("open" as const),
    models: Effect.succeed([apiModel("qwen")])
  },
  lms: {
    application: Effect.succeedSome({ version: "0.4.25+1", package: "lm-studio" }),
    binary: Effect.succeed("/opt/lms"),
    version: Effect.succeed("07b7252")
  },
  lifecycle: { resolve: () => Effect.succeed("qwen"), loaded: Effect.succeed([]) },
  mcp: { servers: Effect.succeed([]) }
}

const presets: Doubles["presets"] = {
  use: (name, { folders = [] } = {}) => {
    const server = { name, command: "npx", args: [name, ...(name === "filesystem" ? folders : [])], startMillis: 9000 }
    return Effect.succeed({ task: { servers: { _tag: "None" }, definedServers: [server] }, secrets: {} })
  }
}

const init = (files: Readonly<Record<string, string>> = {}, doubles: Doubles = {}) =>
  withTarget(["init"], files, { ...none, ...doubles })

const claude = JSON.stringify({ mcpServers: { files: { command: "npx", args: ["files"] } } })

describe("init", () => {
  it.scoped("makes an mcp.json without a question, says what is here and what is next; again, it changes nothing", () =>
    Effect.gen(function* () {
      const { run, target, text } = yield* init({ ".claude.json": "{}" })
      const { code, err, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "")
      assert.strictEqual(yield* text, '{\n  "mcpServers": {}\n}\n')
      assert.include(out, `${target} was made`)
      assert.include(out, "1 model on disk")
      assert.include(out, "Claude Code is here, and has no lms-bridge")
      assert.match(out, /\n\nNext: `lms-bridge install claude-code`$/)
      const again = yield* run()
      assert.include(again.out, `${target} is there`)
      assert.strictEqual(yield* text, '{\n  "mcpServers": {}\n}\n')
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("says what to do without LM Studio, and does not fail", () =>
    Effect.gen(function* () {
      const failure = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" })
      const { run } = yield* init({}, { api: { ping: Effect.fail(failure) } })
      const { code, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.include(out, "error  LM Studio")
      assert.match(out, /Next: start LM Studio, then `lms-bridge doctor`/)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("asks a person whether to take over the servers of clients; a no leaves them", () =>
    Effect.gen(function* () {
      for (const answer of [true, false]) {
        const { run, servers } = yield* init({ ".claude.json": claude }, { screen: { answer, lines: [] } })
        const { err } = yield* run()
        assert.match(err, /^Claude Code: 1 server \(files\)\. Take over into .*\.mcp\.json\? \[y\/N\]/)
        assert.deepStrictEqual(yield* servers, answer ? { files: { command: "npx", args: ["files"] } } : {})
        const asked = yield* run("--yes")
        assert.strictEqual(asked.err, "")
      }
      const { run, servers } = yield* init({ ".claude.json": claude })
      yield* run("--import")
      assert.deepStrictEqual(Object.keys(yield* servers), ["files"])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("adds well-known servers, as told or as asked", () =>
    Effect.gen(function* () {
      const { run, servers } = yield* init({}, { presets, screen: { answer: true, lines: ["cake", "files, fetch"] } })
      const { err } = yield* run()
      assert.match(err, /^You have no MCP server yet\./)
      assert.include(err, 'There is no "cake". Type some of: files memory fetch.')
      const written = yield* servers
      assert.deepStrictEqual(Object.keys(written), ["filesystem", "fetch"])
      assert.deepStrictEqual(written.filesystem, {
        command: "npx",
        args: ["filesystem", "${workspaceFolder}"],
        startTimeout: 9000
      })
      yield* run("--preset", "files", "--preset", "memory", "--yes")
      assert.deepStrictEqual(Object.keys(yield* servers), ["filesystem", "fetch", "memory"])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("a broken mcp.json is left alone, and named", () =>
    Effect.gen(function* () {
      const { run, text } = yield* init({ ".mcp.json": "{ nothing" })
      const { code, err } = yield* run()
      assert.strictEqual(code, 6)
      assert.include(err, ".mcp.json, line 1")
      assert.strictEqual(yield* text, "{ nothing")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("prints the result as JSON, and asks nothing then", () =>
    Effect.gen(function* () {
      const { run, target } = yield* init({ ".claude.json": claude }, { screen: { answer: true } })
      const { err, out } = yield* run("--json")
      assert.strictEqual(err, "")
      const { added, file, made, next, servers } = JSON.parse(out)
      assert.deepStrictEqual(
        { added, file, made, next, servers },
        {
          added: [],
          file: target,
          made: true,
          next: "`lms-bridge install claude-code`",
          servers: []
        }
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

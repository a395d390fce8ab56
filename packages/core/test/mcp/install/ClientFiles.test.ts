import { assert, describe, it } from "@effect/vitest"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Effect } from "effect"
import * as ClientFiles from "#src/mcp/install/ClientFiles.ts"

describe("ClientFiles", () => {
  it.scoped("does not write over what somebody else has written since the change was planned", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const machine = {
        platform: "linux",
        cwd: home,
        home,
        appData: undefined,
        configHome: undefined,
        claudeHome: undefined,
        codexHome: undefined
      }
      const target = { client: "cursor", scope: "user", name: "lms-bridge", force: false } as const
      const program = { command: "node", args: ["/opt/cli/lms-bridge.js", "serve"], env: {} }
      const plan = yield* ClientFiles.planInstall(machine, target, program)
      const theirs = '{ "mcpServers": { "files": { "command": "npx" } } }'
      yield* fs.makeDirectory(`${home}/.cursor`)
      yield* fs.writeFileString(plan.path, theirs)
      assert.deepInclude(yield* Effect.flip(ClientFiles.write(plan)), { _tag: "ClientFileError", reason: "Changed" })
      assert.strictEqual(yield* fs.readFileString(plan.path), theirs)
      assert.deepStrictEqual(yield* fs.readDirectory(`${home}/.cursor`), ["mcp.json"])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("switches a server of an mcp.json off and on, in the word that the entry has", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/mcp.json`
      const set = Effect.fnUntraced(function* (name: string, on: boolean) {
        const plan = yield* ClientFiles.planSwitch(file, name, on)
        if (plan.changes.length > 0) yield* ClientFiles.write(plan)
        return yield* fs.readFileString(file)
      })
      const text = (files: string, other = '"url": "https://x", "enabled": true') =>
        `{\n  // mine\n  "mcpServers": { "files": { "command": "npx"${files} }, "other": { ${other} } }\n}\n`
      yield* fs.writeFileString(file, text(', "disabled": false'))
      assert.strictEqual(yield* set("files", false), text(', "disabled": true'))
      assert.strictEqual(yield* set("files", true), text(', "disabled": false'))
      assert.strictEqual(
        yield* set("other", false),
        text(', "disabled": false', '"url": "https://x", "enabled": false')
      )
      const before = yield* fs.readFileString(file)
      assert.strictEqual(yield* set("nobody", false), before)
      yield* fs.writeFileString(file, text(""))
      assert.match(yield* set("files", false), /\/\/ mine[^]*"disabled": true[^]*"other"/)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})

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
})

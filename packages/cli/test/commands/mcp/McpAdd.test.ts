import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

/** An mcp.json that is used, with this text; none where there is no text. */
const place = Effect.fnUntraced(function* (text?: string) {
  const fs = yield* FileSystem.FileSystem
  const file = path.join(yield* fs.makeTempDirectoryScoped(), "mcp.json")
  if (text !== undefined) yield* fs.writeFileString(file, text)
  const mcp = {
    candidates: Effect.succeed([{ path: file, origin: "home" as const, exists: text !== undefined, used: true }])
  }
  return {
    file,
    read: fs.readFileString(file),
    run: (...args: ReadonlyArray<string>) => cli(["mcp", ...args], { mcp })
  }
})

describe("mcp add", () => {
  it.scoped("writes a program or an address, and leaves the rest of the file as it is", () =>
    Effect.gen(function* () {
      const { read, run } = yield* place('{\n  // mine\n  "mcpServers": { "a": { "command": "x" } }\n}\n')
      assert.strictEqual((yield* run("add", "files", "--env", "ROOT=/d", "npx", "-y", "server")).code, 0)
      const { code, out } = yield* run("add", "web", "https://example.org/mcp", "--header", "Authorization: Bearer abc")
      assert.strictEqual(code, 0)
      assert.notInclude(out, "abc")
      const text = yield* read
      assert.include(text, "// mine")
      const { mcpServers } = JSON.parse(text.replace("// mine", ""))
      assert.deepStrictEqual(mcpServers, {
        a: { command: "x" },
        files: { command: "npx", args: ["-y", "server"], env: { ROOT: "/d" } },
        web: { url: "https://example.org/mcp", headers: { Authorization: "Bearer abc" } }
      })
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("makes the file where there is none, and replaces a server only when told to", () =>
    Effect.gen(function* () {
      const { read, run } = yield* place()
      assert.strictEqual((yield* run("add", "a", "one")).code, 0)
      const { code, err } = yield* run("add", "a", "two")
      assert.notStrictEqual(code, 0)
      assert.include(err, "replace it with --force")
      assert.include(yield* read, "one")
      assert.strictEqual((yield* run("add", "a", "two", "--force")).code, 0)
      assert.include(yield* read, "two")
      const { out } = yield* run("add", "b", "three", "--dry-run")
      assert.include(out, "Nothing was written.")
      assert.notInclude(yield* read, "three")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("refuses what does not go together, and a file that it cannot read", () =>
    Effect.gen(function* () {
      const { run } = yield* place()
      for (const [args, says] of [
        [["add", "a", "https://example.org", "x"], "An address takes no arguments."],
        [["add", "a", "https://example.org", "--env", "A=b"], "--env is for programs"],
        [["add", "a", "node", "--header", "A: b"], "--header is for addresses"],
        [["add", "a", "node", "--env", "A"], "--env must be NAME=VALUE."]
      ] as const) {
        const { code, err } = yield* run(...args)
        assert.strictEqual(code, 2, args.join(" "))
        assert.include(err, says)
      }
      const broken = yield* place("{ nothing")
      const { code, err } = yield* broken.run("add", "a", "node")
      assert.notStrictEqual(code, 0)
      assert.include(err, "Nothing was changed.")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

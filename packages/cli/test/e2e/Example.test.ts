import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { patience, platform, processesAtHome, world } from "./Harness.ts"

const root = fileURLToPath(new URL("../../../../", import.meta.url))
const examples = join(root, "docs", "examples")

const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.async<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = execFile(process.execPath, args, { cwd: root, env }, (error, stdout, stderr) =>
      resume(Effect.succeed({ code: error === null ? 0 : 1, stdout, stderr }))
    )
    child.stdin?.end()
  })

describe("docs/examples/run-agent.ts", () => {
  it.scopedLive(
    "compiles against the library's entry points and prints the model's answer",
    () =>
      Effect.gen(function* () {
        const { env, home, notes, simulator } = yield* world
        const compiled = yield* run([join(root, "node_modules", "typescript", "bin", "tsc"), "-b", examples], {})
        assert.strictEqual(compiled.code, 0, compiled.stdout)
        yield* simulator.control.scriptModel([
          { toolCalls: [{ name: "filesystem__read_text_file", arguments: { path: `${notes}/bees.md` } }] },
          { text: "Bees like clover, it says.", expect: { lastMessageContains: "clover" } }
        ])
        const program = join(examples, "dist", "run-agent.js")
        const { code, stderr, stdout } = yield* run([program, "What do bees like?"], env)
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(stdout, "Bees like clover, it says.\n")
        assert.include(stderr, "filesystem__read_text_file")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})

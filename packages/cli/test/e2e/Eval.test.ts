import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { patience, platform, processesAtHome, world } from "./Harness.ts"

const check = "check: { answer: { contains: clover } }\n"

describe("eval", () => {
  it.scopedLive(
    "reports what is done when it is stopped, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const { home, simulator, start } = yield* world
        mkdirSync(join(home, "tasks"))
        writeFileSync(join(home, "tasks", "a.yaml"), `task: What do bees like?\n${check}`)
        writeFileSync(join(home, "tasks", "b.yaml"), `task: And wasps?\nservers: [everything]\n${check}`)
        yield* simulator.control.scriptModel([
          { text: "Bees like clover." },
          { text: "Wasps like ".repeat(200), pieceDelayMs: 50 }
        ])
        const program = yield* start(["eval", "tasks", "--json", "--report", "report.md"])
        yield* Effect.repeat(Effect.sleep("50 millis"), {
          until: () => program.stderr().includes("✓ a · default model")
        })
        yield* Effect.sleep("2 seconds")
        program.child.kill("SIGINT")
        const { code, stderr, stdout } = yield* program.ended
        assert.strictEqual(code, 130, stderr)
        const report = JSON.parse(stdout)
        assert.deepInclude(report, { planned: 2 })
        assert.deepInclude(report.total, { trials: 1, passed: 1 })
        assert.include(readFileSync(join(home, "report.md"), "utf8"), "Stopped after 1 of 2 trials.")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})

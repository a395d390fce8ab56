/** The built program tries a model once, says so, keeps what it found, and leaves the trial out of recordings. */
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { patience, platform, world } from "./Harness.ts"

const lines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("a run of a model that nobody measured", () => {
  it.scopedLive(
    "tries how it makes calls, once",
    () =>
      Effect.gen(function* () {
        const { home, notes, run, simulator } = yield* world
        const tape = `${home}/run.tape`
        const task = ["run", `Read the text file "${notes}/bees.md".`, "--mcp", "filesystem", "--json"]
        const auto = { LMS_BRIDGE_PROBE: "auto" }
        const chosen = (stdout: string) => lines(stdout).find(({ _tag }) => _tag === "ToolFormChosen")
        const first = yield* run([...task, "--record", tape], auto)
        assert.strictEqual(first.code, 0, first.stderr)
        assert.match(String(chosen(first.stdout)?.["text"]), /^Tried on \d{4}-\d\d-\d\d: native 3 of 3/)
        assert.include(first.stdout, "Trying how")
        const tags = lines(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(tape))).map(
          ({ _tag }) => _tag
        )
        assert.deepStrictEqual(
          [tags.filter((tag) => tag === "Form").length, tags.filter((tag) => tag === "Asked").length],
          [1, lines(first.stdout).filter(({ _tag }) => _tag === "ModelReplied").length]
        )
        yield* simulator.control.clearSeen
        const second = yield* run(task, auto)
        assert.strictEqual(chosen(second.stdout)?.["form"], "native")
        assert.notInclude(second.stdout, "Trying how")
        const shown = yield* run(["models", "show"], auto)
        assert.match(shown.stdout, /Calls: native\. Tried on .*\n\nCAN/)
      }).pipe(Effect.provide(platform)),
    patience
  )
})

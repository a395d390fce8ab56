import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import { cli } from "../../OverDoubles.ts"

const kept = fileURLToPath(
  new URL("../../../../core/test/runs/recording/cassettes/round-and-round.jsonl", import.meta.url)
)

describe("replay", () => {
  it.effect("shows the recorded run again, and ends as it did", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["replay", kept])
      assert.strictEqual(code, 5, err)
      assert.notStrictEqual(out, "")
      assert.match(err, /went in circles/)
      assert.notMatch(err, /runs resume/)
      const json = yield* cli(["replay", kept, "--json"])
      assert.match(json.out.split("\n")[0] ?? "", /"_tag":"RunStarted"/)
    })
  )

  it.effect("names what was different, and ends with 1", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/run.jsonl`
      const lines = (yield* fs.readFileString(kept)).trimEnd().split("\n")
      const changed = lines.filter((line) => !line.includes('"_tag":"Called"'))
      yield* fs.writeFileString(file, changed.join("\n"))
      const { code, err } = yield* cli(["replay", file])
      assert.strictEqual(code, 1)
      assert.include(
        err,
        `lms-bridge: The run differs from the recording ${file}:\nlms-bridge: It made a call that is not recorded: `
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("says that the recorded run was stopped, which does not count as a difference", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/run.jsonl`
      const lines = (yield* fs.readFileString(kept)).trimEnd().split("\n")
      const asked = lines.findIndex((line) => line.includes('"_tag":"Called"'))
      yield* fs.writeFileString(file, lines.slice(0, asked + 1).join("\n"))
      const { code, err } = yield* cli(["replay", file])
      assert.strictEqual(code, 0, err)
      assert.include(err, "The recorded run was stopped here.")
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("refuses a file that is not a recording with 2", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["replay", `${kept}.none`])
      assert.strictEqual(code, 2)
      assert.match(err, /is not a recording of a run: it cannot be read .*--record FILE/)
    })
  )
})

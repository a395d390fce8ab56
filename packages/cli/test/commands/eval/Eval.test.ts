import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect, Logger, LogLevel, Schema } from "effect"
import { fileURLToPath } from "node:url"
import * as OverDoubles from "../../OverDoubles.ts"

const place = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const tasks = place("tasks")
/** Recorded with qwen2.5-coder-1.5b on llama.cpp. */
const recorded = ["--model", "qwen2.5-coder-1.5b", "--replay", place("cassettes")]

const cli = (args: ReadonlyArray<string>) =>
  Effect.provide(OverDoubles.cli(args), Logger.minimumLogLevel(LogLevel.None))

const decode = Schema.decodeUnknownSync(Schema.parseJson(Schema.Any))

const inTemp = Effect.fnUntraced(
  function* <A, E>(use: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E>) {
    const fs = yield* FileSystem.FileSystem
    return yield* use(yield* fs.makeTempDirectoryScoped(), fs)
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

describe("eval", () => {
  it.live("gives the same verdicts twice from recordings, with a report", () =>
    inTemp((folder, fs) =>
      Effect.gen(function* () {
        const args = ["eval", tasks, ...recorded, "--json", "--report", `${folder}/report.md`]
        const [first, second] = [yield* cli(args), yield* cli(args)]
        assert.strictEqual(first.out, second.out)
        assert.strictEqual(first.code, 1, first.err)
        const report = decode(first.out)
        assert.deepStrictEqual(
          report.trials.map(({ task, verdict }: { task: string; verdict: string }) => `${task}: ${verdict}`),
          ["bees: passed", "invoice: wrong", "port: passed", "second-line: passed", "sum: passed"]
        )
        assert.deepInclude(report.total, { trials: 5, passed: 4, judged: 1, wrong: 1, errors: 0 })
        assert.isAbove(report.total.millis, 1000)
        const markdown = yield* fs.readFileString(`${folder}/report.md`)
        assert.include(markdown, "1 of 4 passed because a model judged so, which may be wrong.")
        assert.include(markdown, "- invoice · qwen2.5-coder-1.5b: **called done but wrong**: ")
      })
    )
  )

  it.live("prints a table, with a line for each trial on stderr", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["eval", `${tasks}/bees.yaml`, ...recorded])
      assert.strictEqual(code, 0, err)
      assert.match(err, /^✓ bees · qwen2\.5-coder-1\.5b: passed by a judge in /)
      assert.match(out, /^MODEL +PASSED +BY A JUDGE +TIME/)
      assert.match(out, /\nqwen2\.5-coder-1\.5b +1 of 1 +1 /)
      assert.match(out, /\nCost: [\d.]+ s, \d+ tokens read, \d+ written\.\n1 of 1 passed because a model judged so/)
    })
  )

  it.live("says of what is not recorded that it is an error of the eval, and ends with 2", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli([
        "eval",
        `${tasks}/bees.yaml`,
        "--replay",
        place("cassettes"),
        "--model",
        "other"
      ])
      assert.strictEqual(code, 2)
      assert.match(err, /^! bees · other: error of the eval in .*The recording .* cannot be used: it cannot be read/)
      assert.include(out, "1 error of the eval itself")
    })
  )

  it.live("refuses what it cannot use with 2, and says what is wrong", () =>
    inTemp((folder, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(`${folder}/a.yaml`, "task: x\ncheck: { answer: { equals: x } }\ntimes: 3\n")
        for (const [args, wanted] of [
          [[], /Name the folder of your tasks/],
          [[folder], /a\.yaml: times: is unexpected, expected: .*"check"/],
          [[`${folder}/nowhere`], /There is no file or folder/],
          [[tasks, "--record", "a", "--replay", "b"], /--record DIR or --replay DIR, not both/],
          [[tasks, "--times", "0"], /--times is "0", but must be a whole number from 1 to 1000/],
          [
            [tasks, "--tool-form", "native,odd"],
            /--tool-form is "native,odd", but each must be one of native, text, bound/
          ],
          [[tasks, "--model", ","], /--model is empty/],
          [[`${tasks}/bees.yaml`, ...recorded, "--report", `${folder}/no/report.md`], /--report .*cannot be written/]
        ] as const) {
          const { code, err } = yield* cli(["eval", ...args])
          assert.strictEqual(code, 2, err)
          assert.match(err, wanted)
        }
      })
    )
  )

  it.live("prints the JSON Schema of a task", () =>
    Effect.gen(function* () {
      const { code, out } = yield* cli(["eval", "--schema"])
      assert.strictEqual(code, 0)
      assert.includeMembers(Object.keys(decode(out).properties), ["task", "check", "presets"])
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Eval from "#src/evals/Eval.ts"
import type * as EvalFile from "#src/evals/EvalFile.ts"
import * as EvalText from "#src/evals/EvalText.ts"
import * as Summary from "#src/evals/Summary.ts"
import * as Trial from "#src/evals/Trial.ts"
import type { Source } from "#src/evals/TrialRuns.ts"
import { ModelLoadFailed } from "#src/lmstudio/LmStudioError.ts"
import { Chunk, Effect, Either, Layer, Logger, LogLevel, Stream } from "effect"
import * as World from "../agent/doubles.ts"

const { call, echo } = World

const task = (name: string, fields: object): EvalFile.NamedTask => ({
  name,
  folder: "/nowhere",
  task: Either.getOrThrow(EvalText.parse(JSON.stringify({ task: `Do ${name} in {folder}.`, ...fields })))
})

const quiet: Eval.Watching = { onTrial: () => Effect.void, onEvent: () => Effect.void }

const services = (world: World.World) =>
  Layer.mergeAll(World.layer(world), World.services(world), Logger.minimumLogLevel(LogLevel.None))

const trials = (
  world: World.World,
  tasks: ReadonlyArray<EvalFile.NamedTask>,
  source: Source = { _tag: "Live" },
  times = 1
) => {
  const planned = Trial.plan(tasks, [{}], times)
  return Effect.map(Stream.runCollect(Eval.trials(planned, source, quiet)), Chunk.toReadonlyArray).pipe(
    Effect.provide(services(world))
  )
}

const told = (trials: ReadonlyArray<Trial.Trial>) => trials.map(({ verdict, why }) => [verdict, why])

describe("a trial", () => {
  it.live("tells what is done from what is only called done, what is not done, and what is no fault of the model", () =>
    Effect.gen(function* () {
      const says = { answer: { contains: "yes" } }
      const world: World.World = {
        turns: [
          "yes",
          "no",
          { fail: new ModelLoadFailed({ model: "m", reason: "Engine", serverMessage: "it is gone" }) },
          "yes"
        ],
        servers: { bad: World.unavailable("bad") }
      }
      const found = yield* trials(world, [
        task("a", { check: says }),
        task("b", { check: says }),
        task("c", { check: says }),
        task("d", { check: { command: { run: ["no-such-program-xyz"] } } }),
        task("e", { servers: ["bad"], check: says })
      ])
      assert.deepStrictEqual(
        found.map(({ verdict }) => verdict),
        ["passed", "wrong", "not-done", "error", "error"]
      )
      assert.strictEqual(found[1]?.why, "the answer does not contain “yes”.")
      assert.match(found[2]?.why ?? "", /it is gone/)
      assert.strictEqual(found[3]?.problem?.tag, "EvalCheckImpossible")
      assert.strictEqual(found[4]?.problem?.tag, "McpServerUnavailable")
      const { total } = Summary.of(Trial.plan([task("a", { check: says })], [{}], 1), found)
      assert.deepInclude(total, { passed: 1, wrong: 1, notDone: 1, errors: 2, judged: 0 })
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("finds its own files each time, and nothing of the trial before", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      let folder = ""
      const write = World.tool(() => Effect.as(Effect.orDie(fs.writeFileString(`${folder}/new.txt`, "x")), "done"))
      const world: World.World = {
        turns: (request) => (request % 2 === 0 ? [call("write", {})] : "It is there."),
        servers: { main: { write } }
      }
      const watched: Eval.Watching = {
        onTrial: () => Effect.void,
        onEvent: (event) =>
          Effect.sync(() => {
            if (event._tag === "RunStarted") folder = event.task.workingFolders?.[0] ?? ""
          })
      }
      const check = { files: { "new.txt": { exists: true }, "sub/old.txt": { equals: "old" } } }
      const one = task("files", { servers: ["main"], allow: ["write"], files: { "sub/old.txt": "old" }, check })
      const planned = Trial.plan([one], [{}], 2)
      const found = yield* Stream.runCollect(Eval.trials(planned, { _tag: "Live" }, watched)).pipe(
        Effect.map(Chunk.toReadonlyArray),
        Effect.provide(services(world))
      )
      assert.deepStrictEqual(told(found), [
        ["passed", undefined],
        ["passed", undefined]
      ])
      assert.isFalse(yield* fs.exists(folder))
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("is judged by a model where the task says so, and says that it was", () =>
    Effect.gen(function* () {
      const judged = task("a", { check: { judge: { question: "Is it polite?" } } })
      const says = (yes: boolean) => JSON.stringify({ why: "It says please.", yes })
      const found = yield* trials({ turns: ["please", says(true), "go", says(false)] }, [judged, judged])
      assert.deepStrictEqual(told(found), [
        ["passed", undefined],
        ["wrong", "the judge says no: It says please."]
      ])
      assert.isTrue(found.every(({ judged }) => judged))
      const undecided = yield* trials({ turns: () => "I cannot say." }, [judged])
      assert.strictEqual(undecided[0]?.problem?.tag, "EvalCheckImpossible")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("comes out the same from its recording, in another folder, without a model and servers", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const says = { answer: { contains: "clover" } }
        const echoing = task("echo", { servers: ["main"], check: says })
        const judged = task("judged", {
          check: { ...says, judge: { question: "Is it?" } },
          files: { "a.txt": "1" }
        })
        const tasks = [echoing, judged]
        const world: World.World = {
          turns: [[call("echo", { message: "clover" })], "They like clover.", "clover", '{"why":"So.","yes":true}'],
          servers: { main: { echo } }
        }
        const live = yield* trials(world, tasks, { _tag: "Record", folder })
        assert.deepStrictEqual(
          live.map(({ verdict }) => verdict),
          ["passed", "passed"]
        )
        const bare = ({ model: _m, runId: _r, ...trial }: Trial.Trial) => trial
        const again = yield* trials({ turns: [] }, tasks, { _tag: "Replay", folder })
        assert.deepStrictEqual(again.map(bare), live.map(bare))
        assert.strictEqual(yield* fs.readFileString(`${folder}/judged/default-model/1/files/a.txt`), "1")
        // another task, a missing one and other checks
        const other = yield* trials(
          { turns: [] },
          [
            { ...echoing, task: { ...echoing.task, task: "Do something else." } },
            task("new", { check: says }),
            { ...judged, task: { ...judged.task, check: { answer: { contains: "honey" } } } }
          ],
          { _tag: "Replay", folder }
        )
        assert.deepStrictEqual(
          other.map(({ problem, verdict }) => [verdict, problem?.tag]),
          [
            ["error", "EvalRecordingUnfit"],
            ["error", "EvalRecordingUnfit"],
            ["wrong", undefined]
          ]
        )
      })
    ).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("what is compared", () => {
  it("is every combination, model by model", () => {
    const variants = Trial.variants({
      models: ["a/b", "c", "c"],
      toolForms: ["native", "bound"],
      contextLengths: [],
      temperatures: []
    })
    assert.deepStrictEqual(variants.map(Trial.label), ["a/b, native", "a/b, bound", "c, native", "c, bound"])
    const planned = Trial.plan([task("x y", { check: { answer: { equals: "a" } } })], variants, 2)
    const places = planned.map((one) => Trial.place(one).join("/"))
    assert.strictEqual(places[0], "x%20y/a%2Fb,native/1")
    assert.strictEqual(new Set(places).size, 8)
    assert.deepStrictEqual(Trial.variants({ models: [], toolForms: [], contextLengths: [], temperatures: [] }), [{}])
  })
})

import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { AgentEventJson } from "@lms-bridge/core/AgentEvent"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect, Schema } from "effect"
import type * as FakeScreen from "../FakeScreen.ts"
import { cli } from "../OverDoubles.ts"

/** The task that reaches the loop. */
const given = Effect.fnUntraced(function* (args: ReadonlyArray<string>, screen: FakeScreen.Options = {}) {
  const { code, err, out } = yield* cli([...args, "--json"], {
    loop: [{ _tag: "RunFinished", outcome: AgentLoopTest.outcome("Yes.") }],
    screen
  })
  const [first] = yield* Effect.forEach(code === 2 ? [] : out.split("\n"), (line) =>
    Schema.decode(AgentEventJson)(line)
  )
  return { code, err, task: first?._tag === "RunStarted" ? first.task : undefined }
})

describe("the context of a run", () => {
  const disk = (fits: (tokens: number) => boolean, loaded = false) => ({
    loop: [{ _tag: "RunFinished" as const, outcome: AgentLoopTest.outcome("Yes.") }],
    lifecycle: { resolve: () => Effect.succeed("qwen") },
    api: {
      models: Effect.succeed([
        apiModel("qwen", { maxContextLength: 16_384, instances: loaded ? [{ id: "qwen" }] : [] })
      ])
    },
    lms: {
      estimate: ({ contextLength = 0 }) =>
        Effect.succeed({ fits: fits(contextLength), gpuBytes: undefined, totalBytes: undefined })
    }
  })
  const taskOf = Effect.fnUntraced(function* (args: ReadonlyArray<string>, doubles: Parameters<typeof cli>[1]) {
    const { out } = yield* cli(["run", "x", "--json", ...args], doubles)
    const first = yield* Schema.decode(AgentEventJson)(out.split("\n")[0] ?? "")
    return first._tag === "RunStarted" ? first.task : undefined
  })

  it.effect("is what was asked for, or as much as fits", () =>
    Effect.gen(function* () {
      for (const [args, doubles, expected] of [
        [["--context-length", "12000"], disk(() => false), 12_000],
        [["--context-length", "auto"], disk(() => true), 16_384],
        [["--context-length", "auto"], disk((tokens) => tokens <= 8192), 8192],
        [["--context-length", "auto"], disk(() => false), undefined],
        [["--context-length", "auto"], disk(() => true, true), undefined],
        [[], disk(() => true), undefined]
      ] as const) {
        assert.strictEqual((yield* taskOf(args, doubles))?.contextLength, expected)
      }
    })
  )

  it.effect("is told where `auto` changes nothing", () =>
    Effect.gen(function* () {
      const auto = ["run", "x", "--context-length", "auto"]
      assert.include(
        (yield* cli(
          auto,
          disk(() => true, true)
        )).err,
        "auto changes nothing: qwen is in memory already."
      )
      assert.include(
        (yield* cli(
          auto,
          disk(() => false)
        )).err,
        "qwen does not fit with 8192 tokens."
      )
    })
  )
})

describe("what is given to a run", () => {
  const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

  it.effect("takes the task from a pipe, with `-` and without any", () =>
    Effect.gen(function* () {
      for (const args of [["run", "-"], ["run"]]) {
        const { task } = yield* given(args, { piped: "What is two and two?\n" })
        assert.deepInclude(task, { task: "What is two and two?" })
      }
    })
  )

  it.effect("gives text from a pipe to the model beside the task", () =>
    Effect.gen(function* () {
      const { task } = yield* given(["run", "review this"], { piped: "diff --git a/x b/x\n" })
      assert.strictEqual(task?.task, "review this")
      assert.deepStrictEqual(task?.attachments, [
        { _tag: "Text", name: "Standard input", text: "diff --git a/x b/x\n" }
      ])
    })
  )

  it.effect("goes without a pipe in which nothing comes, and says so", () =>
    Effect.gen(function* () {
      const { code, err, task } = yield* given(["run", "review this"], { piped: "", late: true })
      assert.strictEqual(code, 0)
      assert.isUndefined(task?.attachments)
      assert.include(err, "Nothing came from the pipe")
    })
  )

  it.scoped("reads the task and further text from files", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const place = yield* folder
      yield* fs.writeFileString(path.join(place, "task.md"), "Summarise the notes.\n")
      yield* fs.writeFileString(path.join(place, "notes.md"), "Bees like clover.\n")
      const notes = path.join(place, "notes.md")
      const { task } = yield* given(["run", "--task-file", path.join(place, "task.md"), "--file", notes])
      assert.strictEqual(task?.task, "Summarise the notes.")
      assert.deepStrictEqual(task?.attachments, [{ _tag: "Text", name: notes, text: "Bees like clover.\n" }])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("refuses with a reason what no model can be given", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const place = yield* folder
      const data = path.join(place, "data.bin")
      yield* fs.writeFile(data, new Uint8Array([1, 0, 2]))
      const large = path.join(place, "large.txt")
      yield* fs.writeFileString(large, "x".repeat(2_000_001))
      for (const [args, says] of [
        [["run"], "There is no task."],
        [["run", "x", "--task-file", data], "Give the task or --task-file, not both."],
        [["run", "x", "--file", path.join(place, "none")], "there is no such file."],
        [["run", "x", "--file", place], "it is a folder."],
        [["run", "x", "--file", data], "it is neither text nor"],
        [["run", "x", "--file", large], "it has 2000001 bytes"],
        [["run", "x", "--folder", place], "--folder needs MCP servers"]
      ] as const) {
        const { code, err } = yield* given(args)
        assert.strictEqual(code, 2, args.join(" "))
        assert.include(err, says)
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { stamp, type AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { MustBeKept } from "#src/agent/MustBeKept.ts"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { ByteLimits, CurrentByteLimits } from "#src/resilience/ByteLimits.ts"
import { RunId } from "#src/observability/Correlation.ts"
import { Chunk, Deferred, Effect, Fiber, Layer, Logger, Option, Stream } from "effect"
import * as World from "../agent/doubles.ts"

const runId = RunId.make("run_0123456789abcdef")

const events: ReadonlyArray<AgentEvent> = [
  stamp({ _tag: "RunStarted", task: World.task({ task: "Count." }) }, runId, 0, 1000),
  stamp({ _tag: "RoundStarted", round: 1, final: false }, runId, 1, 2000),
  stamp({ _tag: "BudgetReached", budget: "rounds" }, runId, 2, 3000)
]

const write = (id: RunId, all: ReadonlyArray<AgentEvent>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const append = yield* (yield* RunJournal).open(id)
      yield* append(all)
    })
  )

const onDisk = Effect.fnUntraced(
  function* <A, E>(test: (directory: string) => Effect.Effect<A, E, RunJournal | FileSystem.FileSystem>) {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    return yield* test(directory).pipe(
      Effect.provide(RunJournal.layer.pipe(Layer.provide(Settings.layerWith({ dataDir: Option.some(directory) }))))
    )
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

const limits = (changes: Partial<ByteLimits>) => new ByteLimits({ ...Effect.runSync(CurrentByteLimits), ...changes })

const journalIn = (directory: string) =>
  RunJournal.layer.pipe(
    Layer.provide(Settings.layerWith({ dataDir: Option.some(directory) })),
    Layer.provide(NodeContext.layer)
  )

describe("RunJournal", () => {
  it.live("stores only what the model was shown of a result that is too long for a line", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const result = { content: [{ type: "text" as const, text: "x".repeat(3000) }], isError: false }
        const facts = {
          callId: "a",
          server: "s",
          tool: "t",
          told: "head … tail",
          isError: false,
          bytes: 3000,
          millis: 1
        }
        const long = stamp({ _tag: "ToolCallFinished", ...facts, result, artifact: "r1" }, runId, 3, 4000)
        yield* write(runId, [...events, long])
        const fs = yield* FileSystem.FileSystem
        assert.isBelow((yield* fs.readFileString(`${directory}/runs/${runId}.jsonl`)).length, 2000)
        const {
          artifact: _artifact,
          result: _result,
          ...kept
        } = long as Extract<AgentEvent, { _tag: "ToolCallFinished" }>
        assert.deepStrictEqual(yield* (yield* RunJournal).read(runId), [...events, kept])
      })
    ).pipe(Effect.provideService(CurrentByteLimits, limits({ journalLine: 1000 })))
  )

  it.live("rejects a journal that is too large", () =>
    onDisk(() =>
      Effect.gen(function* () {
        yield* write(runId, events)
        const { message } = yield* Effect.flip((yield* RunJournal).read(runId))
        assert.include(message, "is larger than 100 B")
        assert.include(message, `lms-bridge runs rm ${runId}`)
        assert.deepStrictEqual(yield* (yield* RunJournal).list, [])
      })
    ).pipe(Effect.provideService(CurrentByteLimits, limits({ journal: 100 })))
  )

  it.live("stores what was written, and appends to it", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const journal = yield* RunJournal
        yield* write(runId, events.slice(0, 2))
        yield* write(runId, events.slice(2))
        assert.deepStrictEqual(yield* journal.read(runId), events)
        assert.deepStrictEqual(yield* journal.list, [
          { runId, task: "Count.", startedAt: 1000, lastAt: 3000, status: "unfinished", rounds: 1 }
        ])
        const fs = yield* FileSystem.FileSystem
        const { mode } = yield* fs.stat(`${directory}/runs/${runId}.jsonl`)
        assert.strictEqual(mode & 0o077, 0)
        yield* journal.remove(runId)
        assert.deepStrictEqual(yield* journal.list, [])
      })
    )
  )

  it.live("skips a truncated line, and lines that it does not understand", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* write(runId, events)
        const file = `${directory}/runs/${runId}.jsonl`
        const text = yield* fs.readFileString(file)
        yield* fs.writeFileString(file, `${text.slice(0, -10)}`)
        assert.deepStrictEqual(yield* (yield* RunJournal).read(runId), events.slice(0, 2))
      })
    )
  )

  it.live("starts a new line after a truncated one, so that the next event is not lost with it", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* write(runId, events.slice(0, 2))
        const file = `${directory}/runs/${runId}.jsonl`
        yield* fs.writeFileString(file, `${yield* fs.readFileString(file)}{"_tag":"Budg`)
        yield* write(runId, events.slice(2))
        assert.deepStrictEqual(yield* (yield* RunJournal).read(runId), events)
      })
    )
  )

  it.live("finds a run by a prefix of its id, with or without run_, and by last", () =>
    onDisk(() =>
      Effect.gen(function* () {
        const journal = yield* RunJournal
        const later = RunId.make("run_0199999999999999")
        yield* write(runId, events)
        yield* write(later, [stamp({ _tag: "RunStarted", task: World.task({ task: "Count again." }) }, later, 0, 5000)])
        for (const text of [runId, "run_012", "012"]) assert.strictEqual(yield* journal.find(text), runId)
        assert.strictEqual(yield* journal.find("last"), later)
        const several = yield* Effect.flip(journal.find("run_01"))
        assert.strictEqual(several._tag, "RunAmbiguous")
        assert.match(several.message, /matches 2 runs: run_01.*, run_01.*\. Give more of the id\./)
        const none = yield* Effect.flip(journal.find("run_0123456789abcdee"))
        assert.match(none.message, /Did you mean run_0123456789abcdef\?/)
        for (const text of ["", "run_", "nope"]) {
          assert.strictEqual((yield* Effect.flip(journal.find(text)))._tag, "RunNotFound")
        }
      })
    )
  )

  it.live("recognises a run in progress in another process, and one whose process has gone or was replaced", () =>
    onDisk(() =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const journal = yield* RunJournal
        const own = Option.getOrThrow(journal.process)
        if (own.namespace === undefined) return // unknown without /proc
        const parent = String(process.ppid)
        const stat = yield* fs.readFileString(`/proc/${parent}/stat`)
        const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
        const other = { token: "other", pid: parent, namespace: own.namespace, started }
        for (const [id, by, status] of [
          ["run_alive", other, "running"],
          ["run_again", { ...other, started: "1" }, "unfinished"],
          ["run_gone", { ...other, pid: "4194304" }, "unfinished"],
          ["run_ours", own, "unfinished"],
          ["run_elsewhere", { ...other, namespace: "pid:[1]" }, "unfinished"]
        ] as const) {
          const begun = stamp({ _tag: "RunStarted", task: World.task(), process: by }, RunId.make(id), 0, 1000)
          yield* write(RunId.make(id), [begun])
          assert.strictEqual((yield* journal.list).find(({ runId }) => runId === id)?.status, status, id)
          const idle = yield* Effect.either(journal.idle([begun]))
          assert.strictEqual(idle._tag, status === "running" ? "Left" : "Right", id)
        }
        const kept = yield* Effect.flip(journal.remove("run_alive"))
        assert.include(kept.message, `still in progress in process ${parent}`)
      })
    )
  )

  it.live("does not touch a run of this process while it is in progress", () =>
    onDisk(() =>
      Effect.gen(function* () {
        const journal = yield* RunJournal
        yield* Effect.scoped(
          Effect.gen(function* () {
            const append = yield* journal.open(runId)
            yield* append(events)
            assert.strictEqual((yield* journal.list)[0]?.status, "running")
            assert.strictEqual((yield* Effect.flip(journal.remove(runId)))._tag, "RunInProgress")
          })
        )
        assert.strictEqual((yield* journal.list)[0]?.status, "unfinished")
        yield* journal.remove(runId)
      })
    )
  )

  it.live("finds neither a run that does not exist nor an id that is a path", () =>
    onDisk(() =>
      Effect.gen(function* () {
        const journal = yield* RunJournal
        for (const id of ["run_none", "../secret", ""]) {
          assert.strictEqual((yield* Effect.flip(journal.read(id)))._tag, "RunNotFound")
          assert.strictEqual((yield* Effect.flip(journal.remove(id)))._tag, "RunNotFound")
        }
      })
    )
  )

  it.live("removes the oldest runs when there are too many", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* write(runId, events)
        for (let n = 0; n < 500; n++) {
          const file = `${directory}/runs/run_old${n}.jsonl`
          yield* fs.writeFileString(file, "")
          yield* fs.utimes(file, 1000 + n, 1000 + n)
        }
        yield* write(RunId.make("run_new"), events)
        const names = yield* fs.readDirectory(`${directory}/runs`)
        assert.strictEqual(names.length, 450)
        assert.includeMembers(names, [`${runId}.jsonl`, "run_new.jsonl", "run_old499.jsonl"])
        assert.notInclude(names, "run_old0.jsonl")
      })
    )
  )

  it.live("keeps runs in memory where nothing can be written", () =>
    Effect.gen(function* () {
      const journal = yield* RunJournal
      yield* write(runId, events)
      assert.deepStrictEqual(yield* journal.read(runId), events)
      assert.strictEqual((yield* journal.list).length, 1)
      const why = Option.getOrThrow(yield* journal.unkept)
      assert.match(
        why.message,
        /^The data folder \/dev\/null\/nowhere cannot be written \(.*ENOTDIR.*LMS_BRIDGE_DATA_DIR/
      )
    }).pipe(Effect.provide(journalIn("/dev/null/nowhere")))
  )

  it.live("keeps a run in memory whose file cannot be opened, unless it must be kept", () =>
    onDisk((directory) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const journal = yield* RunJournal
        // a file of that name cannot be opened
        yield* fs.makeDirectory(`${directory}/runs/${runId}.jsonl`, { recursive: true })
        const stored = Effect.scoped(Effect.flatMap(journal.open(runId), (append) => append(events)))
        assert.include(yield* Effect.provideService(stored, MustBeKept, true), "EISDIR")
        assert.deepStrictEqual(yield* journal.list, [])
        assert.isUndefined(yield* stored)
        assert.strictEqual((yield* journal.list).length, 1)
      })
    )
  )

  it.live("logs once that runs are not stored, and why, and only when a run starts", () => {
    const logged: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void logged.push(JSON.stringify(message)))
    return Effect.gen(function* () {
      const journal = yield* RunJournal
      yield* journal.list
      assert.deepStrictEqual(logged, [])
      yield* write(runId, events)
      yield* write(runId, events)
      assert.strictEqual(logged.length, 1)
      assert.match(logged[0] ?? "", /so runs are not kept\. Set LMS_BRIDGE_DATA_DIR.*ENOTDIR/)
    }).pipe(
      Effect.provide(journalIn("/dev/null/nowhere")),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
  })

  it.live("has everything on disk before a tool starts, in case the process is killed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [first, second] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      const begun = yield* Deferred.make<void>()
      const task = World.task()
      const killed = World.layer(
        {
          turns: [[World.call("echo", { message: "one" })], [World.call("write", {})]],
          servers: {
            main: {
              echo: World.echo,
              write: World.tool(() => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
            }
          }
        },
        journalIn(first)
      )
      const running = yield* Effect.fork(Effect.provide(World.run(task), killed))
      yield* Deferred.await(begun)
      // this is what kill -9 would leave on disk
      yield* fs.copy(`${first}/runs`, `${second}/runs`)
      yield* Fiber.interrupt(running)

      const [name = ""] = yield* fs.readDirectory(`${second}/runs`)
      const events = yield* Effect.gen(function* () {
        const loop = yield* AgentLoop
        const resumed = yield* Stream.runCollect(loop.resume(name.replace(".jsonl", "")))
        assert.deepStrictEqual((yield* World.Seen).calls, [])
        return Chunk.toReadonlyArray(resumed)
      }).pipe(
        Effect.provide(
          World.layer(
            {
              turns: ["Not sure."],
              servers: { main: { echo: World.echo, write: World.tool(() => Effect.succeed("written")) } }
            },
            journalIn(second)
          )
        )
      )
      assert.include(World.only(events, "ToolCallRefused")[0]?.told, "whether it took effect is not known")
      assert.deepInclude(World.outcomeOf(events), { status: "done", answer: "Not sure.", rounds: 3 })
      assert.deepStrictEqual(
        World.outcomeOf(events).toolCalls.map(({ uncertain }) => uncertain),
        [undefined, true]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})

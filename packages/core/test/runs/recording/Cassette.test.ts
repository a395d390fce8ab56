import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent, AgentOutcome } from "#src/agent/rules/AgentEvent.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import { AgentLoop, CurrentApprover } from "#src/agent/AgentLoop.ts"
import * as Cassette from "#src/runs/recording/Cassette.ts"
import * as CassetteComparison from "#src/runs/recording/CassetteComparison.ts"
import * as CassetteOfRun from "#src/runs/recording/CassetteOfRun.ts"
import * as CassetteRecording from "#src/runs/recording/CassetteRecording.ts"
import * as CassetteReplay from "#src/runs/recording/CassetteReplay.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { StreamCut } from "#src/lmstudio/LmStudioError.ts"
import { McpCallFailed } from "#src/mcp/McpError.ts"
import { Chunk, Deferred, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { fileURLToPath } from "node:url"
import * as World from "../../agent/doubles.ts"

const { call, echo, outcomeOf, run, task, tool } = World

const kept = fileURLToPath(new URL("cassettes", import.meta.url))

const told = (events: ReadonlyArray<AgentEvent>) => World.only(events, "ToolCallFinished").map(({ told }) => told)

const replay = Effect.fnUntraced(function* (path: string) {
  const entries = yield* Cassette.read(path)
  const first = entries.find((entry) => entry._tag === "Task")
  if (first === undefined) return yield* Effect.dieMessage("no task")
  const loop = AgentLoop.layerNoDeps.pipe(
    Layer.provide(Layer.mergeAll(CassetteReplay.layer(entries), RunJournal.layerMemory, Settings.layerWith({})))
  )
  const events = yield* Effect.provide(run(first.task), loop)
  const ended = entries.find((entry) => entry._tag === "Ended")
  return { entries, events, outcome: outcomeOf(events), recorded: ended?.outcome }
})

/** Durations are not replayed. */
const timeless = ({ millis: _, toolCalls, ...rest }: AgentOutcome) => ({
  ...rest,
  toolCalls: toolCalls.map(({ millis: _, ...other }) => other)
})

const secret = "ghp_0123456789abcdefghijABCDEFGHIJ"

const eventful: World.World = {
  turns: [
    [call("echo", { message: `token ${secret}` }), call("lost", {}), call("nothing", {})],
    { fail: new StreamCut({ operation: "chat", delivered: 3 }), after: "so" },
    [call("echo", "{}")],
    "All done."
  ],
  servers: {
    main: { echo, lost: tool(() => new McpCallFailed({ server: "main", tool: "lost", reason: "Closed", detail: "" })) },
    bad: World.unavailable("bad")
  }
}

const inTemp = Effect.fnUntraced(
  function* <A, E>(test: (path: string) => Effect.Effect<A, E, FileSystem.FileSystem>) {
    const fs = yield* FileSystem.FileSystem
    return yield* test(`${yield* fs.makeTempDirectoryScoped()}/run.jsonl`)
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

/** A run whose time is over as soon as it waits for a call. */
const timedOut = Effect.fnUntraced(function* (input: AgentTask) {
  const loop = yield* AgentLoop
  const called = yield* Deferred.make<void>()
  const running = yield* Stream.runCollect(
    Stream.tap(loop.run(input), ({ _tag }) =>
      _tag === "ToolCallStarted" ? Deferred.succeed(called, undefined) : Effect.void
    )
  ).pipe(Effect.fork)
  yield* Deferred.await(called)
  yield* TestClock.adjust(input.budgets.wallMillis)
  return Chunk.toReadonlyArray(yield* Fiber.join(running))
})

describe("Cassette", () => {
  it.live("replays a recorded run without the model and the servers", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const recording = CassetteRecording.layer(path).pipe(Layer.provide(World.services(eventful)))
        const events = yield* Effect.provide(run(task({ servers: { _tag: "All" }, allowedTools: ["*"] })), recording)
        const { entries, outcome, recorded } = yield* replay(path)
        assert.deepStrictEqual(timeless(outcome), timeless(outcomeOf(events)))
        assert.deepStrictEqual(recorded, outcomeOf(events))
        assert.strictEqual(outcome.missingServers[0]?.server, "bad")
        assert.strictEqual(entries.filter(({ _tag }) => _tag === "Asked").length, 4)
        const text = yield* (yield* FileSystem.FileSystem).readFileString(path)
        assert.notInclude(text, secret)
        assert.include(text, "token <redacted>")
      })
    )
  )

  it.live("is made of the events of a run that nobody recorded, and replayed without a difference", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const world: World.World = {
          turns: [[call("echo", { message: `token ${secret}` })], [call("echo", { message: "b" })], "All done."],
          servers: { main: { echo }, bad: World.unavailable("bad") }
        }
        const { events, now } = yield* Effect.gen(function* () {
          const events = yield* run(task({ servers: { _tag: "All" }, allowedTools: ["*"] }))
          const registry = yield* McpRegistry
          const tools = new Map(
            yield* Effect.forEach(CassetteOfRun.serversOf(events), (server) =>
              Effect.map(
                Effect.flatMap(registry.connect(server), (connection) => connection.tools),
                (tools) => [server, tools] as const
              )
            )
          )
          return { events, now: { servers: yield* registry.servers, tools } }
        }).pipe(Effect.scoped, Effect.provide(AgentLoop.layerNoDeps.pipe(Layer.provideMerge(World.services(world)))))
        const entries = CassetteOfRun.entriesOf(events, now) ?? []
        const lines = yield* Effect.forEach(entries, Cassette.toLine)
        yield* (yield* FileSystem.FileSystem).writeFileString(path, lines.join(""))
        assert.notInclude(lines.join(""), secret)
        const differences = yield* Effect.gen(function* () {
          const { entries, left, task } = yield* CassetteReplay.Tape
          const played = yield* run(task)
          // why a server did not start is told in other words
          const known = (from: typeof events) => {
            const { missingServers, ...outcome } = outcomeOf(from)
            return {
              ...timeless({ ...outcome, missingServers: [] }),
              missing: missingServers.map(({ server }) => server)
            }
          }
          assert.deepStrictEqual(known(played), known(events))
          return CassetteComparison.differences(entries, yield* left, played)
        }).pipe(Effect.provide(CassetteReplay.loop(path).pipe(Layer.provide(Settings.layerWith({})))))
        assert.deepStrictEqual(differences, [])
        assert.isUndefined(CassetteOfRun.entriesOf(events.slice(1), now))
      })
    )
  )

  it.live("replays what a run read besides calling tools", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const world: World.World = {
          turns: [
            [call("list_resources", {})],
            [call("read_resource", { uri: "note://a" }), call("read_resource", { uri: "note://none" })],
            "Read."
          ],
          resources: { "note://a": "the text of it" }
        }
        const recording = CassetteRecording.layer(path).pipe(Layer.provide(World.services(world)))
        const events = yield* Effect.provide(run(task({ resources: true })), recording)
        assert.include(told(events)[1], "the text of it")
        const played = yield* replay(path)
        assert.deepStrictEqual(told(played.events), told(events))
        assert.deepStrictEqual(timeless(played.outcome), timeless(outcomeOf(events)))
      })
    )
  )

  it.effect("records a call that was running when the time of the run was over", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const slow: World.Tool = { run: () => Effect.never }
        const world: World.World = { servers: { main: { slow } }, turns: [[call("slow", {})]], final: "No more time." }
        const recording = CassetteRecording.layer(path).pipe(Layer.provide(World.services(world)))
        const budgets = { rounds: 9, wallMillis: 300, toolCalls: 9 }
        const events = yield* Effect.provide(timedOut(task({ budgets, allowedTools: ["*"] })), recording)
        assert.strictEqual(outcomeOf(events).budget, "wall-time")
        const differences = yield* Effect.gen(function* () {
          const { entries, left, task } = yield* CassetteReplay.Tape
          const played = yield* timedOut(task)
          return CassetteComparison.differences(entries, yield* left, played)
        }).pipe(Effect.provide(CassetteReplay.loop(path).pipe(Layer.provide(Settings.layerWith({})))))
        assert.deepStrictEqual(differences, [])
      })
    )
  )

  it.live("changes the tools where they changed in the recorded run", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const main: Record<string, World.Tool> = { echo }
        main["install"] = tool(() =>
          Effect.sync(() => {
            main["fresh"] = tool(() => Effect.succeed("fresh air"))
            delete main["echo"]
            return "installed"
          })
        )
        const world: World.World = {
          servers: { main },
          turns: [[call("install", {})], [call("fresh", {}), call("echo", { message: "x" })], "Done."]
        }
        const recording = CassetteRecording.layer(path).pipe(Layer.provide(World.services(world)))
        const events = yield* Effect.provide(run(task({ allowedTools: ["*"] })), recording)
        assert.deepStrictEqual(told(events), ["installed", "fresh air"])
        const played = yield* replay(path)
        assert.deepStrictEqual(told(played.events), told(events))
        const offers = (all: ReadonlyArray<AgentEvent>) => World.only(all, "ToolsOffered").map(({ offered }) => offered)
        assert.deepStrictEqual(offers(played.events), offers(events))
        assert.strictEqual(World.only(played.events, "ToolCallRefused").length, 1)
      })
    )
  )

  it.live("reports a call that is not on the cassette, and the end of the cassette", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const recording = CassetteRecording.layer(path).pipe(
          Layer.provide(
            World.services({ turns: [[call("echo", { message: "a" })], "ok"], servers: { main: { echo } } })
          )
        )
        yield* Effect.provide(run(task()), recording)
        const entries = yield* Cassette.read(path)
        const fewer = CassetteReplay.layer(
          entries.filter(({ _tag }, index) => _tag !== "Called" && index < entries.length - 2)
        )
        const events = yield* run(task()).pipe(
          Effect.provide(
            AgentLoop.layerNoDeps.pipe(
              Layer.provide(Layer.mergeAll(fewer, RunJournal.layerMemory, Settings.layerWith({})))
            )
          )
        )
        assert.include(World.only(events, "ToolCallFinished")[0]?.told, "no such call")
        assert.include(outcomeOf(events).problem?.message, "no further reply")
      })
    )
  )

  it.live("reports how a run differs from the recorded one, and nothing for one that does not", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const recording = CassetteRecording.layer(path).pipe(
          Layer.provide(
            World.services({
              turns: [[call("echo", { message: "a" })], [call("wipe", { path: "/a" })], "ok"],
              servers: { main: { echo, wipe: { ...echo, schema: {}, annotations: { destructive: true } } } }
            })
          )
        )
        yield* run(task()).pipe(
          Effect.provideService(
            CurrentApprover,
            Option.some(() => Effect.succeed(true))
          ),
          Effect.provide(recording)
        )
        const entries = yield* Cassette.read(path)
        const fs = yield* FileSystem.FileSystem
        const played = Effect.fnUntraced(function* (changed: ReadonlyArray<Cassette.CassetteEntry>) {
          const lines = yield* Effect.forEach(changed, Cassette.toLine)
          yield* fs.writeFileString(path, lines.join(""))
          return yield* Effect.gen(function* () {
            const tape = yield* CassetteReplay.Tape
            const events = yield* Effect.provideService(
              run(tape.task),
              CurrentApprover,
              Option.some(CassetteComparison.approver(tape))
            )
            return CassetteComparison.differences(tape.entries, yield* tape.left, events)
          }).pipe(Effect.provide(CassetteReplay.loop(path).pipe(Layer.provide(Settings.layerWith({})))))
        })
        assert.deepStrictEqual(yield* played(entries), [])
        // the model says something different
        const other = entries.map((entry) =>
          entry._tag === "Asked" && entry.reply?.content === "ok"
            ? { ...entry, reply: { ...entry.reply, content: "no" } }
            : entry
        )
        assert.deepStrictEqual(yield* played(other), ['Its answer was recorded as "ok" and is "no".'])
        // the loop calls what is not on the cassette, and does not call what is
        const renamed = entries.map((entry) =>
          entry._tag === "Called" && entry.tool === "echo" ? { ...entry, arguments: { message: "b" } } : entry
        )
        assert.deepStrictEqual(yield* played(renamed), [
          'It made a call that is not recorded: main echo {"message":"a"}.',
          'It did not make the recorded call main echo {"message":"b"}.'
        ])
        const last = entries.findLastIndex(({ _tag }) => _tag === "Asked")
        const shorter = yield* played(entries.filter((_, index) => index !== last))
        assert.match(shorter.join(), /Its end was recorded as "done" and is "failed, RequestRejected"/)
        const again = entries.flatMap((entry, index) => (index === last ? [entry, entry] : [entry]))
        assert.deepStrictEqual(yield* played(again), ["It did not request the last 1 of the recorded replies."])
        // time does not pass in a replay: a run that it ended is replayed as far as it went
        const late = entries.map((entry) =>
          entry._tag === "Ended"
            ? { ...entry, outcome: { ...entry.outcome, status: "budget" as const, budget: "wall-time" as const } }
            : entry
        )
        assert.deepStrictEqual(yield* played(late), [])
        const none = yield* Effect.flip(played(entries.filter(({ _tag }) => _tag !== "Task")))
        assert.include(none.message, "it does not contain the task of the run")
      })
    )
  )

  it.live("says why a recording cannot be written, before anything runs", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        const into = (file: string) =>
          Effect.flip(
            Effect.provide(run(task()), CassetteRecording.layer(file).pipe(Layer.provide(World.services(eventful))))
          )
        const error = yield* into(`${path}/nope`)
        assert.strictEqual(error._tag, "CassetteNotWritten")
        assert.strictEqual(
          error.message,
          `The recording ${path}/nope cannot be written, because its folder does not exist. Give --record a file in a folder that you may write to.`
        )
        assert.include((yield* into(path.replace(/\/[^/]*$/, ""))).message, "is a folder")
      })
    )
  )

  it.live("rejects a file that is not a recording", () =>
    inTemp((path) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(Cassette.read(path)))._tag, "CassetteInvalid")
        yield* (yield* FileSystem.FileSystem).writeFileString(path, '\n{"_tag":"Nonsense"}\n')
        assert.include((yield* Effect.flip(Cassette.read(path))).message, "line 2")
      })
    )
  )

  it.each([
    ["Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer <redacted>"],
    ["key sk-proj-0123456789abcdef0123 here", "key <redacted> here"],
    ['{"api_key": "hunter2", "path": "/a"}', '{"api_key": "<redacted>", "path": "/a"}'],
    [
      JSON.stringify({ arguments: '{"password":"hunter2","n":1}' }),
      JSON.stringify({ arguments: '{"password":"<redacted>","n":1}' })
    ],
    ['{"token_count": "12", "keyboard": "de"}', '{"token_count": "12", "keyboard": "de"}']
  ])("takes secrets out of %s", (text, expected) => {
    assert.strictEqual(Cassette.redacted(text), expected)
  })

  it.live("replays every stored recording to the same end", () =>
    Effect.gen(function* () {
      const names = yield* (yield* FileSystem.FileSystem).readDirectory(kept)
      assert.isAtLeast(names.length, 3)
      for (const name of names) {
        const { outcome, recorded } = yield* replay(`${kept}/${name}`)
        assert(recorded !== undefined, name)
        assert.deepStrictEqual(timeless(outcome), timeless(recorded), name)
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

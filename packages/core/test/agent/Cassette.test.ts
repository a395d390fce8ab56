import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { AgentOutcome } from "@lms-bridge/core/agent/AgentEvent"
import { AgentLoop } from "@lms-bridge/core/agent/AgentLoop"
import * as Cassette from "@lms-bridge/core/agent/Cassette"
import * as CassetteRecording from "@lms-bridge/core/agent/CassetteRecording"
import * as CassetteReplay from "@lms-bridge/core/agent/CassetteReplay"
import { RunJournal } from "@lms-bridge/core/agent/RunJournal"
import { Settings } from "@lms-bridge/core/configuration/Settings"
import { StreamCut } from "@lms-bridge/core/lmstudio/LmStudioError"
import { McpCallFailed } from "@lms-bridge/core/mcp/McpError"
import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import * as World from "./doubles.ts"

const { call, echo, outcomeOf, run, task, tool } = World

const kept = fileURLToPath(new URL("cassettes", import.meta.url))

const replay = Effect.fnUntraced(function* (path: string) {
  const entries = yield* Cassette.read(path)
  const first = entries.find((entry) => entry._tag === "Task")
  if (first === undefined) return yield* Effect.dieMessage("no task")
  const loop = AgentLoop.layerNoDeps.pipe(
    Layer.provide(Layer.mergeAll(CassetteReplay.layer(entries), RunJournal.layerMemory, Settings.layerWith({})))
  )
  const events = yield* Effect.provide(run(first.task), loop)
  const ended = entries.find((entry) => entry._tag === "Ended")
  return { entries, outcome: outcomeOf(events), recorded: ended?.outcome }
})

/** How long things took is not a part of what is played again. */
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

describe("Cassette", () => {
  it.live("plays a recorded run again without the model and without the servers", () =>
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

  it.live("says that a call is not on the tape, and that the tape is at its end", () =>
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

  it.live("does not take another file for a recording", () =>
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

  it.live("plays every recording that is kept, to the same end", () =>
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

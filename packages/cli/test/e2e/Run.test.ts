import { assert, describe, it } from "@effect/vitest"
import { AgentEventJson } from "@lms-bridge/core/AgentEvent"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { closedAddress, isReadable, patience, platform, processesAtHome, world } from "./Harness.ts"

const decode = Schema.decodeSync(AgentEventJson)

const readsTheNote = [
  { toolCalls: [{ name: "read_text_file", arguments: { path: "bees.md" } }] },
  { text: "Bees like clover, it says." }
]

const longAnswer = Array.from({ length: 400 }, (_, index) => `word${index}`).join(" ")

describe("lms-bridge run", () => {
  it.scopedLive(
    "lets the model use a real MCP server, and prints only the answer on stdout",
    () =>
      Effect.gen(function* () {
        const { home, notes, run, simulator } = yield* world
        yield* simulator.control.scriptModel([
          { toolCalls: [{ name: "read_text_file", arguments: { path: `${notes}/bees.md` } }] },
          { text: "Bees like clover, it says.", expect: { lastMessageContains: "clover" } }
        ])
        const { code, stderr, stdout } = yield* run(["run", "What do bees like?", "--mcp", "filesystem"])
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(stdout, "Bees like clover, it says.\n")
        assert.match(stderr, /^model /m)
        assert.match(stderr, /→ filesystem read_text_file \{"path":".*bees\.md"\}/)
        assert.match(stderr, /← read_text_file \d+ B in /)
        assert.match(stderr, /^done +2 rounds, 1 tool call/m)
        assert.notInclude(stderr, "\u001b")
        assert.deepStrictEqual((yield* simulator.control.seen).problems, [])
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "writes every event as one line of JSON, the outcome last",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.scriptModel(readsTheNote)
        const { code, stderr, stdout } = yield* run(["run", "x", "--mcp", "filesystem", "--mcp", "memory", "--json"])
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(stderr, "")
        const events = stdout
          .trimEnd()
          .split("\n")
          .map((line) => decode(line))
        assert.deepStrictEqual(
          events.map(({ seq }) => seq),
          events.map((_, index) => index)
        )
        assert.strictEqual(events[0]?._tag, "RunStarted")
        const last = events.at(-1)
        assert.isTrue(last?._tag === "RunFinished" && last.outcome.status === "done")
        assert.strictEqual(new Set(events.map(({ runId }) => runId)).size, 1)
        const ready = events.find((event) => event._tag === "ServersReady")
        assert.deepStrictEqual(ready?.ready.map(({ server }) => server).toSorted(), ["filesystem", "memory"])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "logs JSON lines with the run's id on stderr when it is asked to",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.scriptModel(readsTheNote)
        const { code, stderr } = yield* run(["run", "x", "--mcp", "filesystem", "--json"], {
          LMS_BRIDGE_LOG_LEVEL: "debug",
          LM_API_TOKEN: "sk-lm-abcdefgh:secret0123456789abcd"
        })
        assert.strictEqual(code, 0, stderr)
        const entries = stderr
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line))
        assert.isTrue(
          entries.some((entry) => String(entry.annotations.runId).startsWith("run_")),
          stderr
        )
        assert.notInclude(stderr, "secret0123456789abcd")
        yield* simulator.control.scriptModel(readsTheNote)
        const asked = yield* run(["run", "x", "--mcp", "filesystem", "--json", "--log-level", "debug"])
        assert.include(asked.stderr, '"logLevel":"DEBUG"')
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "ends with 5 when a budget ended the run, with the best answer on stdout",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.scriptModel([readsTheNote[0] ?? {}, { text: "As far as I got." }])
        const { code, stderr, stdout } = yield* run(["run", "x", "--mcp", "filesystem", "--max-rounds", "1"])
        assert.strictEqual(code, 5, stderr)
        assert.strictEqual(stdout, "As far as I got.\n")
        assert.match(stderr, /lms-bridge: .*--max-rounds/)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "takes the next model where one cannot be loaded, and says so",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.scriptModel([{ text: "Clover." }])
        const ended = yield* run([
          "run",
          "x",
          "--model",
          "no-such-model",
          "--fallback",
          "nor-this,llama-3.2-3b-instruct"
        ])
        assert.deepStrictEqual([ended.code, ended.stdout], [0, "Clover.\n"], ended.stderr)
        assert.match(ended.stderr, /no-such-model was skipped: .*\n.*nor-this was skipped: /)
        assert.match(ended.stderr, /^model +llama-3\.2-3b-instruct/m)
        const none = yield* run(["run", "x", "--model", "no-such-model", "--fallback", "nor-this"])
        assert.strictEqual(none.code, 4, none.stderr)
        assert.match(none.stderr, /no-such-model/)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "ends with 3, 4, 6 and 2, each with a line that says what to do",
    () =>
      Effect.gen(function* () {
        const { home, run } = yield* world
        const nobody = {
          LMSTUDIO_BASE_URL: yield* closedAddress,
          LMS_BRIDGE_LMS_BINARY: "none",
          LMS_BRIDGE_RETRIES: "0"
        }
        const task = ["run", "x", "--json"]
        for (const [code, args, env, says] of [
          [3, task, nobody, /does not answer.*Start its server/],
          [3, [...task, "--mcp", "filesystem"], nobody, /does not answer/],
          [4, [...task, "--model", "no-such-model"], {}, /no-such-model/],
          [6, [...task, "--mcp", "filesystm"], {}, /Did you mean filesystem\?/],
          [6, [...task, "--mcp", "filesystem", "--mcp", "broken"], {}, /"broken".*command was not found/],
          [6, [...task, "--mcp", "off"], {}, /disabled/],
          [2, [...task, "--nope"], {}, /--nope.*--help/],
          [2, task, { LMS_BRIDGE_TTL: "soon" }, /LMS_BRIDGE_TTL is "soon", but must be a duration/]
        ] as const) {
          const result = yield* run(args, env)
          assert.strictEqual(result.code, code, `${args.join(" ")}: ${result.stderr}`)
          assert.match(result.stderr, says)
          assert.isTrue(isReadable(result.stderr), result.stderr)
        }
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "names file and line of an mcp.json that is not JSON, and leaves the file as it is",
    () =>
      Effect.gen(function* () {
        const { env, home, run } = yield* world
        const broken = `${home}/broken.json`
        const text = '{\n  "mcpServers": {\n    "a": { "command": }\n  }\n}\n'
        yield* Effect.promise(() => import("node:fs/promises").then(({ writeFile }) => writeFile(broken, text)))
        for (const args of [
          ["run", "x", "--mcp", "a"],
          ["mcp", "ls"],
          ["mcp", "tools", "a"]
        ]) {
          const { code, stderr } = yield* run(args, { ...env, MCP_JSON_PATH: broken })
          assert.strictEqual(code, 6, stderr)
          assert.match(stderr, /broken\.json, line 3: /)
          assert.isTrue(/^lms-bridge: /m.test(stderr) && !/\bat .+:\d+:\d+/.test(stderr), stderr)
        }
        assert.strictEqual(readFileSync(broken, "utf8"), text)
      }).pipe(Effect.provide(platform)),
    patience
  )

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.scopedLive(
      `on ${signal} in mid-stream closes the request, leaves no child and ends with ${expected}`,
      () =>
        Effect.gen(function* () {
          const { home, simulator, start } = yield* world
          yield* simulator.control.scriptModel([{ text: longAnswer, pieceDelayMs: 50 }])
          const program = yield* start(["run", "x", "--mcp", "filesystem", "--json"])
          yield* program.untilStdout((text) => text.includes('"_tag":"TextDelta"'))
          assert.isAbove(processesAtHome(home).length, 1)
          program.child.kill(signal)
          const { code, stderr } = yield* program.ended
          assert.strictEqual(code, expected, stderr)
          assert.match(
            stderr,
            /^lms-bridge: What was done is kept\. Continue with: node \S+lms-bridge\.js runs resume run_\w+\nInterrupted\.\n$/
          )
          assert.deepStrictEqual(processesAtHome(home), [])
          yield* simulator.control.seen.pipe(
            Effect.delay("20 millis"),
            Effect.repeat({
              until: ({ requests }) =>
                requests.some(({ disconnected, path }) => disconnected && path === "/v1/chat/completions")
            })
          )
        }).pipe(Effect.provide(platform)),
      patience
    )
  }

  it.scopedLive(
    "continues when an MCP server is killed in the middle of a call, and tells the model",
    () =>
      Effect.gen(function* () {
        const { home, simulator, start } = yield* world
        yield* simulator.control.scriptModel([
          { toolCalls: [{ name: "trigger-long-running-operation", arguments: { duration: 60, steps: 60 } }] },
          { text: "It was killed.", expect: { lastRole: "tool" } }
        ])
        const program = yield* start(["run", "x", "--mcp", "everything", "--json"])
        yield* program.untilStdout((text) => text.includes('"_tag":"ToolCallStarted"'))
        const server = processesAtHome(home).find(({ command }) => command.includes("server-everything"))
        process.kill(server?.pid ?? assert.fail("the server does not run"), "SIGKILL")
        const { code, stderr } = yield* program.ended
        assert.strictEqual(code, 0, stderr)
        const events = program.lines().map((line) => decode(line))
        const finished = events.find((event) => event._tag === "ToolCallFinished")
        assert.isTrue(finished?.isError)
        const last = events.at(-1)
        assert.isTrue(last?._tag === "RunFinished" && last.outcome.answer === "It was killed.")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "stops quietly with 141 when its output is closed",
    () =>
      Effect.gen(function* () {
        const { home, simulator, start } = yield* world
        yield* simulator.control.scriptModel([{ text: longAnswer, pieceDelayMs: 20 }])
        const program = yield* start(["run", "x", "--json"])
        yield* program.untilStdout((text) => text.includes('"_tag":"TextDelta"'))
        program.child.stdout.destroy()
        const { code, stderr } = yield* program.ended
        assert.strictEqual(code, 141, stderr)
        assert.strictEqual(stderr, "")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "lets a stand-in answer when LM Studio does not, says so first, and uses LM Studio when it does",
    () =>
      Effect.gen(function* () {
        const { home, notes, run, simulator } = yield* world
        const task = `Read the text file "${notes}/bees.md" and say what it is about.`
        const args = ["run", task, "--mcp", "filesystem", "--stand-in", "auto"]
        const alone = yield* run(args, {
          LMSTUDIO_BASE_URL: yield* closedAddress,
          LMS_BRIDGE_LMS_BINARY: "none",
          DEFAULT_MODEL: "my-own-model"
        })
        assert.strictEqual(alone.code, 0, alone.stderr)
        assert.match(alone.stderr.split("\n")[0] ?? "", /stand-in.*not a language model/)
        assert.include(alone.stdout, "clover")
        yield* simulator.control.scriptModel([{ text: "I am LM Studio." }])
        const real = yield* run(args)
        assert.strictEqual(real.stdout, "I am LM Studio.\n", real.stderr)
        assert.notInclude(real.stderr, "stand-in")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})

import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Cli from "#src/Cli.ts"
import { AgentEventJson } from "@lms-bridge/core/AgentEvent"
import { AgentLoop, type Approval, CurrentApprover } from "@lms-bridge/core/AgentLoop"
import { ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { type Context, Effect, Fiber, Layer, Option, Schema, Stream, TestClock } from "effect"
import * as FakeScreen from "../../FakeScreen.ts"
import { cli, services } from "../../OverDoubles.ts"

const call = AgentLoopTest.oneCall({
  server: "filesystem",
  tool: "read_text_file",
  arguments: { path: "notes.md" },
  result: "hello",
  answer: "It says hello."
})

const finished = (outcome: Parameters<typeof AgentLoopTest.outcome>): ReadonlyArray<AgentLoopTest.Step> => [
  { _tag: "RunFinished", outcome: AgentLoopTest.outcome(...outcome) }
]

/** Another turn of the process, for what is done on a real disk. */
const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
const begun = call.slice(0, 6)

describe("run", () => {
  it.effect("prints only the answer on stdout, and the run on stderr", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["run", "read it", "--mcp", "filesystem"], { loop: call })
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "It says hello.")
      assert.include(err, 'filesystem read_text_file {"path":"notes.md"}')
    })
  )

  it.effect("prints every event with --json, one per line, and no view", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["run", "read it", "--json"], { loop: call })
      const events = yield* Effect.forEach(out.split("\n"), (line) => Schema.decode(AgentEventJson)(line))
      assert.strictEqual(code, 0)
      assert.strictEqual(events[0]?._tag, "RunStarted")
      assert.strictEqual(events.at(-1)?._tag, "RunFinished")
      assert.strictEqual(events.length, call.length + 1)
      assert.strictEqual(err, "")
    })
  )

  it.effect("ends its events with an outcome when the run could not start, with the failure's tag and sentence", () =>
    Effect.gen(function* () {
      const error = new ModelNotFound({ model: "nope", available: ["a"], nearest: [] })
      const { code, err, out } = yield* cli(["run", "x", "--json"], {
        loop: [
          { _tag: "Preparing", what: "a" },
          { _tag: "Fail", error }
        ]
      })
      const events = yield* Effect.forEach(out.split("\n"), (line) => Schema.decode(AgentEventJson)(line))
      const [last, before] = events.toReversed()
      assert.strictEqual(code, 4)
      assert.include(err, 'There is no model "nope".')
      if (last?._tag !== "RunFinished") return assert.fail(out)
      assert.deepInclude(last.outcome, {
        status: "failed",
        problem: { tag: "ModelNotFound", message: error.message }
      })
      assert.deepStrictEqual([last.runId, last.seq], [before?.runId, (before?.seq ?? 0) + 1])
    })
  )

  it.effect("ends its events with an outcome when it is interrupted", () =>
    Effect.gen(function* () {
      const written = yield* FakeScreen.Written
      const loop = yield* AgentLoop
      const fiber = yield* Effect.fork(Cli.make(() => services({ agentLoop: loop }))(["run", "x", "--json"]))
      // the events before the run waits for ever; its folders are looked up on a real disk first
      yield* Effect.repeat(Effect.zipRight(turn, written.out), { until: (lines) => lines.length >= begun.length })
      yield* Fiber.interrupt(fiber)
      const last = yield* Schema.decode(AgentEventJson)((yield* written.out).at(-1) ?? "")
      if (last._tag !== "RunFinished") return assert.fail(last._tag)
      assert.strictEqual(last.outcome.status, "unfinished")
      assert.deepInclude(last.outcome.toolCalls[0], { tool: "read_text_file", uncertain: true })
      assert.strictEqual(last.outcome.problem?.tag, "Interrupted")
      const said = (yield* written.err).join("\n")
      assert.match(said, /^lms-bridge: It is not known whether this took effect, .*: read_text_file\.$/m)
      assert.match(said, new RegExp(`^lms-bridge: What was done is kept\\. .* runs resume ${last.runId}$`, "m"))
    }).pipe(
      Effect.provide(
        Layer.mergeAll(NodeContext.layer, FakeScreen.layer(), AgentLoopTest.layerTest([...begun, { _tag: "Never" }]))
      )
    )
  )

  it.effect("reports a server that is not in mcp.json before anything else", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["run", "x", "--json", "--mcp", "filesytem"], { loop: call })
      assert.strictEqual(code, 6)
      assert.deepInclude(JSON.parse(out).error, { tag: "McpServerNotFound", exitCode: 6 })
      assert.match(err, /^lms-bridge: There is no MCP server "filesytem".*Did you mean filesystem\?$/)
    })
  )

  it.effect("accepts a task that begins with a dash, and says how to write one of several words", () =>
    Effect.gen(function* () {
      for (const task of ["- list\n- the files", "-- list\nthe files"]) {
        const { code, out } = yield* cli(["run", task], { loop: finished(["done"]) })
        assert.deepStrictEqual([code, out], [0, "done"], task)
      }
      const { code, err } = yield* cli(["run", "list", "files"])
      assert.strictEqual(code, 2)
      assert.include(err, 'Put the task in quotes: lms-bridge run "list files"')
      const option = yield* cli(["run", "--nope\nfoo"])
      assert.strictEqual(option.err.split("\n").length, 1)
    })
  )

  it.effect("does not call an empty answer the best answer", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["run", "x"], {
        loop: finished(["", { status: "budget", budget: "wall-time" }])
      })
      assert.strictEqual(code, 5)
      assert.include(err, "its time of 10 min is up; there is no answer yet. Continue with")
    })
  )

  it.effect("turns its options into a task, with the settings as defaults", () =>
    Effect.gen(function* () {
      const taskOf = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
        const { out } = yield* cli(["run", ...args, "--json"], {
          loop: finished(["."]),
          settings: { maxRounds: 7, maxToolCalls: 9 }
        })
        const started = yield* Schema.decode(AgentEventJson)(out.split("\n")[0] ?? "")
        return started._tag === "RunStarted" ? started.task : assert.fail(started._tag)
      })
      assert.deepStrictEqual(yield* taskOf("do it"), {
        task: "do it",
        servers: { _tag: "None" },
        budgets: { rounds: 7, wallMillis: 600_000, toolCalls: 9 }
      })
      assert.deepStrictEqual(
        yield* taskOf(
          "--mcp",
          "a",
          "x",
          "--mcp",
          "b",
          "--mcp",
          "a",
          "--model",
          "m",
          "--max-rounds=3",
          "--timeout",
          "90s"
        ),
        {
          task: "x",
          servers: { _tag: "Named", names: ["a", "b"] },
          model: "m",
          budgets: { rounds: 3, wallMillis: 90_000, toolCalls: 9 }
        }
      )
      assert.deepStrictEqual((yield* taskOf("x", "--all-mcps")).servers, { _tag: "All" })
      const tools = ["--tools", "read_*, list", "--tools=a__x", "--exclude-tools", "b__*,", "--allow", "write_file"]
      const manner = ["--max-tokens", "300", "--temperature", "0.2", "--system", "Be brief."]
      const limits = ["--max-tool-calls", "4", "--max-total-tokens", "5000", "--max-total-bytes", "6000"]
      const folders = ["--folder", "packages", "--folder=docs", "--folder", "./packages/"]
      const whole = yield* taskOf("x", "--mcp", "a", ...tools, ...folders, ...manner, ...limits)
      assert.deepStrictEqual(whole, {
        task: "x",
        servers: { _tag: "Named", names: ["a"] },
        budgets: { rounds: 7, wallMillis: 600_000, toolCalls: 4, tokens: 5000, resultBytes: 6000 },
        maxTokens: 300,
        temperature: 0.2,
        instructions: "Be brief.",
        allowedTools: ["read_*", "list", "a__x"],
        excludedTools: ["b__*"],
        approvedTools: ["write_file"],
        workingFolders: [path.resolve("packages"), path.resolve("docs")]
      })
    })
  )

  it.effect("does not read an empty list of tools as all tools", () =>
    Effect.gen(function* () {
      for (const list of ["", " , "]) {
        const { code, err } = yield* cli(["run", "x", "--mcp", "a", "--tools", list], { loop: finished(["x"]) })
        assert.strictEqual(code, 2)
        assert.match(err, /^lms-bridge: --tools (?:is empty|names no tool)\. /)
      }
    })
  )

  it.effect("names the option whose folder does not exist", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["run", "x", "--folder", "/nope"], { loop: finished(["x"]) })
      assert.strictEqual(code, 2)
      assert.include(err, 'lms-bridge: --folder is "/nope", but there is no such folder.')
    })
  )

  it.effect("refuses a folder that holds keys and passwords, before anything is asked", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${home}/.ssh`)
      for (const folder of ["/", "/etc", "file:///etc", "/proc/1", home, `${home}/.ssh/..`, `file://${home}/%2Essh`]) {
        const { code, err } = yield* cli(["run", "x", "--folder", folder], { loop: finished(["x"]) })
        assert.notStrictEqual(code, 0, folder)
        assert.include(err, "no model may work in", folder)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("reads a JSON Schema for the answer from a file, and prints only the JSON", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/schema.json`
      const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }
      yield* fs.writeFileString(file, JSON.stringify(schema))
      const { err, out } = yield* cli(["run", "x", "--output-schema", file], {
        loop: finished(['Here it is: {"n":1}', { structured: { n: 1 } }])
      })
      assert.strictEqual(out, '{\n  "n": 1\n}', err)
      for (const [text, says] of [
        ['{"type": }', "it is not JSON: Unexpected token '}'"],
        ["[1]", "a JSON Schema is an object"],
        ['{"type":"objekt"}', "it is not a valid JSON Schema: /type"],
        ['{"type":"object","properties":[]}', "it is not a valid JSON Schema: /properties"],
        ['{"$ref":"#/$defs/nope"}', "it is not a valid JSON Schema: can't resolve reference"]
      ] as const) {
        yield* fs.writeFileString(file, text)
        const wrong = yield* cli(["run", "x", "--output-schema", file], { loop: finished(["x"]) })
        assert.deepStrictEqual([wrong.code, wrong.out], [2, ""], wrong.err)
        assert.include(wrong.err, `--output-schema ${file}: ${says}`)
      }
      const none = yield* cli(["run", "x", "--output-schema", `${file}.nope`], { loop: finished(["x"]) })
      assert.include(none.err, "there is no such file. See `lms-bridge run --help`.")
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("ends with 5 when a budget ended the run, still prints the answer, and says how to raise the limit", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["run", "x"], {
        loop: finished(["half of it", { status: "budget", budget: "rounds" }])
      })
      assert.strictEqual(code, 5)
      assert.strictEqual(out, "half of it")
      assert.include(err, "--max-rounds")
    })
  )

  it.effect("ends a failed run with the failure's code and sentence", () =>
    Effect.gen(function* () {
      const problem = { tag: "LmStudioUnreachable", message: "LM Studio does not answer." }
      const { code, err, out } = yield* cli(["run", "x"], { loop: finished(["", { status: "failed", problem }]) })
      assert.strictEqual(code, 3)
      assert.strictEqual(out, "")
      assert.include(err, "lms-bridge: LM Studio does not answer.")
    })
  )

  it.effect("reports a run that could not start in one line", () =>
    Effect.gen(function* () {
      const error = new ModelNotFound({ model: "nope", available: ["a"], nearest: [] })
      const { code, err, out } = yield* cli(["run", "x"], { loop: [{ _tag: "Fail", error }] })
      assert.strictEqual(code, 4)
      assert.strictEqual(out, "")
      assert.include(err, 'lms-bridge: There is no model "nope". Available: a.')
    })
  )

  it.effect("ends quietly with 141 when stdout is closed, and stops the run", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["run", "x", "--json"], {
        loop: [{ _tag: "Preparing", what: "a" }, { _tag: "Preparing", what: "b" }, { _tag: "Never" }],
        screen: { closedAfter: 2 }
      })
      assert.strictEqual(code, 141)
      assert.strictEqual(err, "")
    })
  )

  it.effect("is interrupted with everything beneath it, and says so", () =>
    Effect.gen(function* () {
      const written = yield* FakeScreen.Written
      const calls = yield* AgentLoopTest.AgentLoopCalls
      const loop = yield* AgentLoop
      const fiber = yield* Effect.fork(Cli.make(() => services({ agentLoop: loop }))(["run", "x"]))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* calls.tasks).length, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* calls.interrupted, 1)
      assert.include(yield* written.err, "Interrupted.")
    }).pipe(
      Effect.provide(
        Layer.mergeAll(NodeContext.layer, FakeScreen.layer(), AgentLoopTest.layerTest([{ _tag: "Never" }]))
      )
    )
  )

  it.effect("asks at the terminal if there is one, and does not ask if there is none", () =>
    Effect.gen(function* () {
      const agentLoop = (found: Array<Approval | "nobody">): Context.Tag.Service<AgentLoop> => ({
        check: () => Effect.void,
        cancel: () => Effect.void,
        begin: () => Effect.die("not begun here"),
        resume: () => Stream.empty,
        run: () =>
          Stream.unwrap(
            Effect.gen(function* () {
              const request = { server: "s", tool: "t", arguments: {}, reason: "it deletes" }
              const approver = yield* CurrentApprover
              found.push(Option.isNone(approver) ? "nobody" : yield* approver.value(request))
              return Stream.fromIterable([
                {
                  _tag: "RunFinished" as const,
                  runId: AgentLoopTest.testRunId,
                  seq: 0,
                  at: 0,
                  outcome: AgentLoopTest.outcome("x")
                }
              ])
            })
          )
      })
      for (const [answer, expected, ...options] of [
        [["y"], true],
        [["n"], false],
        [[], false],
        [["maybe", "y"], true],
        [undefined, "nobody"],
        [undefined, true, "--yes"]
      ] as const) {
        const found: Array<Approval | "nobody"> = []
        const { err } = yield* cli(["run", "x", ...options], {
          agentLoop: agentLoop(found),
          screen: answer === undefined ? {} : { lines: answer }
        })
        assert.deepStrictEqual(found, [expected])
        if (answer !== undefined) assert.include(err, "s t {}\n  It deletes.\n  Allow it? y yes, n no, a ")
      }
    })
  )
})

describe("usage", () => {
  it.effect("is refused with 2 and one line that points to the help, before anything is built", () =>
    Effect.gen(function* () {
      const neverBuilt = Cli.make(() => Layer.die("services were built for a usage error"))
      for (const [args, says] of [
        [["run", "x", "--nope"], "There is no option --nope."],
        [["run", "x", "y"], "Received unknown argument: 'y'."],
        [["run", "x", "--max-rounds", "0"], '--max-rounds is "0", but must be a whole number from 1 to 10000.'],
        [["run", "x", "--max-tokens", "none"], '--max-tokens is "none", but must be a whole number'],
        [["run", "x", "--temperature", "3"], '--temperature is "3", but must be a number from 0 to 2.'],
        [["run", "x", "--timeout", "soon"], '--timeout is "soon", but must be a duration'],
        [["run", "x", "--timeout", "0"], '--timeout is "0", but must be a duration of at least'],
        [["models", "load", "m", "--ttl", "0"], '--ttl is "0", but must be a duration of at least 1s'],
        [["run", "x", "--stand-in", "maybe"], '--stand-in is "maybe", but must be never, auto or always.'],
        [["models", "load", "m", "--context-length", "-5"], "--context-length is"],
        [["models", "load", "m", "--gpu", "2"], "--gpu is"],
        [["models", "lode"], 'There is no command "models lode".'],
        [["simulate", "--port", "70000"], "--port is"]
      ] as const) {
        const written = yield* Effect.provide(
          Effect.gen(function* () {
            const code = yield* neverBuilt(args)
            const { err, out } = yield* FakeScreen.Written
            return { code, err: yield* err, out: yield* out }
          }),
          Layer.merge(NodeContext.layer, FakeScreen.layer())
        )
        assert.strictEqual(written.code, 2, args.join(" "))
        assert.deepStrictEqual(written.out, [], args.join(" "))
        assert.strictEqual(written.err.length, 1, `${args.join(" ")}: ${written.err.join(" / ")}`)
        assert.include(written.err[0], says)
        assert.include(written.err[0], "--help`.")
      }
    })
  )

  it.effect("is refused with 2 when task, servers or names contradict each other", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* cli(["run", " "])).code, 2)
      assert.strictEqual((yield* cli(["run", "x", "--mcp", "a", "--all-mcps"])).code, 2)
      assert.include((yield* cli(["run", "x", "--tools", "a"])).err, "--tools needs MCP servers")
      assert.include((yield* cli(["run", "x", "--resources"])).err, "--resources needs MCP servers")
      assert.strictEqual((yield* cli(["models", "unload"])).code, 2)
      assert.strictEqual((yield* cli(["models", "unload", "a", "--all"])).code, 2)
      assert.strictEqual((yield* cli(["mcp", "call", "s", "t", "[1]"])).code, 2)
      assert.strictEqual((yield* cli(["mcp", "call", "s", "t", "{oops"])).code, 2)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { evolve } from "#src/agent/rules/Evolve.ts"
import { initial } from "#src/agent/rules/AgentState.ts"
import { ModelNotFound } from "#src/lmstudio/LmStudioError.ts"
import { McpCallFailed } from "#src/mcp/McpError.ts"
import { CurrentRunId } from "#src/observability/Correlation.ts"
import { Effect, Option } from "effect"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, run, task, text, tool } = World

const folded = (events: ReadonlyArray<AgentEvent>) => {
  const [first, ...rest] = events
  if (first?._tag !== "RunStarted") throw new Error("no start")
  return rest.reduce(evolve, initial(first))
}

describe("AgentLoop", () => {
  it.effect("asks the model, calls the tool, returns its result under the call's id and answers", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { calls, open, requests } = yield* World.Seen
      assert.deepStrictEqual(calls, [{ server: "main", tool: "echo", args: { message: "hi" } }])
      assert.deepStrictEqual(requests[1]?.messages.slice(1), [
        { role: "user", content: "Do it." },
        { role: "assistant", content: "", toolCalls: [{ id: "a", name: "echo", arguments: '{"message":"hi"}' }] },
        { role: "tool", toolCallId: "a", content: "Echo: hi" }
      ])
      assert.deepStrictEqual(
        requests[0]?.tools?.map(({ name }) => name),
        ["echo"]
      )
      const outcome = outcomeOf(events)
      assert.deepInclude(outcome, { status: "done", answer: "It said hi.", rounds: 2, cut: false, model: "test/model" })
      assert.deepStrictEqual(outcome.usage, { inputTokens: 20, outputTokens: 10 })
      assert.deepInclude(outcome.toolCalls[0], { round: 1, server: "main", tool: "echo", isError: false })
      assert.deepStrictEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index)
      )
      assert.strictEqual(new Set(events.map(({ runId }) => runId)).size, 1)
      assert.deepStrictEqual(open, [])
      assert.deepStrictEqual(folded(events).turn, { _tag: "Ended", outcome })
    }).pipe(
      Effect.provide(
        World.layer({ turns: [[call("echo", { message: "hi" }, "a")], "It said hi."], servers: { main: { echo } } })
      )
    )
  )

  it.effect("does not run a tool on arguments that do not fit, and says what is wrong", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { calls, requests } = yield* World.Seen
      assert.deepStrictEqual(
        calls.map(({ args }) => args),
        [{ message: "ok" }]
      )
      assert.deepStrictEqual(
        only(events, "ToolCallRefused").map(({ reason }) => reason),
        ["InvalidArguments", "InvalidArguments", "UnknownTool"]
      )
      const told = requests[1]?.messages.filter((message) => message.role === "tool").map(({ content }) => content)
      assert.include(told?.[0], '"message" is missing')
      assert.include(told?.[1], "not valid JSON")
      assert.include(told?.[2], 'Did you mean "echo"?')
      assert.strictEqual(outcomeOf(events).answer, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            [call("echo", ""), call("echo", '{"message": "cut off'), call("ecko", { message: "x" })],
            [call("echo", { message: "ok" })],
            "done"
          ],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("distinguishes calls whose ids are missing or duplicated", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      const ids = only(events, "ToolCallFinished").map(({ callId }) => callId)
      assert.strictEqual(new Set(ids).size, 4)
      assert.isTrue(ids.every((id) => id !== ""))
      const last = requests[2]?.messages.filter((message) => message.role === "tool")
      assert.deepStrictEqual(
        last?.map(({ content, toolCallId }) => [toolCallId, content]),
        ids.map((id, index) => [id, `Echo: ${index}`])
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            ["", "x", "x"].map((id, index) => call("echo", { message: String(index) }, id)),
            [call("echo", { message: "3" }, "x"), call("", {}, "")],
            "done"
          ],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("continues when a tool fails, times out or reports an error", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const told = only(events, "ToolCallFinished")
      assert.deepStrictEqual(
        told.map(({ isError }) => isError),
        [true, true, true]
      )
      assert.strictEqual(told[0]?.told, "The tool reports an error: no such file")
      assert.include(told[1]?.told, "lost its server in the middle of the call")
      assert.include(told[2]?.told, "is not available")
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "I could not." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("says", {}), call("loses", {}), call("gone", {})], "I could not."],
          servers: {
            main: {
              says: tool(() => Effect.succeed(text("no such file", true))),
              loses: tool(() => new McpCallFailed({ server: "main", tool: "loses", reason: "Closed", detail: "" })),
              gone: tool(() => World.unavailable("main"))
            }
          }
        })
      )
    )
  )

  it.effect("fails when a named server does not start, and releases everything", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(task({ servers: { _tag: "Named", names: ["main", "bad"] } })))
      assert.strictEqual(error._tag, "McpServerUnavailable")
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(Effect.provide(World.layer({ turns: [], servers: { main: { echo }, bad: World.unavailable("bad") } })))
  )

  it.effect("calls the tools of a server that is defined with the task, which must start even with `All`", () =>
    Effect.gen(function* () {
      const definedServers = [{ name: "own", command: "run" }]
      const events = yield* run(task({ servers: { _tag: "All" }, definedServers }))
      assert.deepInclude(only(events, "ToolCallFinished")[0], { server: "own", told: "Echo: hi" })
      const bad = [{ name: "bad", command: "run" }]
      const error = yield* Effect.flip(run(task({ servers: { _tag: "All" }, definedServers: bad })))
      assert.strictEqual(error._tag, "McpServerUnavailable")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("own__echo", { message: "hi" })], "ok"],
          servers: { main: { echo }, own: { echo }, bad: World.unavailable("bad") }
        })
      )
    )
  )

  it.effect("leaves out an unnamed server that does not start, and reports it", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ servers: { _tag: "All" } }))
      const ready = only(events, "ServersReady")[0]
      assert.deepStrictEqual(ready?.ready, [{ server: "main", tools: 1 }])
      assert.deepStrictEqual(
        ready?.missing.map(({ server, problem }) => [server, problem.tag]),
        [["bad", "McpServerUnavailable"]]
      )
      assert.deepStrictEqual(outcomeOf(events).missingServers, ready?.missing)
    }).pipe(Effect.provide(World.layer({ turns: ["ok"], servers: { main: { echo }, bad: World.unavailable("bad") } })))
  )

  it.effect("starts a server that the folder defines for another program only when it is named", () =>
    Effect.gen(function* () {
      const readied = (events: Parameters<typeof outcomeOf>[0]) => only(events, "ServersReady")[0]
      const all = readied(yield* run(task({ servers: { _tag: "All" } })))
      assert.deepStrictEqual(
        all?.ready.map(({ server }) => server),
        ["main"]
      )
      assert.deepStrictEqual(
        all?.missing.map(({ server }) => server),
        ["cloned"]
      )
      assert.include(all?.missing[0]?.problem.message, "Name the server to use it.")
      const named = readied(yield* run(task({ servers: { _tag: "Named", names: ["cloned"] } })))
      assert.deepStrictEqual(
        named?.ready.map(({ server }) => server),
        ["cloned"]
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: ["ok", "ok"],
          servers: { main: { echo }, cloned: { echo } },
          onlyByName: "cloned"
        })
      )
    )
  )

  it.effect("does not offer tools that the lock withholds, and reports them", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      assert.deepStrictEqual(only(events, "ServersReady")[0]?.ready, [
        { server: "main", tools: 1, withheld: ["changed"] }
      ])
      assert.deepStrictEqual(only(events, "ToolsOffered")[0]?.offered, ["echo"])
    }).pipe(
      Effect.provide(World.layer({ turns: ["ok"], servers: { main: { echo, changed: echo } }, withheld: ["changed"] }))
    )
  )

  it.effect("fails when the model cannot be loaded", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(task()))
      assert.strictEqual(error._tag, "ModelNotFound")
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [],
          servers: { main: { echo } },
          lease: () => new ModelNotFound({ model: "x", available: [], nearest: [] })
        })
      )
    )
  )

  it.effect("offers the tools that the task allows, with the server's name where there are several servers", () =>
    Effect.gen(function* () {
      const events = yield* run(
        task({ servers: { _tag: "All" }, allowedTools: ["echo", "other__*"], excludedTools: ["*delete*"] })
      )
      assert.deepInclude(only(events, "ToolsOffered")[0], {
        offered: ["main__echo", "other__list", "other__echo"],
        // excluded tools cannot be called
        withheld: 0
      })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: ["ok"],
          servers: { main: { echo, delete_all: echo }, other: { list: echo, echo, delete: echo } }
        })
      )
    )
  )

  it.effect("checks only the form of arguments when a schema cannot be used, and reports that once", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      assert.strictEqual(only(events, "SchemaUnusable").length, 1)
      assert.include(only(events, "SchemaUnusable")[0]?.text, "cannot be used")
      assert.strictEqual((yield* World.Seen).calls.length, 2)
      assert.strictEqual(only(events, "ToolCallRefused").length, 1)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("odd", { a: 1 }), call("odd", "[1]"), call("odd", { b: 2 })], "ok"],
          servers: {
            main: { odd: tool(() => Effect.succeed("fine"), { type: "object", properties: { a: { type: "strnig" } } }) }
          }
        })
      )
    )
  )

  it.effect(
    "does not start without a tool that was requested by name, and reports an excluded one that does not exist",
    () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(run(task({ allowedTools: ["ecko"] })))
        assert.strictEqual(error._tag, "NoSuchTool")
        assert.strictEqual(error.message, 'No tool of main is called "ecko". Did you mean echo?')
        assert.match((yield* Effect.flip(run(task({ allowedTools: ["nope*"] })))).message, /mcp tools main` lists/)
        const none = yield* Effect.flip(run(task({ servers: { _tag: "None" }, allowedTools: ["echo"] })))
        assert.include(none.message, "this run has no MCP servers")
        const { open, requests } = yield* World.Seen
        assert.deepStrictEqual([open, requests.length], [[], 0])
        const events = yield* run(task({ excludedTools: ["main__ecko"] }))
        assert.include(only(events, "Noted")[0]?.text, "Did you mean main__echo?")
        const allowed = only(yield* run(task({ approvedTools: ["echo", "ecko"] })), "Noted")
        assert.deepInclude(allowed[0], {
          kind: "allowed",
          text: 'No tool of main is called "ecko". Did you mean echo?'
        })
        // nobody will be asked about what it was meant to prevent
        const unasked = yield* Effect.flip(run(task({ excludedTools: ["echo2"], exclusionsMatch: true })))
        assert.strictEqual(unasked._tag, "NoSuchTool")
        const without = only(yield* run(task({ allowedTools: ["echo"], excludedTools: ["echo"] })), "Noted")
        assert.deepStrictEqual(
          without.map(({ text }) => text),
          ["Every tool of main is excluded, so the model works without tools."]
        )
        assert.strictEqual(outcomeOf(events).status, "done")
      }).pipe(Effect.provide(World.layer({ turns: () => "ok", servers: { main: { echo } } })))
  )

  it.effect("says that there are no servers where all of them are wanted", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ servers: { _tag: "All" } }))
      assert.include(only(events, "Noted")[0]?.text, "No MCP server is configured, so the model works without tools.")
    }).pipe(Effect.provide(World.layer({ turns: ["ok"], servers: {} })))
  )

  it.effect("reports the progress of the tool and the model, with the run's id", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      assert.strictEqual(only(events, "ToolCallProgress")[0]?.message, "half")
      assert.include(
        only(events, "Preparing").map(({ what }) => what),
        "Loading test/model"
      )
      assert.strictEqual(only(events, "ToolCallFinished")[0]?.told, events[0]?.runId)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("slow", {})], "ok"],
          lease: (options) =>
            (
              options?.onProgress?.({ _tag: "Loading", model: "test/model", way: "cli", progress: 0.5 }) ?? Effect.void
            ).pipe(Effect.as(World.ensured)),
          servers: {
            main: {
              slow: tool((_, options) =>
                (options?.onProgress?.({ progress: 1, total: 2, message: "half" }) ?? Effect.void).pipe(
                  Effect.zipRight(CurrentRunId),
                  Effect.map((id) => Option.getOrElse(id, () => "none"))
                )
              )
            }
          }
        })
      )
    )
  )

  it.effect("runs a call that the model wrote into its text", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { calls, requests } = yield* World.Seen
      assert.deepStrictEqual(calls, [{ server: "main", tool: "echo", args: { message: "hi" } }])
      // the model goes on in the form that it sees, so it is shown its own
      assert.strictEqual(
        requests[1]?.messages.at(-2)?.content,
        'Let me see.\n<tool_call>{"name": "echo", "arguments": {"message": "hi"}}</tool_call>'
      )
      assert.deepInclude(requests[1]?.messages.at(-1), { role: "user", content: "Result of echo:\nEcho: hi" })
      assert.strictEqual(outcomeOf(events).answer, "It said hi.")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            'Let me see.\n<tool_call>{"name": "echo", "arguments": {"message": "hi"}}</tool_call>',
            "It said hi."
          ],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("asks once about a call between backticks, then accepts the answer as it is", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task()))
      const { calls, requests } = yield* World.Seen
      assert.deepStrictEqual(calls, [])
      assert.strictEqual(requests.length, 2)
      assert.include(String(requests[1]?.messages.at(-1)?.content), "was not run")
      assert.deepInclude(outcome, { status: "done", answer: quotation })
    }).pipe(Effect.provide(World.layer({ turns: [quotation, quotation], servers: { main: { echo } } })))
  )
})

const quotation = 'Write `<tool_call>{"name": "echo", "arguments": {"message": "hi"}}</tool_call>` to call it.'

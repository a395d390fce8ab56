import { assert, describe, it } from "@effect/vitest"
import { McpServerUnavailable } from "#src/mcp/McpError.ts"
import { makeRunId } from "#src/observability/Correlation.ts"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { initial } from "#src/agent/rules/AgentState.ts"
import * as RunLog from "#src/agent/run/RunLog.ts"
import * as RunTools from "#src/agent/run/RunTools.ts"
import { noneAtHand } from "#src/agent/tools/SemanticRank.ts"
import { Effect } from "effect"
import { call, echo, layer, only, outcomeOf, run, Seen, task, tool, type Tool } from "../doubles.ts"

describe("tools that change during a run", () => {
  it.effect("offers a new tool in the next request, lets it be called, and forgets a removed one", () => {
    const main: Record<string, Tool> = { echo }
    main["install"] = tool(() =>
      Effect.sync(() => {
        main["fresh"] = tool(() => Effect.succeed("fresh air"))
        delete main["echo"]
        return "installed"
      })
    )
    return Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* Seen
      assert.deepStrictEqual(
        requests.map(({ tools = [] }) => tools.map(({ name }) => name)),
        [
          ["echo", "install"],
          ["install", "fresh"],
          ["install", "fresh"]
        ]
      )
      assert.strictEqual(
        only(events, "Noted").map(({ text }) => text)[0],
        "MCP server main changed its tools (new: fresh; gone: echo)."
      )
      assert.include(only(events, "ToolCallRefused")[0]?.told, 'There is no tool "echo"')
      assert.strictEqual(only(events, "ToolCallFinished")[1]?.told, "fresh air")
      assert.strictEqual(outcomeOf(events).answer, "Done.")
    }).pipe(
      Effect.provide(
        layer({
          servers: { main },
          turns: [[call("install", {})], [call("echo", { message: "x" }), call("fresh", {})], "Done."]
        })
      )
    )
  })

  it.effect("calls the new server when its entry has changed, and the others over the run's connections", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ servers: { _tag: "Named", names: ["main", "other"] } }))
      assert.deepStrictEqual(
        only(events, "ToolCallFinished").map(({ server, told }) => [server, told]),
        [
          ["main", "new"],
          ["other", "as it was"]
        ]
      )
    }).pipe(
      Effect.provide(
        layer({
          servers: {
            main: { who: tool(() => Effect.succeed("old")) },
            other: { what: tool(() => Effect.succeed("as it was")) }
          },
          renewed: { main: { who: tool(() => Effect.succeed("new")) } },
          turns: [[call("main__who", {}), call("other__what", {})], "Done."]
        })
      )
    )
  )

  it.effect("withholds new tools for which there is no room, and offers find_tools", () =>
    Effect.gen(function* () {
      const { events, setTools, tools } = yield* watched(["a", "b"], { count: 3, tokens: undefined })
      setTools(["a", "b", "c", "d", "e"])
      yield* tools.refresh
      assert.deepInclude(only(events, "ToolsOffered").at(-1), {
        offered: ["a", "b", "c", "find_tools", "call_tool"],
        withheld: 2
      })
      assert.isDefined(tools.catalog.find("e"))
      assert.isNotEmpty(tools.toolbox.search("e"))
    })
  )

  it.effect("reports nothing when a reconnected server has the same tools", () =>
    Effect.gen(function* () {
      const { events, setTools, tools } = yield* watched(["a", "b"], { count: 10, tokens: undefined })
      setTools(["a", "b"])
      const before = events.length
      yield* tools.refresh
      assert.strictEqual(events.length, before)
    })
  )

  it.effect("reports a tool whose schema has changed, and offers its new schema", () =>
    Effect.gen(function* () {
      const { events, setTools, tools } = yield* watched(["a"], { count: 10, tokens: undefined })
      setTools(["a"], { type: "object", required: ["path"] })
      yield* tools.refresh
      assert.strictEqual(only(events, "Noted")[0]?.text, "MCP server it changed its tools (changed: a).")
      assert.deepStrictEqual(tools.catalog.find("a")?.definition.parameters, {
        type: "object",
        properties: { path: {} },
        required: ["path"]
      })
    })
  )

  it.effect("keeps the tools of a server that no longer lists them, and does not ask it again until it changes", () =>
    Effect.gen(function* () {
      const { asked, setTools, tools } = yield* watched(["a"], { count: 10, tokens: undefined })
      setTools("gone")
      yield* tools.refresh
      yield* tools.refresh
      assert.isDefined(tools.catalog.find("a"))
      assert.strictEqual(asked(), 1)
    })
  )
})

/** The tools of a run with one server, whose tools the test changes. */
const watched = Effect.fnUntraced(function* (
  names: ReadonlyArray<string>,
  limits: { count: number; tokens: undefined }
) {
  const events: Array<AgentEvent> = []
  const runId = yield* makeRunId
  const log = yield* RunLog.make({
    runId,
    state: initial({ _tag: "RunStarted", task: task(), runId, seq: 0, at: 0 }),
    seq: 1,
    offer: (event) => void events.push(event),
    write: () => Effect.succeed(undefined)
  })
  const listed = (these: ReadonlyArray<string>, inputSchema: Record<string, unknown> = { type: "object" }) =>
    these.map((name) => ({ server: "it", name, description: "", inputSchema, annotations: {} }))
  const now: { edition: number; asked: number; tools: ReturnType<typeof listed> | "gone" } = {
    edition: 0,
    asked: 0,
    tools: listed(names)
  }
  const tools = yield* RunTools.make(
    [
      {
        server: "it",
        edition: "0",
        tools: listed(names),
        connection: {
          toolsEdition: Effect.sync(() => String(now.edition)),
          tools: Effect.suspend(() => {
            now.asked += 1
            return now.tools === "gone"
              ? new McpServerUnavailable({ server: "it", reason: "Exited", detail: "", stderrTail: "" })
              : Effect.succeed(now.tools)
          })
        }
      }
    ],
    log,
    { ...limits, inLines: false, lines: 24, nameTokens: 0, contextLength: undefined },
    () => Effect.succeed(noneAtHand)
  )
  const setTools = (next: ReadonlyArray<string> | "gone", schema?: Record<string, unknown>) => {
    now.edition += 1
    now.tools = typeof next === "string" ? next : listed(next, schema)
  }
  return { tools, events, setTools, asked: () => now.asked }
})

import { assert, describe, it } from "@effect/vitest"
import { Settings } from "@lms-bridge/core/Settings"
import { McpServerNotFound } from "@lms-bridge/core/McpRegistry"
import { discoverAndExecute, tools, withMcp, withMultipleMcps } from "#src/tools/AgentTools.ts"
import { Runs } from "#src/runs/Runs.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Effect, Layer } from "effect"
import { callTool, connected, textOf, whileTimePasses } from "../connected.ts"

const aRun = AgentLoopTest.oneCall({
  server: "filesystem",
  tool: "list_directory",
  arguments: { path: "/notes" },
  result: "a.md",
  answer: "There is a.md."
})

const loop = (script: Parameters<typeof AgentLoopTest.layerTest>[0]) =>
  Runs.layer.pipe(
    Layer.provideMerge(
      Layer.merge(AgentLoopTest.layerTest(script), Settings.layerWith({ maxRounds: 7, maxToolCalls: 9 }))
    )
  )

describe("tools that delegate a task", () => {
  it.scoped("return the answer with the whole account of the run", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "autonomous_with_mcp", { mcp_name: "filesystem", task: "List the notes" })
      assert.isUndefined(result.isError)
      assert.deepInclude(result.structuredContent, {
        answer: "There is a.md.",
        status: "done",
        runId: AgentLoopTest.testRunId,
        rounds: 2,
        model: "test/model",
        usage: { inputTokens: 100, outputTokens: 10 },
        toolCalls: [{ round: 1, server: "filesystem", tool: "list_directory", isError: false, millis: 12 }]
      })
      assert.strictEqual(result.content[0]?.text, "There is a.md.")
      assert.include(result.content[1]?.text, "2 rounds · 1 tool call (list_directory)")
    }).pipe(Effect.provide(loop(aRun)))
  )

  it.scoped("pass on the servers, the model and the budgets, and take the rest from the settings", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      yield* callTool(client, withMcp.name, {
        mcp_name: "a",
        task: "t",
        model: "qwen",
        fallback: ["llama", "gemma"],
        max_rounds: 10_000,
        max_tokens: 99
      })
      assert.notProperty(withMcp.inputSchema.properties["max_rounds"], "default")
      yield* callTool(client, withMultipleMcps.name, { mcp_names: ["a", "b", "a"], task: "t", max_tokens: "auto" })
      yield* callTool(client, discoverAndExecute.name, { task: "t" })
      const [one, several, all] = yield* asked.tasks
      assert.deepStrictEqual(one, {
        task: "t",
        servers: { _tag: "Named", names: ["a"] },
        budgets: { rounds: 10_000, wallMillis: 600_000, toolCalls: 9 },
        model: "qwen",
        fallback: ["llama", "gemma"],
        maxTokens: 99
      })
      assert.deepStrictEqual(several?.servers, { _tag: "Named", names: ["a", "b"] })
      assert.isUndefined(several?.maxTokens)
      assert.strictEqual(several?.budgets.rounds, 7)
      assert.deepStrictEqual(all?.servers, { _tag: "All" })
    }).pipe(Effect.provide(loop(aRun)))
  )

  it.scoped("report progress in lines for a person", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const seen: Array<string | undefined> = []
      yield* whileTimePasses(
        Effect.promise(() =>
          client.callTool({ name: withMcp.name, arguments: { mcp_name: "filesystem", task: "t" } }, undefined, {
            onprogress: ({ message }) => seen.push(message)
          })
        )
      )
      assert.deepStrictEqual(seen, [
        "autonomous_with_mcp: started",
        "1 server, 1 tool",
        "test/model is ready, context 8192",
        "round 1: list_directory; 13 tok/s",
        "round 2: answered; 13 tok/s"
      ])
    }).pipe(Effect.provide(loop(aRun)))
  )

  it.scoped("a budget that ends a run is a result, with the best answer", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, withMcp.name, { mcp_name: "a", task: "t" })
      assert.isUndefined(result.isError)
      assert.deepInclude(result.structuredContent, { status: "budget", budget: "rounds", answer: "As far as I got." })
      assert.include(textOf(result), "ended by its budget of rounds, best answer so far")
    }).pipe(
      Effect.provide(
        loop([
          {
            _tag: "RunFinished",
            outcome: AgentLoopTest.outcome("As far as I got.", { status: "budget", budget: "rounds" })
          }
        ])
      )
    )
  )

  it.scoped("a failed run is an error that keeps its account", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, withMcp.name, { mcp_name: "a", task: "t" })
      assert.isTrue(result.isError)
      assert.deepInclude(result.structuredContent, { status: "failed", answer: "Half of it." })
      assert.deepNestedInclude(result.structuredContent, {
        "error._tag": "ModelCrashed",
        // the sentence alone; the account is in its own fields
        "error.message": "The model crashed."
      })
      assert.include(textOf(result), "The model crashed.")
      assert.include(textOf(result), "Half of it.")
    }).pipe(
      Effect.provide(
        loop([
          {
            _tag: "RunFinished",
            outcome: AgentLoopTest.outcome("Half of it.", {
              status: "failed",
              problem: { tag: "ModelCrashed", message: "The model crashed." }
            })
          }
        ])
      )
    )
  )

  it.scoped("an unavailable server is an error with its tag and its hint", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, withMcp.name, { mcp_name: "filesystm", task: "t" })
      assert.isTrue(result.isError)
      assert.deepNestedInclude(result.structuredContent, {
        "error._tag": "McpServerNotFound",
        "error.retryable": false
      })
      assert.include(textOf(result), "Did you mean filesystem?")
    }).pipe(
      Effect.provide(
        loop([
          {
            _tag: "Fail",
            error: new McpServerNotFound({
              server: "filesystm",
              available: ["filesystem"],
              nearest: ["filesystem"],
              path: "/home/mcp.json"
            })
          }
        ])
      )
    )
  )

  it.scoped("a task that is empty, too many rounds, or a list of no servers never reach the loop", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const empty = yield* callTool(client, withMcp.name, { mcp_name: "a", task: "" })
      const many = yield* callTool(client, withMcp.name, { mcp_name: "a", task: "t", max_rounds: 10_001 })
      const none = yield* callTool(client, withMultipleMcps.name, { mcp_names: [], task: "t" })
      assert.include(textOf(empty), '"task"')
      assert.include(textOf(many), '"max_rounds" must be a number between 1 and 10000, not 10001')
      assert.include(textOf(none), '"mcp_names": name at least one MCP server')
      assert.deepStrictEqual(yield* asked.tasks, [])
    }).pipe(Effect.provide(loop(aRun)))
  )

  it.scoped("a cancelled call stops the run", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const controller = new AbortController()
      const call = Effect.exit(
        Effect.tryPromise(() =>
          client.callTool({ name: withMcp.name, arguments: { mcp_name: "a", task: "t" } }, undefined, {
            signal: controller.signal,
            onprogress: ({ message }) => {
              if (message?.includes("1 server") === true) controller.abort()
            }
          })
        )
      )
      yield* whileTimePasses(call)
      yield* whileTimePasses(
        Effect.repeat(Effect.yieldNow(), { until: () => Effect.map(asked.interrupted, (n) => n === 1) })
      )
    }).pipe(
      Effect.provide(
        loop([{ _tag: "ServersReady", ready: [{ server: "a", tools: 1 }], missing: [] }, { _tag: "Never" }])
      )
    )
  )
})

import { assert, describe, it } from "@effect/vitest"
import { type AgentEvent, stamp } from "@lms-bridge/core/AgentEvent"
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import { RunId, RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings } from "@lms-bridge/core/Settings"
import { McpServerNotFound } from "@lms-bridge/core/McpRegistry"
import * as AgentTools from "#src/tools/AgentTools.ts"
import { Runs } from "#src/runs/Runs.ts"
import * as RunTools from "#src/tools/RunTools.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { callTool, connected, settle, textOf, whileTimePasses } from "../connected.ts"

const tools = [...AgentTools.tools, ...RunTools.tools]

const runs = (script: Parameters<typeof AgentLoopTest.layerTest>[0]) =>
  Runs.layer.pipe(Layer.provideMerge(Layer.merge(AgentLoopTest.layerTest(script), Settings.layerWith({}))))

const aRun = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
})

/** One call, then two minutes of thinking, then the answer. */
const slowly: ReadonlyArray<AgentLoopTest.Step> = [
  ...aRun.slice(0, 7),
  { _tag: "Wait", duration: "2 minutes" },
  ...aRun.slice(7)
]

const runId = AgentLoopTest.testRunId

describe("runs", () => {
  it.scoped("run_start answers at once, run_result waits for the end", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools, { client: "claude-code" })
      const started = yield* callTool(client, "run_start", { task: "t", mcp_names: ["files"] })
      assert.deepInclude(started.structuredContent, { runId, status: "running" })
      const waiting = yield* Effect.fork(callTool(client, "run_result", { run_id: runId, wait_seconds: 300 }))
      yield* settle
      yield* TestClock.adjust("2 minutes")
      const result = yield* Fiber.join(waiting)
      assert.deepInclude(result.structuredContent, { status: "done", answer: "There is a.md." })
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("run_result gives up waiting and returns the account so far", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      yield* callTool(client, "run_start", { task: "t" })
      yield* settle
      const now = yield* callTool(client, "run_result", { run_id: runId, wait_seconds: 0 })
      assert.deepInclude(now.structuredContent, {
        status: "running",
        rounds: 1,
        model: "test/model",
        usage: { inputTokens: 50, outputTokens: 5 },
        toolCalls: [{ round: 1, server: "files", tool: "list_directory", isError: false, millis: 12 }]
      })
      assert.include(textOf(now), `Ask run_result for ${runId} later`)
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("run_cancel stops the run and returns what it did; it is unfinished, as in its journal", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      yield* callTool(client, "run_start", { task: "t" })
      yield* settle
      const cancelled = yield* callTool(client, "run_cancel", { run_id: runId })
      assert.deepInclude(cancelled.structuredContent, { status: "unfinished", rounds: 1 })
      assert.strictEqual(yield* asked.interrupted, 1)
      const later = yield* callTool(client, "run_result", { run_id: runId })
      assert.deepInclude(later.structuredContent, { status: "unfinished" })
      assert.include(textOf(later), `run_start with follows: "${runId}" and no task continues it`)
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("run_cancel in the middle of a call names the call, and says that its effect is not known", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      yield* callTool(client, "run_start", { task: "t" })
      yield* settle
      const cancelled = yield* callTool(client, "run_cancel", { run_id: runId })
      assert.deepNestedInclude(cancelled.structuredContent, {
        "toolCalls[0].tool": "list_directory",
        "toolCalls[0].uncertain": true
      })
      assert.match(textOf(cancelled), /It is not known whether this took effect, .*: list_directory\./)
    }).pipe(Effect.provide(runs([...aRun.slice(0, 6), { _tag: "Never" }])))
  )

  it.scoped("run_status lists the runs with their progress", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      assert.strictEqual(textOf(yield* callTool(client, "run_status")), "There are no runs.")
      yield* callTool(client, "run_start", { task: "Count the bees" })
      yield* settle
      const listed = yield* callTool(client, "run_status")
      assert.deepNestedInclude(listed.structuredContent, {
        "runs[0].task": "Count the bees",
        "runs[0].status": "running"
      })
      assert.include(textOf(listed), "round 1: list_directory is done")
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("an unknown id is an error that names the known ones", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      yield* callTool(client, "run_start", { task: "t" })
      for (const name of ["run_status", "run_result", "run_cancel"]) {
        const result = yield* callTool(client, name, { run_id: "run_other" })
        assert.deepNestedInclude(result.structuredContent, { "error._tag": "RunNotFound" }, name)
        assert.include(textOf(result), runId)
      }
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("run_start continues another run, and requires JSON if it is given a schema", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const output_schema = { type: "object", properties: { n: { type: "integer" } } }
      const before = RunId.make("run_before0000000000")
      const journal = yield* RunJournal
      const task = {
        task: "before",
        servers: { _tag: "Named" as const, names: ["files"] },
        model: "test/model",
        approvedTools: ["*"],
        budgets: { rounds: 1, wallMillis: 1000, toolCalls: 1 }
      }
      yield* Effect.scoped(
        Effect.flatMap(journal.open(before), (write) => write([stamp({ _tag: "RunStarted", task }, before, 0, 0)]))
      )
      yield* callTool(client, "run_start", { task: "t", follows: "run_before", output_schema })
      const [asked] = yield* Effect.flatMap(AgentLoopTest.AgentLoopCalls, ({ tasks }) => tasks)
      assert.deepInclude(asked, {
        task: "t",
        follows: { run: before },
        servers: task.servers,
        model: "test/model",
        outputSchema: output_schema
      })
      assert.notProperty(asked, "approvedTools")
      const done = yield* callTool(client, "run_result", { run_id: runId })
      assert.deepInclude(done.structuredContent, { status: "budget", answer: '{"n":1}' })
      assert.include(textOf(done), `run_start with follows: "${runId}" and no task continues it`)
      const wrong = yield* callTool(client, "run_start", { task: "t", output_schema: { type: "objekt" } })
      assert.isTrue(wrong.isError)
      assert.include(textOf(wrong), "is not a valid JSON Schema: /type")
    }).pipe(
      Effect.provide(
        runs([
          {
            _tag: "RunFinished",
            outcome: AgentLoopTest.outcome('So: {"n":1}', { status: "budget", budget: "rounds", structured: { n: 1 } })
          }
        ])
      )
    )
  )

  it.scoped("a run that cannot begin is an error of run_start, and not listed", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "run_start", { task: "t" })
      assert.deepInclude(result.structuredContent, { status: "running" })
      const end = yield* callTool(client, "run_result", { run_id: runId })
      assert.isTrue(end.isError)
      assert.deepNestedInclude(end.structuredContent, { "error._tag": "McpServerNotFound", status: "failed" })
    }).pipe(
      Effect.provide(
        runs([
          { _tag: "Fail", error: new McpServerNotFound({ server: "x", available: [], nearest: [], path: "/mcp.json" }) }
        ])
      )
    )
  )

  it.scoped("what cannot start is refused at once, and there is no run", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const refused = yield* callTool(client, "run_start", { task: "t", mcp_names: ["flies"] })
      assert.isTrue(refused.isError)
      assert.deepNestedInclude(refused.structuredContent, { "error._tag": "McpServerNotFound" })
      assert.include(textOf(refused), "Did you mean files?")
      assert.strictEqual(textOf(yield* callTool(client, "run_status")), "There are no runs.")
    }).pipe(
      Effect.provide(
        Runs.layer.pipe(
          Layer.provide(
            Layer.effect(
              AgentLoop,
              Effect.map(AgentLoop, (loop) => ({
                ...loop,
                check: () =>
                  new McpServerNotFound({
                    server: "flies",
                    available: ["files"],
                    nearest: ["files"],
                    path: "/mcp.json"
                  })
              }))
            )
          ),
          Layer.provideMerge(AgentLoopTest.layerTest(slowly)),
          Layer.provideMerge(Settings.layerWith({}))
        )
      )
    )
  )

  it.scoped("run_status says why a run failed", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      yield* callTool(client, "run_start", { task: "Count the bees" })
      yield* callTool(client, "run_result", { run_id: runId })
      const listed = yield* callTool(client, "run_status")
      assert.deepNestedInclude(listed.structuredContent, {
        "runs[0].status": "failed",
        "runs[0].task": "Count the bees",
        "runs[0].progress": "It is away. `health_check` says why."
      })
      assert.include(textOf(listed), "It failed: It is away.")
    }).pipe(
      Effect.provide(
        runs([
          {
            _tag: "RunFinished",
            outcome: AgentLoopTest.outcome("", {
              status: "failed",
              problem: { tag: "LmStudioUnreachable", message: "It is away. `lms-bridge doctor` says why." }
            })
          }
        ])
      )
    )
  )

  it.scoped("a call detaches before the client gives up, and the run continues to its end", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools, { client: "claude-ai" })
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const call = yield* Effect.fork(callTool(client, "autonomous_with_mcp", { mcp_name: "files", task: "t" }))
      yield* settle
      yield* TestClock.adjust("49 seconds")
      yield* settle
      assert.isTrue((yield* Fiber.poll(call))._tag === "None")
      yield* TestClock.adjust("1 second")
      const detached = yield* Fiber.join(call)
      assert.isUndefined(detached.isError)
      assert.deepInclude(detached.structuredContent, { runId, status: "running", rounds: 1 })
      yield* TestClock.adjust("70 seconds")
      yield* settle
      assert.deepInclude((yield* callTool(client, "run_result", { run_id: runId })).structuredContent, {
        status: "done",
        answer: "There is a.md."
      })
      assert.strictEqual(yield* asked.interrupted, 0)
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("run_result does not wait longer than the client does, whatever wait_seconds is", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools, { client: "claude-ai" })
      yield* callTool(client, "run_start", { task: "t" })
      const waiting = yield* Effect.fork(callTool(client, "run_result", { run_id: runId, wait_seconds: 3600 }))
      yield* settle
      yield* TestClock.adjust("50 seconds")
      assert.deepInclude((yield* Fiber.join(waiting)).structuredContent, { status: "running" })
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("a call of a client that waits as long as progress arrives does not detach", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools, { client: "claude-code" })
      const call = yield* Effect.fork(callTool(client, "autonomous_with_mcp", { mcp_name: "files", task: "t" }))
      yield* settle
      yield* TestClock.adjust("2 minutes")
      const result = yield* whileTimePasses(Fiber.join(call))
      assert.deepInclude(result.structuredContent, { status: "done" })
    }).pipe(Effect.provide(runs(slowly)))
  )
})

describe("runs of other processes", () => {
  const old = RunId.make("run_old0000000000000")
  const budgets = { rounds: 50, wallMillis: 60_000, toolCalls: 100 }
  const begun = stamp(
    { _tag: "RunStarted", task: { task: "Count the bees", servers: { _tag: "None" }, budgets } },
    old,
    0,
    1000
  )
  const oneCall = aRun.flatMap((step, index) =>
    step._tag === "Wait" || step._tag === "Fail" || step._tag === "Never"
      ? []
      : [stamp(step, old, index + 1, 2000 + index)]
  )
  const keep = Effect.fnUntraced(function* (events: ReadonlyArray<AgentEvent>) {
    const journal = yield* RunJournal
    yield* Effect.scoped(Effect.flatMap(journal.open(old), (write) => write(events)))
  })

  it.scoped(
    "a run of an earlier process is listed and reported with its outcome, by its id or the beginning of it",
    () =>
      Effect.gen(function* () {
        yield* keep([begun, ...oneCall])
        yield* TestClock.adjust("1 hour")
        const { client } = yield* connected(tools)
        yield* callTool(client, "run_start", { task: "t" })
        const listed = yield* callTool(client, "run_status")
        assert.deepNestedInclude(listed.structuredContent, {
          "runs[1].runId": old,
          "runs[1].task": "Count the bees",
          "runs[1].status": "done"
        })
        for (const run_id of [old, "run_old"]) {
          const result = yield* callTool(client, "run_result", { run_id })
          assert.deepInclude(result.structuredContent, {
            runId: old,
            status: "done",
            answer: "There is a.md.",
            rounds: 2
          })
        }
        const cancelled = yield* callTool(client, "run_cancel", { run_id: old })
        assert.deepInclude(cancelled.structuredContent, { status: "done" })
      }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("a run whose process was killed is unfinished, with what it did and how to continue", () =>
    Effect.gen(function* () {
      yield* keep([begun, ...oneCall.slice(0, 7)])
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "run_result", { run_id: old, wait_seconds: 60 })
      assert.deepNestedInclude(result.structuredContent, {
        status: "unfinished",
        "toolCalls[0].tool": "list_directory"
      })
      assert.include(textOf(result), `run_start with follows: "${old}" and no task continues it`)
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("a run that could not begin has failed for every process, and says why", () =>
    Effect.gen(function* () {
      const problem = { tag: "ModelNotFound", message: 'There is no model "x".' }
      yield* keep([begun, stamp({ _tag: "RunFailed", problem }, old, 1, 2000)])
      const { client } = yield* connected(tools)
      for (const args of [{}, { run_id: old }]) {
        const listed = yield* callTool(client, "run_status", args)
        assert.include(textOf(listed), `It failed: ${problem.message}`)
        assert.deepNestedInclude(listed.structuredContent, { "runs[0].runId": old, "runs[0].status": "failed" })
      }
      const result = yield* callTool(client, "run_result", { run_id: old })
      assert.isTrue(result.isError)
      assert.deepNestedInclude(result.structuredContent, { "error._tag": "ModelNotFound", status: "failed" })
      assert.include(textOf(result), problem.message)
    }).pipe(Effect.provide(runs(slowly)))
  )

  it.scoped("a run of another process is waited for, and cannot be stopped from here", () =>
    Effect.gen(function* () {
      const journal = yield* RunJournal
      const write = yield* journal.open(old)
      yield* write([begun, ...oneCall.slice(0, 7)])
      const { client } = yield* connected(tools, { client: "claude-code" })
      const refused = yield* callTool(client, "run_cancel", { run_id: old })
      assert.deepNestedInclude(refused.structuredContent, { "error._tag": "RunInProgress" })
      const waiting = yield* Effect.fork(callTool(client, "run_result", { run_id: old, wait_seconds: 300 }))
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.isTrue((yield* Fiber.poll(waiting))._tag === "None")
      yield* write(oneCall.slice(7))
      yield* TestClock.adjust("1 second")
      const result = yield* Fiber.join(waiting)
      assert.deepInclude(result.structuredContent, { status: "done", answer: "There is a.md." })
    }).pipe(Effect.provide(runs(slowly)))
  )
})

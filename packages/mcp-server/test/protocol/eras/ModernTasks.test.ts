import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Json, type RpcError, start } from "../../conformance/stdioDriver.ts"

const meta = (capabilities: Json): Json => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "driver", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": capabilities
})

const extension = { "io.modelcontextprotocol/tasks": {} }

const client = Effect.gen(function* () {
  const driver = yield* start()
  const ask = (
    method: string,
    params: Json = {},
    capabilities: Json = { extensions: extension, elicitation: { form: {} } }
  ) => driver.request(method, { ...params, _meta: meta(capabilities) })
  const call = (name: string, args: Json = {}, capabilities?: Json) =>
    ask("tools/call", { name, arguments: args }, capabilities)
  const until = (taskId: unknown, status: string): Effect.Effect<Json, RpcError> =>
    Effect.flatMap(ask("tasks/get", { taskId }), (task) =>
      task["status"] === status ? Effect.succeed(task) : Effect.delay(until(taskId, status), "50 millis")
    )
  return { ...driver, ask, call, until }
})

describe("tasks in revision 2026-07-28", { timeout: 60_000 }, () => {
  it.scopedLive("are made of long calls of clients that know them, and of no others", () =>
    Effect.gen(function* () {
      const { ask, call, garbage, until } = yield* client
      const { capabilities } = yield* ask("server/discover")
      assert.deepNestedInclude(capabilities as Json, {
        extensions: { ...extension, "io.modelcontextprotocol/skills": { directoryRead: true } }
      })
      assert.notProperty(capabilities, "tasks")

      const task = yield* call("slow_compute", { seconds: 1, label: "it" })
      assert.deepInclude(task, { resultType: "task", status: "working", pollIntervalMs: 2000, ttlMs: 3_600_000 })
      assert.notProperty(task, "content")
      assert.deepInclude(yield* ask("tasks/get", { taskId: task["taskId"] }), {
        resultType: "complete",
        status: "working"
      })
      const done = yield* until(task["taskId"], "completed")
      assert.deepNestedInclude(done, { "result.content[0].text": "Computed it." })

      // one that is done at once is answered at once, and without the extension every one is
      for (const result of [
        yield* call("slow_compute", { seconds: 0, label: "it" }),
        yield* call("greet", { name: "you" }),
        yield* call("slow_compute", { seconds: 1, label: "it" }, {})
      ]) {
        assert.strictEqual(result["resultType"], "complete")
        assert.isArray(result["content"])
      }
      assert.deepStrictEqual(garbage, [])
    })
  )

  it.scopedLive(
    "ask with a key for each question, take each answer once, and have completed when the tool failed",
    () =>
      Effect.gen(function* () {
        const { ask, call, until } = yield* client
        const two = yield* call("multi_input")
        const { taskId } = two
        assert.deepInclude(two, { resultType: "task", status: "input_required" })
        assert.notProperty(two, "inputRequests")
        const asked = (yield* until(taskId, "input_required"))["inputRequests"] as Json
        const [first = "", second = "", ...more] = Object.keys(asked)
        assert.deepStrictEqual(more, [])
        assert.deepNestedInclude(asked[first] as Json, { method: "elicitation/create", "params.mode": "form" })

        const accepted = { action: "accept", content: { confirm: true } }
        const ack = yield* ask("tasks/update", { taskId, inputResponses: { [first]: accepted, unknown: accepted } })
        assert.strictEqual(ack["resultType"], "complete")
        assert.notProperty(ack, "taskId")
        yield* Effect.sleep("50 millis")
        const left = yield* ask("tasks/get", { taskId })
        assert.deepStrictEqual(
          [left["status"], Object.keys(left["inputRequests"] as Json)],
          ["input_required", [second]]
        )
        // again, and what is no answer
        yield* ask("tasks/update", { taskId, inputResponses: { [first]: { action: "decline" }, [second]: "yes" } })
        yield* ask("tasks/update", { taskId, inputResponses: { [second]: { action: "decline" } } })
        assert.deepNestedInclude(yield* until(taskId, "completed"), {
          "result.content[0].text": 'accept {"confirm":true}, decline undefined'
        })

        const failing = yield* call("failing_job")
        assert.deepNestedInclude(yield* until(failing["taskId"], "completed"), { "result.isError": true })

        // nobody can be asked: the tool is told
        const alone = yield* call("confirm_delete", {}, { extensions: extension })
        assert.strictEqual(alone["isError"], true)
      })
  )

  it.scopedLive("are cancelled, and are known only to clients that know tasks", () =>
    Effect.gen(function* () {
      const { ask, call, until } = yield* client
      const { taskId } = yield* call("slow_compute", { seconds: 60, label: "it" })
      const ack = yield* ask("tasks/cancel", { taskId })
      assert.strictEqual(ack["resultType"], "complete")
      const task = yield* until(taskId, "cancelled")
      assert.notProperty(task, "result")
      assert.strictEqual((yield* ask("tasks/cancel", { taskId }))["resultType"], "complete")

      const broken = yield* call("protocol_error_job")
      assert.deepNestedInclude(yield* until(broken["taskId"], "failed"), { "error.code": -32_603 })

      for (const method of ["tasks/get", "tasks/cancel", "tasks/update"]) {
        const params = { taskId, inputResponses: {} }
        assert.deepInclude(yield* Effect.flip(ask(method, params, {})), { code: -32_021 }, method)
        assert.deepInclude(yield* Effect.flip(ask(method, { ...params, taskId: "none" })), { code: -32_602 }, method)
      }
      for (const method of ["tasks/result", "tasks/list"]) {
        assert.deepInclude(yield* Effect.flip(ask(method, { taskId })), { code: -32_601 }, method)
      }
    })
  )
})

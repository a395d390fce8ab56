import { assert, describe, it } from "@effect/vitest"
import * as TaskCall from "#src/mcp/connection/TaskCall.ts"
import { Duration, Effect, Fiber, Ref, TestClock } from "effect"

const facts = { server: "s", tool: "t", total: Duration.minutes(5) }

/** A server with tasks that sends these answers, and the requests that it received. */
const serverOf = Effect.fnUntraced(function* (answers: Readonly<Record<string, ReadonlyArray<unknown>>>) {
  const asked = yield* Ref.make<ReadonlyArray<string>>([])
  const request: TaskCall.Request<never> = (method, params) =>
    Ref.modify(asked, (before) => {
      const count = before.filter((other) => other.startsWith(method)).length
      const all = answers[method] ?? []
      return [all[Math.min(count, all.length - 1)], [...before, `${method} ${JSON.stringify(params)}`]]
    })
  return { request, asked: Ref.get(asked) }
})

const working = { taskId: "7", status: "working", pollInterval: 200 }
const done = { content: [{ type: "text", text: "seven apples" }] }

describe("TaskCall", () => {
  it.effect("creates the task, polls it at the server's interval, and fetches its result", () =>
    Effect.gen(function* () {
      const told: Array<string | undefined> = []
      const { asked, request } = yield* serverOf({
        "tools/call": [{ task: working }],
        "tasks/get": [working, { ...working, statusMessage: "counting" }, { ...working, status: "completed" }],
        "tasks/result": [done]
      })
      const fiber = yield* Effect.fork(
        TaskCall.call(
          request,
          facts,
          { a: 1 },
          {
            onProgress: ({ message }) => Effect.sync(() => void told.push(message))
          }
        )
      )
      yield* TestClock.adjust("600 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), done)
      assert.deepStrictEqual(yield* asked, [
        'tools/call {"name":"t","arguments":{"a":1},"task":{"ttl":300000}}',
        'tasks/get {"taskId":"7"}',
        'tasks/get {"taskId":"7"}',
        'tasks/get {"taskId":"7"}',
        'tasks/result {"taskId":"7"}'
      ])
      assert.deepStrictEqual(told, ["working", "counting", "completed"])
    })
  )

  it.effect("treats an answer without a task as the result", () =>
    Effect.gen(function* () {
      const { request } = yield* serverOf({ "tools/call": [done] })
      assert.deepStrictEqual(yield* TaskCall.call(request, facts, {}, {}), done)
    })
  )

  it.effect("fetches the result of a task that failed or has a question, because it says more", () =>
    Effect.gen(function* () {
      for (const status of ["failed", "input_required"]) {
        const { request } = yield* serverOf({
          "tools/call": [{ task: { ...working, status } }],
          "tasks/result": [done]
        })
        assert.deepStrictEqual(yield* TaskCall.call(request, facts, {}, {}), done)
      }
    })
  )

  it.effect("fails if the task was cancelled or is no longer known", () =>
    Effect.gen(function* () {
      const cancelled = yield* serverOf({
        "tools/call": [{ task: { ...working, status: "cancelled", statusMessage: "The disk is full." } }]
      })
      assert.include(
        (yield* Effect.flip(Effect.asVoid(TaskCall.call(cancelled.request, facts, {}, {})))).message,
        "The disk is full."
      )
      const lost = yield* serverOf({ "tools/call": [{ task: working }], "tasks/get": [{}] })
      const fiber = yield* Effect.fork(Effect.flip(Effect.asVoid(TaskCall.call(lost.request, facts, {}, {}))))
      yield* TestClock.adjust("1 second")
      assert.include((yield* Fiber.join(fiber)).message, "no longer knows the task")
    })
  )

  it.effect("cancels the task at its server when the call is interrupted or takes too long", () =>
    Effect.gen(function* () {
      const endless = { "tools/call": [{ task: working }], "tasks/get": [working], "tasks/cancel": [{}] }
      const first = yield* serverOf(endless)
      const fiber = yield* Effect.fork(TaskCall.call(first.request, facts, {}, {}))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* first.asked).at(-1), 'tasks/cancel {"taskId":"7"}')
      const second = yield* serverOf(endless)
      const late = yield* Effect.fork(Effect.flip(Effect.asVoid(TaskCall.call(second.request, facts, {}, {}))))
      yield* TestClock.adjust("6 minutes")
      assert.deepInclude(yield* Fiber.join(late), { reason: "Timeout" })
      assert.strictEqual((yield* second.asked).at(-1), 'tasks/cancel {"taskId":"7"}')
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as ServerTasks from "#src/protocol/ServerTasks.ts"
import * as Tool from "#src/tools/Tool.ts"
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js"
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { CreateTaskResultSchema } from "@modelcontextprotocol/sdk/types.js"
import { Deferred, Effect, Exit, Schema, Scope } from "effect"
import { connected, settle, textOf, type Result } from "../connected.ts"

const tool = <R>(
  long: boolean,
  handler: (progress: Tool.Progress) => Effect.Effect<{ readonly done: boolean }, Tool.Failure, R>
) =>
  Tool.make({
    name: "work",
    title: "Work",
    description: "Works.",
    annotations: Tool.acts,
    long,
    input: Schema.Struct({}),
    output: Schema.Struct({ done: Schema.Boolean }),
    text: () => ["It is done."],
    handler: (_, progress) => handler(progress)
  })

const start = (client: Client) =>
  Effect.promise(() =>
    client.request(
      { method: "tools/call", params: { name: "work", arguments: {}, task: { ttl: 60_000 } } },
      CreateTaskResultSchema
    )
  ).pipe(Effect.map(({ task }) => task))

describe("tool calls as tasks", () => {
  it.scoped("answer at once, report their state, and keep their result", () =>
    Effect.gen(function* () {
      const finish = yield* Deferred.make<void>()
      const { client } = yield* connected([
        tool(true, (progress) =>
          progress
            .tell("half way")
            .pipe(Effect.zipRight(Deferred.await(finish)), Effect.zipRight(Effect.succeed({ done: true })))
        )
      ])
      const { status, taskId } = yield* start(client)
      assert.strictEqual(status, "working")
      yield* settle
      const half = yield* Effect.promise(() => client.experimental.tasks.getTask(taskId))
      assert.deepInclude(half, { status: "working", statusMessage: "half way" })
      yield* Deferred.succeed(finish, undefined)
      const result = yield* Effect.promise(() => client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema))
      assert.deepStrictEqual(result.structuredContent, { done: true })
      assert.strictEqual((yield* Effect.promise(() => client.experimental.tasks.getTask(taskId))).status, "completed")
      const { tasks } = yield* Effect.promise(() => client.experimental.tasks.listTasks())
      assert.deepStrictEqual(
        tasks.map(({ taskId }) => taskId),
        [taskId]
      )
    })
  )

  it.scoped("that fail are failed tasks whose result is the error", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([tool(true, () => Effect.fail({ _tag: "Broke", message: "It broke." }))])
      const { taskId } = yield* start(client)
      const result = yield* Effect.promise(() => client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema))
      assert.isTrue(result.isError)
      assert.strictEqual(textOf(result as Result), "It broke.")
      assert.strictEqual((yield* Effect.promise(() => client.experimental.tasks.getTask(taskId))).status, "failed")
    })
  )

  it.scoped("that are cancelled are interrupted", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const { client } = yield* connected([
        tool(true, () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined)))
      ])
      const { taskId } = yield* start(client)
      yield* Effect.promise(() => client.experimental.tasks.cancelTask(taskId))
      yield* Deferred.await(ended)
      assert.strictEqual((yield* Effect.promise(() => client.experimental.tasks.getTask(taskId))).status, "cancelled")
    })
  )

  it.scoped("end when the client leaves", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const { client } = yield* connected([
        tool(true, () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined)))
      ])
      yield* start(client)
      yield* Effect.promise(() => client.close())
      yield* Deferred.await(ended)
    })
  )

  it.scoped("are for tools that may take long; others refuse, and say so in their list", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([tool(false, () => Effect.succeed({ done: true }))])
      const { tools } = yield* Effect.promise(() => client.listTools())
      assert.isUndefined(tools[0]?.execution)
      const answer = yield* Effect.promise(() =>
        client
          .request({ method: "tools/call", params: { name: "work", task: {} } }, CreateTaskResultSchema)
          .then(() => "accepted", String)
      )
      assert.include(answer, "cannot be called as a task")
    })
  )
})

describe("the end of a server", () => {
  it.effect("does not wait until its tasks are forgotten", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const tasks = yield* Scope.extend(ServerTasks.make, scope)
      yield* tasks.start({ owner: "ada" }, () => Effect.never)
      yield* tasks.start({ owner: "ada" }, () => Effect.interrupt)
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import * as Session from "#src/agent/Session.ts"
import { Effect, Fiber, Stream, TestClock } from "effect"
import * as World from "./doubles.ts"

const { task } = World

/** The tasks in turn, by the loop itself. `index` of `onEvent` is the task's place. */
const run = (
  tasks: ReadonlyArray<AgentTask>,
  onEvent: (event: AgentEvent, index: number) => Effect.Effect<void> = () => Effect.void
) =>
  Effect.flatMap(AgentLoop, (loop) =>
    Session.inTurn(
      tasks.map((task) => Effect.succeed(task)),
      Effect.fnUntraced(function* (task, index) {
        const events = yield* Stream.runCollect(Stream.tap(loop.run(task), (event) => onEvent(event, index)))
        const last = [...events].find((event) => event._tag === "RunFinished")
        const { outcome, runId } = last ?? (yield* Effect.dieMessage("The run ended without an outcome."))
        return { runId, outcome }
      })
    )
  )

const emptyReply = "Your reply was empty. Do the next step of the task, or give the answer from what you know by now."

describe("Session", () => {
  it.effect("gives each task the conversation of the earlier ones, and returns one result each", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const results = yield* run(
        [task({ task: "My name is Ada." }), task({ task: "What is my name?" })],
        (event, index) => Effect.sync(() => event._tag === "RunFinished" && seen.push(index))
      )
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(
        requests[1]?.messages.slice(1).map(({ content }) => content),
        ["My name is Ada.", "Hello, Ada.", "What is my name?"]
      )
      assert.deepStrictEqual(
        results.map((result) => (result._tag === "Ran" ? result.outcome.answer : result.problem)),
        ["Hello, Ada.", "Ada."]
      )
      assert.deepStrictEqual(seen, [0, 1])
    }).pipe(Effect.provide(World.layer({ turns: ["Hello, Ada.", "Ada."] })))
  )

  it.effect("keeps the other results when a task fails or cannot start", () =>
    Effect.gen(function* () {
      const results = yield* run([
        task({ task: "one" }),
        task({ task: "two" }),
        task({ task: "three", servers: { _tag: "Named", names: ["nowhere"] } }),
        task({ task: "four" })
      ])
      assert.deepStrictEqual(
        results.map((result) =>
          result._tag === "Ran" ? [result.outcome.status, result.outcome.answer] : [result._tag, result.problem.tag]
        ),
        [
          ["done", "first"],
          ["failed", ""],
          ["Refused", "McpServerNotFound"],
          ["done", "last"]
        ]
      )
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(
        requests
          .at(-1)
          ?.messages.slice(1)
          .map(({ content }) => content),
        ["one", "first", `two\n\n${emptyReply}\n\nfour`]
      )
    }).pipe(Effect.provide(World.layer({ turns: ["first", "", "", "last"] })))
  )

  it.effect("stops with everything beneath it when it is interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run([task({ task: "one" }), task({ task: "two" })]))
      yield* TestClock.adjust("1 second")
      const { open } = yield* World.Seen
      assert.isAbove(open.length, 0)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(open, [])
    }).pipe(Effect.provide(World.layer({ turns: ["first", { never: true }] })))
  )
})

import { assert, describe, it } from "@effect/vitest"
import { fingerprint } from "#src/agent/rules/StallGuard.ts"
import { Effect, Ref } from "effect"
import * as World from "../doubles.ts"

const { call, echo, only, outcomeOf, run, task, text, tool } = World

const steps = (events: Parameters<typeof outcomeOf>[0]) => only(events, "Stalled").map(({ step }) => step)

describe("StallGuard", () => {
  it("considers calls equal whatever the order of their arguments", () => {
    assert.strictEqual(fingerprint("t", { a: 1, b: { c: 2, d: 3 } }), fingerprint("t", { b: { d: 3, c: 2 }, a: 1 }))
    assert.notStrictEqual(fingerprint("t", { a: 1 }), fingerprint("t", { a: 2 }))
    assert.notStrictEqual(fingerprint("t", { a: [1, 2] }), fingerprint("t", { a: [2, 1] }))
  })

  it.effect("tells the model, withholds the tool, then asks for the answer", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      const { calls, requests } = yield* World.Seen
      assert.deepStrictEqual(steps(events), ["nudge", "withhold", "end"])
      assert.isAtMost(requests.length, 9)
      assert.strictEqual(calls.length, 4)
      assert.include(String(requests[3]?.messages.at(-1)?.content), "gives nothing new")
      const offered = requests.map(({ tools }) => tools?.map(({ name }) => name))
      // it stays in the head of the prompt, and its calls are refused
      assert.deepStrictEqual(new Set(offered.map(String)), new Set(["echo,other"]))
      assert.include(
        only(events, "ToolCallRefused").map(({ reason }) => reason),
        "Withheld"
      )
      assert.deepInclude(outcomeOf(events), { status: "stalled", answer: "What I have." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: () => [call("echo", { message: "again" })],
          final: "What I have.",
          servers: { main: { echo, other: echo } }
        })
      )
    )
  )

  it.effect("takes the tool away for two rounds, whatever its arguments, and gives it back", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      const withhold = only(events, "Stalled").find(({ step }) => step === "withhold")
      const settled = events.flatMap((event) =>
        withhold !== undefined && event.seq > withhold.seq
          ? event._tag === "ToolCallRefused" || event._tag === "ToolCallFinished"
            ? [event._tag]
            : []
          : []
      )
      assert.deepStrictEqual(settled, ["ToolCallRefused", "ToolCallRefused", "ToolCallFinished"])
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 7 ? [call("echo", { message: index < 4 ? "again" : `${index}` })] : "Done."),
          servers: { main: { echo, other: echo } }
        })
      )
    )
  )

  it.effect("detects a cycle of several calls", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      assert.deepStrictEqual(steps(events), ["nudge", "withhold", "end"])
      assert.strictEqual(outcomeOf(events).status, "stalled")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => [call("echo", { message: `${index % 4}` })],
          final: "x",
          servers: { main: { echo, other: echo } }
        })
      )
    )
  )

  it.effect("detects a mistake that is repeated again and again", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      assert.strictEqual(steps(events)[0], "nudge")
      assert.isAtMost((yield* World.Seen).requests.length, 12)
      assert.strictEqual((yield* World.Seen).calls.length, 0)
    }).pipe(Effect.provide(World.layer({ turns: () => [call("echo", "{}")], final: "x", servers: { main: { echo } } })))
  )

  it.effect("lets the model continue when the nudge helps", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      assert.deepStrictEqual(steps(events), ["nudge", "nudge"])
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) =>
            index === 25
              ? "done"
              : [call("echo", { message: index < 3 ? "a" : index > 20 && index < 24 ? "b" : `${index}` })],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("does not mistake polling for a stall while the answer changes", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      assert.deepStrictEqual(steps(events), [])
      assert.strictEqual(outcomeOf(events).toolCalls.length, 30)
    }).pipe(
      Effect.provide(
        Effect.map(Ref.make(0), (count) =>
          World.layer({
            turns: (index) => (index < 30 ? [call("status", {})] : "ready"),
            servers: {
              main: {
                status: tool(() =>
                  Effect.map(
                    Ref.updateAndGet(count, (n) => n + 1),
                    (n) => text(`${n} % done`)
                  )
                )
              }
            }
          })
        ).pipe(Effect.runSync)
      )
    )
  )

  it.effect("does not mistake paging, or many writes with the same answer, for a stall", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 50, wallMillis: 60_000, toolCalls: 50 } }))
      assert.deepStrictEqual(steps(events), [])
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 30 ? [call("write", { path: `/a/${index}` })] : "written"),
          servers: { main: { write: tool(() => Effect.succeed("Successfully wrote.")) } }
        })
      )
    )
  )
})

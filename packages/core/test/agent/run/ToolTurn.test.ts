import { assert, describe, it } from "@effect/vitest"
import { CurrentLoopPolicy } from "#src/agent/LoopPolicy.ts"
import { Effect } from "effect"
import * as World from "../doubles.ts"

const { call, only, run, task, text } = World

describe("the calls of one turn", () => {
  it.effect("no more of them are made to one server at a time than the policy allows", () => {
    const running = { now: 0, most: 0 }
    const slow = Effect.acquireUseRelease(
      Effect.sync(() => (running.most = Math.max(running.most, ++running.now))),
      () => Effect.repeatN(Effect.yieldNow(), 20),
      () => Effect.sync(() => (running.now -= 1))
    )
    const look = { annotations: { readOnly: true, openWorld: false }, run: () => Effect.as(slow, text("seen")) }
    return Effect.gen(function* () {
      const { callConcurrency, callConcurrencyPerServer } = yield* CurrentLoopPolicy
      yield* run(task())
      assert.isBelow(callConcurrencyPerServer, callConcurrency)
      assert.strictEqual(running.most, callConcurrencyPerServer)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [Array.from({ length: 8 }, (_, n) => call("look", { n })), "ok"],
          servers: { main: { look } }
        })
      )
    )
  })

  it.effect("what earlier ones have read counts when a later one could send it out", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ servers: { _tag: "Named", names: ["main", "web"] } }))
      assert.deepStrictEqual(
        (yield* World.Seen).calls.map(({ tool }) => tool),
        ["fetch", "read"]
      )
      assert.include(only(events, "ToolCallRefused")[0]?.told, "the tool can send data out")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            [
              call("web__fetch", { url: "https://a" }),
              call("main__read", { path: "/notes" }),
              call("web__post", { url: "https://a" })
            ],
            "ok"
          ],
          servers: {
            main: {
              read: { annotations: { readOnly: true, openWorld: false }, run: () => Effect.succeed(text("mine")) }
            },
            web: {
              fetch: { annotations: { readOnly: true }, run: () => Effect.succeed(text("a page")) },
              post: { run: () => Effect.succeed(text("sent")) }
            }
          }
        })
      )
    )
  )
})

import { assert, describe, it } from "@effect/vitest"
import { CurrentLoopPolicy, LoopPolicy } from "#src/agent/LoopPolicy.ts"
import { ContextOverflow } from "#src/lmstudio/LmStudioError.ts"
import { Effect, Fiber, TestClock } from "effect"
import { manyTools } from "./manyTools.ts"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, run, task, text, tool } = World

const small = { ...World.ensured, model: "test/model-4b", contextLength: 4096 }
const lease = () => Effect.succeed(small)

const many: World.Servers = Object.fromEntries(
  [...new Set(manyTools.map(({ server }) => server))].map((server) => [
    server,
    Object.fromEntries(
      manyTools
        .filter((tool) => tool.server === server)
        .map(({ description, inputSchema, name }) => [
          name,
          {
            description,
            schema: inputSchema,
            annotations: { readOnly: true },
            run: () => Effect.succeed(`${name} ran`)
          }
        ])
    )
  ])
)

const uncounted = { inputTokens: 0, outputTokens: 0 }

const log = Array.from({ length: 3000 }, (_, n) => `entry ${n} ${n === 1234 ? "NEEDLE" : "hay"}`).join("\n")

/** Thirty rounds with a call and many words in each, then an answer. */
const thirtySteps = (index: number): World.Turn =>
  index < 30
    ? {
        content: `Step ${index}. ${"I think about it. ".repeat(15)}`,
        usage: uncounted,
        toolCalls: [call("echo", { message: `${index}` })]
      }
    : "done"

describe("AgentLoop with a small context", () => {
  it.effect("offers the best matches of a hundred tools to a small model, and leaves room to work", () =>
    Effect.gen(function* () {
      const events = yield* run(
        task({ servers: { _tag: "All" }, task: "Read the file /data/notes.txt and count its lines." })
      )
      const offered = only(events, "ToolsOffered")[0]
      assert.include(offered?.offered ?? [], "files__read_text_file")
      assert.include(offered?.offered ?? [], "find_tools")
      assert.isAtLeast(offered?.withheld ?? 0, 85)
      const account = only(events, "RoundStarted")[0]?.account
      assert.strictEqual(account?.contextLength, 4096)
      assert.isAtLeast(account?.free ?? 0, 1000)
    }).pipe(Effect.provide(World.layer({ turns: ["ok"], servers: many, lease })))
  )

  it.effect("lets the model find and call more tools, and keeps those that it used", () =>
    Effect.gen(function* () {
      const approvedTools = ["merge_pull_request"]
      const events = yield* run(
        task({ servers: { _tag: "All" }, task: "Read the file /data/notes.txt.", approvedTools })
      )
      const { calls, requests } = yield* World.Seen
      const name = "github__merge_pull_request"
      assert.notInclude(only(events, "ToolsOffered")[0]?.offered ?? [], name)
      assert.include(only(events, "ToolCallFinished")[0]?.told, name)
      // told where it was found; the head of the prompt stays as it is
      assert.deepStrictEqual(requests[1]?.tools, requests[0]?.tools)
      assert.deepStrictEqual(requests[2]?.tools, requests[0]?.tools)
      assert.strictEqual(calls[0]?.tool, "merge_pull_request")
      assert.strictEqual(outcomeOf(events).answer, "merged")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            [call("find_tools", { query: "merge a pull request" })],
            [call("github__merge_pull_request", { repository: "a" })],
            "merged"
          ],
          servers: many,
          lease
        })
      )
    )
  )

  it.effect("shows the head and tail of a long result, and lets the model search and read the rest", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      const [first, found, read] = only(events, "ToolCallFinished").map(({ told }) => told)
      assert.isBelow(first?.length ?? Infinity, 4000)
      assert.include(first, 'read_artifact and search_artifact with id "r1"')
      assert.notInclude(first, "NEEDLE")
      assert.deepStrictEqual(
        requests.map(({ tools }) => tools?.map(({ name }) => name)),
        [
          ["log"],
          ["log", "read_artifact", "search_artifact"],
          ["log", "read_artifact", "search_artifact"],
          ["log", "read_artifact", "search_artifact"]
        ]
      )
      assert.strictEqual(found, "1 matching line in r1:\n1235: entry 1234 NEEDLE")
      assert.include(read, "entry 1233 hay\nentry 1234 NEEDLE")
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            [call("log", {})],
            [call("search_artifact", { id: "r1", pattern: "needle" })],
            [call("read_artifact", { id: "r1", line: "1234", lines: 2 })],
            "found"
          ],
          servers: { main: { log: tool(() => Effect.succeed(log)) } },
          lease
        })
      )
    )
  )

  it.effect("lists the available results when the model requests one that does not exist", () =>
    Effect.gen(function* () {
      const told = only(yield* run(task()), "ToolCallFinished").map((event) => event.told)
      assert.include(told[1], 'There is no result "r9". There are: r1.')
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("log", {})], [call("read_artifact", { id: "r9" })], "ok"],
          servers: { main: { log: tool(() => Effect.succeed(log)) } },
          lease
        })
      )
    )
  )

  it.effect("continues for many rounds by summarising old turns", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 40, wallMillis: 60_000, toolCalls: 100 } }))
      const { requests, summaries } = yield* World.Seen
      assert.isAtLeast(summaries.length, 1)
      assert.strictEqual(only(events, "Compacted").length, summaries.length)
      const after = requests.at(-1)?.messages
      assert.include(String(after?.[1]?.content), "Do it.")
      assert.include(String(after?.[1]?.content), "Facts so far: 42")
      assert.strictEqual(outcomeOf(events).status, "done")
      for (const { account } of only(events, "RoundStarted")) assert.isAtLeast(account?.free ?? -1, 0)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: thirtySteps,
          summary: "Facts so far: 42",
          servers: { main: { echo } },
          lease
        })
      )
    )
  )

  it.effect("lists the calls when the model gives no summary", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 40, wallMillis: 60_000, toolCalls: 100 } }))
      assert.include(only(events, "Compacted")[0]?.summary, 'Called: echo({"message":"0"})')
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: thirtySteps,
          servers: { main: { echo } },
          lease
        })
      )
    )
  )

  it.effect("fails with an account of the context when the task itself does not fit", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task({ task: "word ".repeat(5000) })))
      assert.strictEqual((yield* World.Seen).requests.length, 0)
      assert.strictEqual(outcome.status, "failed")
      assert.strictEqual(outcome.problem?.tag, "ContextBudgetExceeded")
      assert.match(outcome.problem?.message ?? "", /4096 tokens of context: .* too many/)
    }).pipe(Effect.provide(World.layer({ turns: [], lease })))
  )

  const growing = () =>
    World.layer({
      turns: ["ok"],
      lease: (options) =>
        Effect.succeed({ ...small, owner: "lms-bridge" as const, contextLength: options?.contextLength ?? 4096 })
    })

  it.effect("reloads a model of ours with a larger context when the policy allows it and nothing else helps", () =>
    Effect.gen(function* () {
      const policy = yield* CurrentLoopPolicy
      const events = yield* run(task({ task: "word ".repeat(5000) })).pipe(
        Effect.provideService(CurrentLoopPolicy, new LoopPolicy({ ...policy, largestContext: 32_768 }))
      )
      assert.deepStrictEqual(
        only(events, "ModelReady").map(({ ensured }) => ensured.contextLength),
        [4096, 12_288]
      )
      assert.strictEqual(outcomeOf(events).status, "done")
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(Effect.provide(growing()))
  )

  it.effect("does not reload when the policy says nothing, or allows less", () =>
    Effect.gen(function* () {
      const policy = yield* CurrentLoopPolicy
      for (const largest of [{}, { largestContext: 8192 }]) {
        const events = yield* run(task({ task: "word ".repeat(5000) })).pipe(
          Effect.provideService(CurrentLoopPolicy, new LoopPolicy({ ...policy, ...largest }))
        )
        assert.strictEqual(outcomeOf(events).problem?.tag, "ContextBudgetExceeded")
      }
    }).pipe(Effect.provide(growing()))
  )

  it.effect("learns the real context length from an overflow, and sends less", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      assert.strictEqual(outcomeOf(events).status, "done")
      const lengths = requests.map(({ messages }) => JSON.stringify(messages).length)
      assert.isBelow(lengths[2] ?? Infinity, lengths[1] ?? 0)
      assert.strictEqual(only(events, "RoundStarted")[2]?.account?.contextLength, 2048)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            [call("log", {})],
            { fail: new ContextOverflow({ model: "m", contextLength: 2048, serverMessage: "n_ctx" }) },
            "ok"
          ],
          servers: { main: { log: tool(() => Effect.succeed(log)) } },
          lease: () => Effect.succeed({ ...small, contextLength: 32_768 })
        })
      )
    )
  )

  it.effect("corrects its estimates by the server's counts", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const [first, second] = only(events, "RoundStarted").map(({ account }) => account)
      assert(first !== undefined && second !== undefined)
      const factor = 300 / (first.system + first.tools + first.history)
      assert.isAbove(factor, 1.5)
      assert.closeTo(second.system / first.system, factor, 0.05)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) =>
            index === 0
              ? { toolCalls: [call("echo", { message: "a" })], usage: { inputTokens: 300, outputTokens: 1 } }
              : "ok",
          servers: { main: { echo } },
          lease
        })
      )
    )
  )

  it.effect("runs calls that only read concurrently, and returns their results in order", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task()))
      yield* TestClock.adjust("3 seconds")
      const events = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        only(events, "ToolCallFinished").map(({ told }) => told),
        ["b", "a"]
      )
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(
        requests[1]?.messages.slice(-2).map(({ content }) => content),
        ["a", "b"]
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("wait", { who: "a", seconds: 3 }), call("wait", { who: "b", seconds: 2 })], "ok"],
          servers: {
            main: {
              wait: {
                annotations: { readOnly: true },
                schema: { type: "object" },
                run: ({ seconds, who }) => Effect.delay(Effect.succeed(text(String(who))), `${Number(seconds)} seconds`)
              }
            }
          }
        })
      )
    )
  )

  it.effect("runs calls in sequence as soon as one of them may write", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task()))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* World.Seen).calls.length, 1)
      yield* TestClock.adjust("1 second")
      const events = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        only(events, "ToolCallFinished").map(({ told }) => told),
        ["first", "second"]
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("read", {}), call("write", {})], "ok"],
          servers: {
            main: {
              read: {
                annotations: { readOnly: true },
                run: () => Effect.delay(Effect.succeed(text("first")), "2 seconds")
              },
              write: { annotations: {}, run: () => Effect.succeed(text("second")) }
            }
          }
        })
      )
    )
  )
})

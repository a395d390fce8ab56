import { assert, describe, it } from "@effect/vitest"
import { AgentLoop, CurrentApprover } from "#src/agent/AgentLoop.ts"
import { ServerFault, StreamCut, Unauthorized } from "#src/lmstudio/LmStudioError.ts"
import { Effect, Fiber, Option, Stream, TestClock } from "effect"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, run, task, tool } = World

describe("AgentLoop: how runs end", () => {
  it.effect("sends a final request in which no tool may be called when the rounds are used up", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 2, wallMillis: 60_000, toolCalls: 50 } }))
      const { requests } = yield* World.Seen
      assert.strictEqual(requests.length, 3)
      // the engine has read the tools, and keeps what it has read as long as the request begins with them
      assert.deepStrictEqual(requests[2]?.tools, requests[0]?.tools)
      assert.deepStrictEqual(
        requests.map(({ toolChoice }) => toolChoice),
        [undefined, undefined, "none"]
      )
      assert.include(String(requests[2]?.messages.at(-1)?.content), "limit of rounds")
      assert.deepStrictEqual(
        only(events, "RoundStarted").map(({ final }) => final),
        [false, false, true]
      )
      assert.deepInclude(outcomeOf(events), { status: "budget", budget: "rounds", answer: "So far: 2.", rounds: 2 })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 2 ? [call("echo", { message: "again" })] : "So far: 2."),
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("removes a call from the final answer, where it can no longer be run", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task({ budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 50 } })))
      assert.strictEqual(outcome.answer, "I know this much.")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("echo", { message: "again" })]],
          final: 'I know this much.\n<tool_call>{"name": "echo", "arguments": {"message": "more"}}</tool_call>',
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("refuses calls beyond the budget of tool calls, then asks for the answer", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 9, wallMillis: 60_000, toolCalls: 2 } }))
      const { calls } = yield* World.Seen
      assert.strictEqual(calls.length, 2)
      assert.deepStrictEqual(
        only(events, "ToolCallRefused").map(({ reason }) => reason),
        ["Budget"]
      )
      assert.deepInclude(outcomeOf(events), { status: "budget", budget: "tool-calls", answer: "Two." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[1, 2, 3].map((n) => call("echo", { message: String(n) })), "Two."],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect.each([
    ["tokens", { tokens: 15 }],
    ["result-bytes", { resultBytes: 7 }]
  ] as const)("ends by %s", ([budget, limit]) =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 9, wallMillis: 60_000, toolCalls: 9, ...limit } }))
      assert.deepInclude(outcomeOf(events), { status: "budget", budget, answer: "x" })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index === 0 ? [call("echo", { message: "a" })] : "x"),
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("stops a tool call when the time is over, tells the model, and asks for the answer", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task({ budgets: { rounds: 9, wallMillis: 10_000, toolCalls: 9 } })))
      yield* TestClock.adjust("10 seconds")
      const events = yield* Fiber.join(fiber)
      const { open, requests } = yield* World.Seen
      assert.deepStrictEqual(open, [])
      const finished = only(events, "ToolCallFinished")[0]
      assert.deepInclude(finished, { isError: true, millis: 10_000 })
      assert.include(finished?.told, "Whether it took effect is not known")
      assert.deepStrictEqual(
        only(events, "ToolCallRefused").map(({ reason }) => reason),
        ["Budget"]
      )
      assert.strictEqual(requests.length, 2)
      assert.deepInclude(outcomeOf(events), { status: "budget", budget: "wall-time", answer: "Not finished." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("hang", {}), call("echo", { message: "later" })], "Not finished."],
          servers: { main: { hang: tool(() => Effect.never), echo } }
        })
      )
    )
  )

  it.effect("stops a request when the time is over, and bounds the time of the final one", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task({ budgets: { rounds: 9, wallMillis: 10_000, toolCalls: 9 } })))
      yield* TestClock.adjust("10 seconds")
      const { open, requests } = yield* World.Seen
      assert.strictEqual(requests.length, 2)
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      const outcome = outcomeOf(yield* Fiber.join(fiber))
      assert.deepInclude(outcome, { status: "budget", budget: "wall-time", answer: "I have begun" })
      assert.strictEqual(outcome.problem?.tag, "TimeIsUp")
      assert.deepStrictEqual(open, [])
    }).pipe(Effect.provide(World.layer({ turns: [{ never: true, after: "I have begun" }, { never: true }] })))
  )

  it.effect("ends without a request when the time is over before the model is loaded", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task({ budgets: { rounds: 9, wallMillis: 10_000, toolCalls: 9 } })))
      yield* TestClock.adjust("10 seconds")
      const outcome = outcomeOf(yield* Fiber.join(fiber))
      assert.deepInclude(outcome, { status: "budget", budget: "wall-time", answer: "", rounds: 0 })
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(Effect.provide(World.layer({ turns: [], lease: () => Effect.never })))
  )

  it.effect("says so once when a reply is empty, since the same request would come to the same nothing", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      assert.match(String(requests[1]?.messages.at(-1)?.content), /^Do it\.\n\nYour reply was empty\./)
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "There." })
    }).pipe(Effect.provide(World.layer({ turns: ["  \n", "There."], servers: { main: { echo } } })))
  )

  it.effect("sends a token limit for every reply, including the final one, and the task's own where there is one", () =>
    Effect.gen(function* () {
      yield* run(task({ budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 50 } }))
      yield* run(task({ maxTokens: 77, budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 50 } }))
      const limits = (yield* World.Seen).requests.map(({ maxTokens }) => maxTokens ?? 0)
      assert.strictEqual(limits.length, 4)
      assert.isTrue(limits.slice(0, 2).every((limit) => limit >= 2048 && limit < 8192))
      assert.deepStrictEqual(limits.slice(2), [77, 77])
    }).pipe(
      Effect.provide(
        World.layer({ turns: () => [call("echo", { message: "a" })], final: "b", servers: { main: { echo } } })
      )
    )
  )

  it.effect("fails after two empty replies", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task()))
      assert.strictEqual(outcome.status, "failed")
      assert.strictEqual(outcome.problem?.tag, "EmptyReply")
    }).pipe(Effect.provide(World.layer({ turns: ["", " "] })))
  )

  it.effect("distinguishes a model that only reasons from one that says nothing", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { problem, status } = outcomeOf(events)
      assert.deepStrictEqual([status, problem?.tag], ["failed", "OnlyReasoning"])
      assert.include(problem?.message, "only reasoned and gave no answer")
      // its tokens were not used up
      assert.notInclude(problem?.message, "maxTokens")
      assert.match(only(events, "AskedAgain")[0]?.text ?? "", /^Your reply was only reasoning\./)
    }).pipe(Effect.provide(World.layer({ turns: [{ reasoning: "hm" }, { reasoning: "hm" }] })))
  )

  it.effect("lets the model continue a truncated reply once, then marks it as cut", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task()))
      const { requests } = yield* World.Seen
      assert.deepInclude(outcome, { status: "done", answer: "one two three", cut: true })
      assert.strictEqual(requests.length, 2)
      assert.deepInclude(requests[1]?.messages.at(-2), { role: "assistant", content: "one two" })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            { content: "one two", finishReason: "length" },
            { content: " three", finishReason: "length" }
          ]
        })
      )
    )
  )

  it.effect("retries a request whose reply was interrupted, and ends the second time with what had arrived", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const outcome = outcomeOf(events)
      assert.strictEqual(only(events, "ModelFailed").length, 2)
      assert.deepInclude(outcome, { status: "failed", answer: "I see" })
      assert.strictEqual(outcome.problem?.tag, "StreamCut")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            { fail: new ServerFault({ operation: "chat", reason: "Engine", serverMessage: "", delivered: 0 }) },
            { fail: new StreamCut({ operation: "chat", delivered: 5 }), after: "I see" }
          ]
        })
      )
    )
  )

  it.effect("does not retry a request that cannot succeed", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task()))
      assert.strictEqual((yield* World.Seen).requests.length, 1)
      assert.strictEqual(outcome.problem?.tag, "Unauthorized")
    }).pipe(
      Effect.provide(World.layer({ turns: [{ fail: new Unauthorized({ reason: "Missing", serverMessage: "" }) }] }))
    )
  )

  for (const [where, turn] of [
    ["while it waits for the model", { never: true }],
    ["in the middle of a reply", { never: true, after: "so" }],
    ["in a tool call", [call("hang", {})]]
  ] as const) {
    it.effect(`leaves nothing open when it is interrupted ${where}`, () =>
      Effect.gen(function* () {
        const loop = yield* AgentLoop
        const { open } = yield* World.Seen
        const fiber = yield* Effect.fork(Stream.runDrain(loop.run(task())))
        yield* TestClock.adjust("1 second")
        assert.includeMembers(open, ["lease", "connection main"])
        assert.isAtLeast(open.length, 3)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(open, [])
      }).pipe(Effect.provide(World.layer({ turns: [turn], servers: { main: { hang: tool(() => Effect.never) } } })))
    )
  }

  it.effect("leaves nothing open when it is interrupted while a person is asked", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const { calls, open } = yield* World.Seen
      const waiting: Array<string> = []
      const asking = Effect.acquireUseRelease(
        Effect.sync(() => waiting.push("person")),
        () => Effect.never,
        () => Effect.sync(() => waiting.pop())
      )
      const fiber = yield* Stream.runDrain(loop.run(task())).pipe(
        Effect.provideService(
          CurrentApprover,
          Option.some(() => asking)
        ),
        Effect.fork
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(waiting, ["person"])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([...open, ...waiting], [])
      assert.deepStrictEqual(calls, [])
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("wipe", {})]],
          servers: { main: { wipe: { run: () => Effect.succeed("gone"), annotations: { destructive: true } } } }
        })
      )
    )
  )

  it.effect("leaves nothing open when it is interrupted while the model loads", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const { open } = yield* World.Seen
      const fiber = yield* Effect.fork(Stream.runDrain(loop.run(task())))
      yield* TestClock.adjust("1 second")
      assert.includeMembers(open, ["lease", "connection main"])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(open, [])
    }).pipe(Effect.provide(World.layer({ turns: [], lease: () => Effect.never })))
  )

  it.effect("ends when summarising old turns for the final reply takes all of its time", () => {
    // the conversation leaves room for the request that hangs, but not for the final one
    const words = Array.from({ length: 1083 }, (_, n) => (n * 7919) % 10_007).join(" ")
    const outputSchema = { type: "object", properties: { a: { type: "number" } }, required: ["a"] }
    const budgets = { rounds: 20, wallMillis: 10_000, toolCalls: 50 }
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(task({ budgets, outputSchema, servers: { _tag: "Named", names: [] } })))
      yield* TestClock.adjust("10 seconds")
      for (let minute = 0; minute < 5; minute++) yield* TestClock.adjust("1 minute")
      const events = yield* Fiber.join(fiber)
      assert.isAbove((yield* World.Seen).summaries.length, 0)
      assert.deepInclude(outcomeOf(events), { status: "budget", budget: "wall-time" })
      assert.deepInclude(only(events, "RoundStarted").at(-1), { final: true })
      assert.isUndefined(only(events, "RoundStarted").at(-1)?.account)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 3 ? words : { never: true }),
          summaryHangs: true,
          lease: () => Effect.succeed({ ...World.ensured, contextLength: 2048 })
        })
      )
    )
  })

  it.effect("stops when the reader stops reading", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      yield* loop.run(task()).pipe(
        Stream.takeUntil((event) => event._tag === "RoundStarted"),
        Stream.runDrain
      )
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(Effect.provide(World.layer({ turns: [{ never: true }] })))
  )
})

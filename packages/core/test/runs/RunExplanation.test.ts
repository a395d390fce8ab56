import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import * as RunExplanation from "#src/runs/RunExplanation.ts"
import * as RunSteps from "#src/runs/RunSteps.ts"
import * as Transcript from "#src/runs/Transcript.ts"
import { Effect, Schema } from "effect"
import { manyTools } from "../agent/manyTools.ts"
import * as World from "../agent/doubles.ts"

const { call, echo, only, run, task, text } = World

const explained = ([first, ...rest]: ReadonlyArray<AgentEvent>) => {
  if (first?._tag !== "RunStarted") throw new Error("no start")
  return RunExplanation.explain(first, rest)
}

const usage = (inputTokens: number) => ({ inputTokens, outputTokens: 7 })

const bySchema = Schema.encodeSync(RunExplanation.Explanation)

const many: World.Servers = Object.fromEntries(
  [...new Set(manyTools.map(({ server }) => server))].map((server) => [
    server,
    Object.fromEntries(
      manyTools
        .filter((tool) => tool.server === server)
        .map(({ description, inputSchema, name }) => [
          name,
          { description, schema: inputSchema, run: () => Effect.succeed(text("fine")) }
        ])
    )
  ])
)

describe("RunExplanation", () => {
  it.effect("says what each request contained, what the server counted and how estimates are corrected since", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 9, wallMillis: 60_000, toolCalls: 5, tokens: 5000 } }))
      const explanation = explained(events)
      const [first, second] = explanation.rounds
      const accounts = only(events, "RoundStarted").map(({ account }) => account)
      assert.deepStrictEqual(first?.account, accounts[0])
      const estimate = (accounts[0]?.system ?? 0) + (accounts[0]?.tools ?? 0) + (accounts[0]?.history ?? 0)
      assert.deepInclude(first, {
        estimate,
        counted: 300,
        written: 7,
        calls: [
          { name: "echo", what: "ran" },
          { name: "echo", what: "refused" }
        ]
      })
      assert.closeTo(first?.factor ?? 0, Math.min(3, 300 / estimate), 1e-9)
      // the second request was estimated with the corrected factor
      assert.strictEqual(second?.counted, 320)
      assert.deepStrictEqual(explanation.used, {
        rounds: 2,
        wallMillis: 0,
        toolCalls: 1,
        tokens: 634,
        resultBytes: only(events, "ToolCallFinished")[0]?.bytes ?? 0
      })
      assert.deepStrictEqual(explanation.budgets, { rounds: 9, wallMillis: 60_000, toolCalls: 5, tokens: 5000 })
      assert.deepStrictEqual(explanation.offers[0]?.tools, [{ name: "echo" }])
      assert.deepInclude(explanation, { model: "test/model", contextLength: 8192 })
      bySchema(explanation)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            { toolCalls: [call("echo", { message: "a" }), call("echo", {})], usage: usage(300) },
            { content: "ok", usage: usage(320) }
          ],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("says which tools were offered, with their ranks, which were next, and which were added later", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ task: "Run a query against the database.", servers: { _tag: "All" } }))
      const [first, found] = explained(events).offers
      const ranks = new Map(first?.tools.map(({ name, rank }) => [name, rank]))
      assert.isAtMost(ranks.get("sqlite__read_query") ?? 99, 2)
      assert.isUndefined(ranks.get("find_tools"))
      assert.strictEqual(first?.limits?.count, 40)
      assert.strictEqual(first?.round, 0)
      assert.isAbove(first?.next[0]?.rank ?? 0, 1)
      assert.strictEqual(first?.next.length, 5)
      assert.strictEqual(found?.round, 1)
      assert.isTrue(found?.tools.some(({ name }) => name === "files__archive_part_17"))
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("find_tools", { query: "archive part 17" })], "ok"],
          servers: many
        })
      )
    )
  )

  it.effect("reports repeats, budgets and refusals in the round to which they belong", () =>
    Effect.gen(function* () {
      const events = yield* run(task({ budgets: { rounds: 2, wallMillis: 60_000, toolCalls: 5 } }))
      const { rounds } = explained(events)
      assert.deepStrictEqual(
        rounds.map(({ final }) => final),
        [false, false, true]
      )
      assert.match(rounds[0]?.events.join() ?? "", /told the model: Your reply was empty/)
      assert.match(rounds[1]?.events.join() ?? "", /the budget of rounds was reached/)
    }).pipe(
      Effect.provide(
        World.layer({ turns: ["", [call("echo", { message: "a" })], "so far"], servers: { main: { echo } } })
      )
    )
  )
})

describe("RunSteps", () => {
  it.effect("finds the end of a round, including its results", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      assert.strictEqual(RunSteps.lastRound(events), 2)
      const first = RunSteps.eventsThrough(events, 1) ?? 0
      assert.strictEqual(events[first]?._tag, "RoundStarted")
      assert.include(
        events.slice(0, first).map(({ _tag }) => _tag),
        "ToolCallFinished"
      )
      assert.strictEqual(only(events.slice(0, RunSteps.eventsThrough(events, 0)), "RoundStarted").length, 0)
      assert.strictEqual(RunSteps.eventsThrough(events, 2), events.length)
      assert.isUndefined(RunSteps.eventsThrough(events, 3))
    }).pipe(
      Effect.provide(World.layer({ turns: [[call("echo", { message: "a" })], "ok"], servers: { main: { echo } } }))
    )
  )
})

describe("Transcript", () => {
  it.effect("is readable text: each text of the model and the tools once, with their markup inert", () =>
    Effect.gen(function* () {
      const markdown = Transcript.markdown(yield* run(task()))
      assert.strictEqual(
        markdown.replaceAll(/after \d+ ms/g, "after 0 ms"),
        [
          "# Task",
          "Do it.",
          "## Round 1",
          "Thought:",
          "    hm",
          "Let me see.",
          "Called **main echo** with:",
          '    {"message":"# Answer\\n\\nfoul"}',
          "**main echo** returned after 0 ms:",
          "    Echo: # Answer\n\n    foul",
          "**nope** was not run:",
          '    There is no tool "nope", so nothing was run. There are: echo.',
          "## Round 2",
          "# Answer",
          "It said so.\n"
        ].join("\n\n")
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            {
              reasoning: "hm",
              content: "Let me see.",
              toolCalls: [call("echo", { message: "# Answer\n\nfoul" }), call("nope", {})]
            },
            "It said so."
          ],
          servers: { main: { echo } }
        })
      )
    )
  )
})

import { assert, describe, it } from "@effect/vitest"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import { ModelCrashed, TemplateRefused } from "#src/lmstudio/LmStudioError.ts"
import type { ToolResult } from "#src/mcp/ToolResult.ts"
import { Effect, Encoding, FastCheck, Stream } from "effect"
import * as World from "../doubles.ts"
import { broken } from "./inTurns.ts"

const png = Encoding.encodeBase64(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0]))

const results: ReadonlyArray<ToolResult> = [
  World.text("the same"),
  World.text("", true),
  { content: [{ type: "image", mimeType: "image/png", data: png }], isError: false },
  World.text("long ".repeat(2000))
]

const usage = { inputTokens: 0, outputTokens: 0 }

/** Good and bad behaviour of models. */
const turn: FastCheck.Arbitrary<World.Turn> = FastCheck.oneof(
  { weight: 6, arbitrary: FastCheck.nat(3).map((which) => [World.call("look", { which })]) },
  FastCheck.nat(3).map((which) => ({
    content: "Both.",
    toolCalls: [World.call("look", { which }), World.call("look", {})]
  })),
  FastCheck.constantFrom<World.Turn>(
    [World.call("look", "{broken")],
    [World.call("unknown", {})],
    "An answer.",
    "",
    { reasoning: "Hm." },
    { content: "Half an", finishReason: "length" },
    { reasoning: "Hm.", finishReason: "length" },
    { content: `${"I think about it. ".repeat(60)}`, toolCalls: [World.call("look", { which: 3 })], usage },
    'Write <tool_call>{"name": "look", "arguments": {}}</tool_call> to look.',
    { fail: new ModelCrashed({ model: "m", reason: "Crashed", serverMessage: "" }), after: "Half" },
    { fail: new TemplateRefused({ model: "m", serverMessage: "Conversation roles must alternate" }) },
    { fail: new TemplateRefused({ model: "m", serverMessage: "System role not supported" }) }
  )
)

const drawn = FastCheck.record({
  turns: FastCheck.array(turn, { minLength: 1, maxLength: 14 }),
  rounds: FastCheck.integer({ min: 1, max: 12 }),
  toolCalls: FastCheck.integer({ min: 1, max: 12 }),
  contextLength: FastCheck.constantFrom(2048, 4096, 32_768),
  structured: FastCheck.boolean(),
  summary: FastCheck.boolean()
})

describe("random runs", () => {
  it.effect("send only conversations with alternating turns, even when they are resumed and followed by others", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(drawn, ({ contextLength, rounds, structured, summary, toolCalls, turns }) =>
          Effect.gen(function* () {
            const loop = yield* AgentLoop
            const journal = yield* RunJournal
            const budgets = { rounds, wallMillis: 600_000, toolCalls }
            const events = yield* World.run(
              World.task({ budgets, ...(structured ? { outputSchema: { type: "object", required: ["a"] } } : {}) })
            )
            const { runId } = World.only(events, "RunStarted")[0] ?? { runId: "" }
            const more = { ...budgets, rounds: rounds + 3, toolCalls: toolCalls + 3 }
            yield* Stream.runDrain(loop.resume(runId, { budgets: more }))
            const kept = yield* journal.read(runId)
            // from every point at which a run may continue
            for (const count of [kept.length, Math.ceil(kept.length / 2)]) {
              yield* World.run(World.task({ budgets, follows: { run: runId, events: count } }))
            }
            const { requests, summaries } = yield* World.Seen
            for (const { messages } of [...requests, ...summaries]) assert.isUndefined(broken(messages))
          }).pipe(
            Effect.provide(
              World.layer({
                turns: (index) => turns[index % turns.length] ?? "An answer.",
                servers: {
                  main: {
                    look: World.tool(({ which }) => Effect.succeed(results[Number(which ?? 0)] ?? World.text("none")))
                  }
                },
                lease: () => Effect.succeed({ ...World.ensured, contextLength, vision: true }),
                ...(summary ? { summary: "So far nothing." } : {})
              })
            ),
            Effect.runPromise
          )
        ),
        { numRuns: 25 }
      )
    )
  )
})

/** Which form of calls a run takes: the task's, else the table's, else what is known or tried; and what it says of it. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import { CallForms, type FormAnswer, type FormAsked } from "#src/registry/CallForms.ts"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import { echo, ensured, layer, run, task, Seen } from "../doubles.ts"

const found: FormAnswer = { form: "bound", why: "Tried on 2026-11-28: native 0 of 3, bound 3 of 3." }

/** The end of a run whose calls are bound; without tools and natively, it is a text. */
const bound = '{"tool": "answer", "arguments": {"text": "Done."}}'

/** What a run reports and sends, and how it asked for the form. */
const ran = Effect.fnUntraced(function* (
  changes: Partial<AgentTask>,
  answer: FormAnswer | null = found,
  model = ensured.model,
  reply = bound
) {
  const asked: Array<FormAsked> = []
  const forms = Layer.succeed(CallForms, {
    of: (_lease, how) =>
      Effect.as(
        Effect.zipRight(
          Effect.sync(() => asked.push(how)),
          how.onTrial("a call")
        ),
        Option.fromNullable(answer)
      )
  })
  return yield* Effect.all([run(task(changes)), Seen]).pipe(
    Effect.map(([events, { requests }]) => ({ events, requests, asked })),
    Effect.provide(
      layer({
        lease: () => Effect.succeed({ ...ensured, model }),
        turns: [reply],
        servers: { main: { echo } }
      }).pipe(Layer.provide(forms))
    ),
    inVirtualTime
  )
})

describe("the form of calls", () => {
  it.effect("is the one that was found, with a word on why, and on what it cost", () =>
    Effect.gen(function* () {
      const usage = { inputTokens: 700, outputTokens: 90 }
      const { asked, events, requests } = yield* ran({}, { ...found, usage })
      const told = events.flatMap((event) => (event._tag === "ToolFormChosen" ? [event.text] : []))
      const noted = events.flatMap((event) => (event._tag === "Noted" && event.kind === "probe" ? [event.usage] : []))
      assert.deepStrictEqual([told, noted, asked.length], [[found.why], [usage], 1])
      assert.isTrue(events.some((event) => event._tag === "Preparing" && event.what.includes("Trying how")))
      assert.deepStrictEqual(requests[0]?.tools ?? [], [])
    })
  )

  it.effect("may take 30 s, and a fifth of a shorter run", () =>
    Effect.gen(function* () {
      const limits = yield* Effect.forEach([600_000, 60_000], (wallMillis) =>
        Effect.map(ran({ budgets: { rounds: 3, toolCalls: 3, wallMillis } }), ({ asked }) =>
          asked.map(({ limit }) => Duration.toSeconds(limit))
        )
      )
      assert.deepStrictEqual(limits, [[30], [12]])
    })
  )

  for (const [what, changes] of [
    ["the task says it", { toolForm: "native" }],
    ["there are no tools", { servers: { _tag: "None" } }]
  ] as const satisfies ReadonlyArray<readonly [string, Partial<AgentTask>]>) {
    it.effect(`is not looked for where ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* ran(changes, found, ensured.model, "Done.")).asked, [])
      })
    )
  }

  it.effect("is not looked for where the table has a row", () =>
    Effect.gen(function* () {
      const { asked, events } = yield* ran({}, found, "qwen2.5-coder-1.5b")
      const forms = events.flatMap((event) => (event._tag === "ToolFormChosen" ? [event.form] : []))
      assert.deepStrictEqual([asked, forms], [[], ["bound"]])
    })
  )

  it.effect("is plain text without tools, even where the table has a row", () =>
    Effect.gen(function* () {
      const { events, requests } = yield* ran({ servers: { _tag: "None" } }, found, "qwen2.5-coder-1.5b", "Done.")
      assert.isFalse(events.some(({ _tag }) => _tag === "ToolFormChosen"))
      assert.isUndefined(requests[0]?.responseSchema)
    })
  )

  it.effect("is native where nothing is known", () =>
    Effect.gen(function* () {
      const { events, requests } = yield* ran({}, null, ensured.model, "Done.")
      assert.isFalse(events.some(({ _tag }) => _tag === "ToolFormChosen"))
      assert.isNotEmpty(requests[0]?.tools ?? [])
    })
  )
})

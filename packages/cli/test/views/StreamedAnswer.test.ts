import { assert, describe, it } from "@effect/vitest"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Effect, Fiber, TestClock } from "effect"
import { cli } from "../OverDoubles.ts"
import { setTimeout } from "node:timers/promises"

const round = { _tag: "RoundStarted", round: 1, final: false } as const
const delta = (text: string) => ({ _tag: "TextDelta", text }) as const
const replied = {
  _tag: "ModelReplied",
  round: 1,
  reply: {
    model: "m",
    content: "",
    reasoning: "",
    toolCalls: [],
    finishReason: "stop",
    firstTokenMillis: 1,
    totalMillis: 1
  }
} as const
const thought = (text: string) => ({ _tag: "ReasoningDelta", text }) as const
const finished = (answer: string) => ({ _tag: "RunFinished", outcome: AgentLoopTest.outcome(answer) }) as const

const loop: ReadonlyArray<AgentLoopTest.Step> = [
  round,
  thought("It is about bees."),
  delta("Bees "),
  delta("like clover."),
  finished("Bees like clover.")
]

const screen = { terminal: true }

describe("the answer on a terminal", () => {
  it.effect("comes as the model writes it, once", () =>
    Effect.gen(function* () {
      const { flowed, out } = yield* cli(["run", "x"], { loop, screen })
      assert.strictEqual(flowed, "Bees like clover.")
      assert.strictEqual(out, "")
    })
  )

  it.effect("comes after the thoughts where they are asked for", () =>
    Effect.gen(function* () {
      const { flowed } = yield* cli(["run", "x", "--thinking"], { loop, screen })
      assert.strictEqual(flowed, "It is about bees.\n\nBees like clover.")
    })
  )

  it.effect(
    "is printed as a whole with --no-stream, in a pipe, with --json, and where it is another than was written",
    () =>
      Effect.gen(function* () {
        const whole = yield* cli(["run", "x", "--no-stream"], { loop, screen })
        assert.deepStrictEqual([whole.flowed, whole.out], ["", "Bees like clover."])
        const piped = yield* cli(["run", "x"], { loop })
        assert.deepStrictEqual([piped.flowed, piped.out], ["", "Bees like clover."])
        assert.strictEqual((yield* cli(["run", "x", "--json"], { loop, screen })).flowed, "")
        const other = yield* cli(["run", "x"], { loop: [round, delta("I look."), round, finished("Clover.")], screen })
        assert.deepStrictEqual([other.flowed, other.out], ["I look.", "Clover."])
      })
  )

  it.effect("is rendered where there are colours, and as it was written with --no-markdown and in pipes", () =>
    Effect.gen(function* () {
      const text = "# Bees\n- like **clover**"
      const loop = [round, delta("# Be"), delta("es\n- like **clo"), delta("ver**"), replied, finished(text)]
      const colors = { ...screen, colors: true }
      const rendered = yield* cli(["run", "x"], { loop, screen: colors })
      assert.deepStrictEqual([rendered.flowed, rendered.out], ["Bees\n• like clover", ""])
      const whole = yield* cli(["run", "x", "--no-stream"], { loop, screen: colors })
      assert.deepStrictEqual([whole.flowed, whole.out], ["Bees\n• like clover\n", ""])
      assert.strictEqual((yield* cli(["run", "x", "--no-markdown"], { loop, screen: colors })).flowed, text)
      assert.strictEqual((yield* cli(["run", "x"], { loop })).out, text)
    })
  )
})

describe("--notify", () => {
  it.effect("tells of the end of a run that took long, and of no other", () =>
    Effect.gen(function* () {
      const long = yield* Effect.fork(
        cli(["run", "x", "--notify"], { loop: [round, { _tag: "Wait", duration: "11 seconds" }, finished("Yes.")] })
      )
      // the run reaches its wait in its own time
      const passing = Effect.zipRight(
        TestClock.adjust("1 second"),
        Effect.promise(() => setTimeout(5))
      )
      yield* Effect.repeat(passing, { until: () => long.unsafePoll() !== null })
      assert.include((yield* Fiber.join(long)).err, "notified: done: x")
      assert.notInclude((yield* cli(["run", "x", "--notify"], { loop: [round, finished("Yes.")] })).err, "notified")
    })
  )
})

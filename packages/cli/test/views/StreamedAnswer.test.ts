import { assert, describe, it } from "@effect/vitest"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Effect } from "effect"
import { cli } from "../OverDoubles.ts"

const round = { _tag: "RoundStarted", round: 1, final: false } as const
const delta = (text: string) => ({ _tag: "TextDelta", text }) as const
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
})

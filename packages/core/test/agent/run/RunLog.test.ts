import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent, AgentEventBody } from "#src/agent/rules/AgentEvent.ts"
import { initial } from "#src/agent/rules/AgentState.ts"
import * as RunLog from "#src/agent/run/RunLog.ts"
import { makeRunId } from "#src/observability/Correlation.ts"
import { Effect, Fiber, FiberId, Scheduler } from "effect"
import { task } from "../doubles.ts"

/** A log over a slow disk. */
const slowly = Effect.gen(function* () {
  const runId = yield* makeRunId
  const disk = { written: new Array<number>(), writers: 0, most: 0 }
  const log = yield* RunLog.make({
    runId,
    state: initial({ _tag: "RunStarted", task: task(), runId, seq: 0, at: 0 }),
    seq: 1,
    offer: () => {},
    write: Effect.fnUntraced(function* (events: ReadonlyArray<AgentEvent>) {
      disk.most = Math.max(disk.most, ++disk.writers)
      for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow()
      disk.written.push(...events.map(({ seq }) => seq))
      disk.writers -= 1
      return undefined
    })
  })
  return { disk, log }
})

const finished = (call: number): AgentEventBody => ({
  _tag: "ToolCallFinished",
  callId: `c${call}`,
  server: "main",
  tool: "echo",
  told: "x",
  isError: false,
  bytes: 1,
  millis: 1
})

/** Makes the fiber yield before the given step, as each fiber does after 2048 steps. */
class PausesAt extends Scheduler.MixedScheduler {
  readonly at: number
  readonly meanwhile: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => void
  #steps = 0
  constructor(at: number, meanwhile: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => void = () => {}) {
    super(2048)
    this.at = at
    this.meanwhile = meanwhile
  }
  override shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    if (this.#steps++ !== this.at) return super.shouldYield(fiber)
    this.meanwhile(fiber)
    return 0
  }
}

describe("RunLog", () => {
  it.live("has all events on disk, in order, wherever the run is interrupted", () =>
    Effect.gen(function* () {
      for (let step = 0; step < 120; step++) {
        const { disk, log } = yield* slowly
        const scheduler = new PausesAt(step, (fiber) => fiber.unsafeInterruptAsFork(FiberId.none))
        const fiber = yield* Effect.forEach([0, 1, 2], (call) => log.tell(finished(call)), { discard: true }).pipe(
          Effect.ensuring(log.flush),
          Effect.withScheduler(scheduler),
          Effect.fork
        )
        yield* Fiber.await(fiber)
        const told = log.state.calls.map((_, index) => index + 1)
        assert.deepStrictEqual(disk.written, told, `interrupted before step ${step}`)
        assert.isAtMost(disk.most, 1)
      }
    })
  )

  it.live("writes the events of concurrent calls in order, one write at a time", () =>
    Effect.gen(function* () {
      for (let step = 0; step < 60; step++) {
        const { disk, log } = yield* slowly
        yield* Effect.forEach([0, 1, 2], (call) => log.tell(finished(call)), { concurrency: "unbounded" }).pipe(
          Effect.ensuring(log.flush),
          Effect.withScheduler(new PausesAt(step))
        )
        assert.deepStrictEqual(disk.written, [1, 2, 3], `others first before step ${step}`)
        assert.strictEqual(disk.most, 1)
      }
    })
  )
})

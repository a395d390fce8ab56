import { assert, describe, it } from "@effect/vitest"
import { type AgentEventBody, stamp } from "@lms-bridge/core/AgentEvent"
import { AgentLoop, type Resumption } from "@lms-bridge/core/AgentLoop"
import { RunId, RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings } from "@lms-bridge/core/Settings"
import { Runs } from "#src/runs/Runs.ts"
import * as RunTools from "#src/tools/RunTools.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Context, Effect, Layer, Ref, Stream } from "effect"
import { callTool, connected, textOf } from "../connected.ts"

const steps = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
}).filter((step): step is AgentEventBody => !["Wait", "Fail", "Never"].includes(step._tag))

const old = RunId.make("run_old0000000000000")

const task = {
  task: "Count the bees",
  servers: { _tag: "All" as const },
  budgets: { rounds: 3, wallMillis: 60_000, toolCalls: 5, tokens: 1000 }
}

class Resumptions extends Context.Tag("test/Resumptions")<
  Resumptions,
  Ref.Ref<ReadonlyArray<readonly [string, Resumption | undefined]>>
>() {}

/** A loop that notes how a run is resumed. */
const noting = Layer.effectContext(
  Effect.gen(function* () {
    const asked = yield* Ref.make<ReadonlyArray<readonly [string, Resumption | undefined]>>([])
    const loop = yield* AgentLoop
    return Context.make(Resumptions, asked).pipe(
      Context.add(AgentLoop, {
        ...loop,
        resume: (runId, how) =>
          Stream.unwrap(
            Effect.as(
              Ref.update(asked, (all) => [...all, [runId, how] as const]),
              loop.run(task)
            )
          )
      })
    )
  })
)

const runs = Runs.layer.pipe(
  Layer.provideMerge(noting),
  Layer.provideMerge(Layer.merge(AgentLoopTest.layerTest(steps), Settings.layerWith({ maxRounds: 7 })))
)

const keep = Effect.fnUntraced(function* (events: ReadonlyArray<AgentEventBody>) {
  const journal = yield* RunJournal
  const write = yield* journal.open(old)
  yield* write(events.map((event, seq) => stamp(event, old, seq, 1000 + seq)))
}, Effect.scoped)

const begun: AgentEventBody = { _tag: "RunStarted", task }

describe("run_start with the id of a run", () => {
  it.scoped("and no task continues a stopped run where it was, with as much again as it was allowed", () =>
    Effect.gen(function* () {
      yield* keep([begun, ...steps.slice(0, 7)])
      const { client } = yield* connected(RunTools.tools)
      const result = yield* callTool(client, "run_start", { follows: "run_old", context_length: 16_384 })
      assert.isUndefined(result.isError, textOf(result))
      const [[runId, how] = []] = yield* Effect.flatMap(Resumptions, Ref.get)
      assert.strictEqual(runId, old)
      assert.deepInclude(how?.budgets, { rounds: 1 + 7, toolCalls: 1 + 200, tokens: 55 + 1000 })
      assert.strictEqual(how?.contextLength, 16_384)
    }).pipe(Effect.provide(runs))
  )

  it.scoped("and a task is a new run, after the conversation of that one", () =>
    Effect.gen(function* () {
      yield* keep([begun, ...steps.slice(0, 7)])
      const { client } = yield* connected(RunTools.tools)
      yield* callTool(client, "run_start", { follows: old, task: "And the wasps?" })
      assert.lengthOf(yield* Effect.flatMap(Resumptions, Ref.get), 0)
      const [asked] = yield* Effect.flatMap(AgentLoopTest.AgentLoopCalls, ({ tasks }) => tasks)
      assert.deepInclude(asked, { task: "And the wasps?", follows: { run: old } })
    }).pipe(Effect.provide(runs))
  )

  it.scoped("that is done, or with what only a new run can have, says that it needs a task", () =>
    Effect.gen(function* () {
      yield* keep([begun, ...steps])
      const { client } = yield* connected(RunTools.tools)
      for (const [input, said] of [
        [{ follows: old }, "is done: give a task"],
        [{ follows: old, model: "x", mcp_names: [] }, "give a task for another model, mcp_names"],
        [{}, "give a task, or in follows the id of a run"],
        [{ follows: "run_none" }, 'There is no run "run_none"']
      ] as const) {
        const result = yield* callTool(client, "run_start", input)
        assert.isTrue(result.isError)
        assert.include(textOf(result), said)
      }
      assert.lengthOf(yield* Effect.flatMap(Resumptions, Ref.get), 0)
    }).pipe(Effect.provide(runs))
  )
})

describe("run_status", () => {
  it.scoped("gives runs that could not begin no place of others", () =>
    Effect.gen(function* () {
      const journal = yield* RunJournal
      const problem = { tag: "ModelNotFound", message: 'There is no model "x".' }
      for (let n = 0; n < 25; n += 1) {
        const id = RunId.make(`run_failed${String(n).padStart(10, "0")}`)
        const events = [stamp(begun, id, 0, 5000 + n), stamp({ _tag: "RunFailed", problem }, id, 1, 6000)]
        yield* Effect.scoped(Effect.flatMap(journal.open(id), (write) => write(events)))
      }
      yield* keep([begun, ...steps])
      const { client } = yield* connected(RunTools.tools)
      const listed = yield* callTool(client, "run_status")
      assert.include(textOf(listed), old)
      assert.lengthOf(textOf(listed).match(/It failed/g) ?? [], 19)
    }).pipe(Effect.provide(runs))
  )
})

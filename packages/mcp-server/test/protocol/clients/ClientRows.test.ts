import { assert, describe, it } from "@effect/vitest"
import { Settings } from "@lms-bridge/core/Settings"
import * as AgentTools from "#src/tools/AgentTools.ts"
import { approver } from "#src/protocol/Approval.ts"
import { Runs } from "#src/runs/Runs.ts"
import * as RunTools from "#src/tools/RunTools.ts"
import * as Tool from "#src/tools/Tool.ts"
import { allTools } from "#src/tools/Tools.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { CallToolResultSchema, CreateTaskResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { Effect, Fiber, Layer, Option, Schema, TestClock } from "effect"
import { call, drivers, type Called, type Driver } from "./clientDrivers.ts"
import { connected, settle, textOf, type Result } from "../../connected.ts"

/** Three minutes of work: longer than most clients wait. */
const minutes = 3
const aRun = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
})
const slowly: ReadonlyArray<AgentLoopTest.Step> = [
  ...aRun.slice(0, 7),
  { _tag: "Wait", duration: `${minutes} minutes` },
  ...aRun.slice(7)
]

const services = Runs.layer.pipe(
  Layer.provideMerge(Layer.merge(AgentLoopTest.layerTest(slowly), Settings.layerWith({})))
)

/** Whether the person at the other end allows something that is destructive. */
const mayDelete = Tool.make({
  name: "may_delete",
  title: "May it?",
  description: "Asks.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({ asked: Schema.Boolean }),
  text: ({ asked }) => [String(asked)],
  handler: () =>
    Effect.flatMap(
      approver,
      Option.match({
        onNone: () => Effect.succeed({ asked: false }),
        onSome: (ask) =>
          Effect.map(
            ask({ server: "files", tool: "delete", arguments: { path: "/a" }, reason: "It is destructive." }),
            (answer) => ({ asked: answer === true })
          )
      })
    )
})

const rows: Array<ReadonlyArray<string>> = []

/** Lets time pass until the effect is done. */
const meanwhile = Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.fork(self)
  yield* settle
  yield* Effect.repeat(Effect.zipRight(TestClock.adjust("5 seconds"), settle), {
    until: () => Effect.map(fiber.status, ({ _tag }) => _tag === "Done")
  })
  return yield* Fiber.join(fiber)
})

const asTask = Effect.fnUntraced(function* (client: Client) {
  const params = { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" }, task: { ttl: 600_000 } }
  const { task } = yield* Effect.promise(() => client.request({ method: "tools/call", params }, CreateTaskResultSchema))
  yield* settle
  yield* TestClock.adjust(`${minutes} minutes`)
  yield* settle
  return yield* Effect.promise(
    () => client.experimental.tasks.getTaskResult(task.taskId, CallToolResultSchema) as Promise<Result>
  )
})

const statusOf = (result: Result) => String(result.structuredContent?.["status"])

/** What a person gets of a run that takes longer than the client waits, or does not. */
const longRun = Effect.fnUntraced(function* (driver: Driver, client: Client) {
  const interrupted = (yield* AgentLoopTest.AgentLoopCalls).interrupted
  const called: Called = yield* meanwhile(call(driver, client, "autonomous_with_mcp", { mcp_name: "files", task: "t" }))
  const result = Option.getOrElse(called.result, () => assert.fail(`${driver.title} gave up on the run`))
  if (statusOf(result) === "done") return { called, told: "waits for the answer" }
  assert.strictEqual(statusOf(result), "running")
  assert.include(textOf(result), "Ask run_result")
  // as often as it takes, and never longer than the client waits
  for (let asked = 1; asked <= minutes + 2; asked++) {
    const args = { run_id: AgentLoopTest.testRunId, wait_seconds: 600 }
    const { result } = yield* meanwhile(call(driver, client, "run_result", args))
    const later = Option.getOrElse(result, () => assert.fail(`${driver.title} gave up on run_result`))
    if (statusOf(later) !== "done") continue
    assert.strictEqual(yield* interrupted, 0)
    return { called, told: "gets the run's id after 50 s; `run_result` brings the answer" }
  }
  return assert.fail(`${driver.title} never saw the end`)
})

describe.sequential("what each client gets", () => {
  for (const driver of drivers) {
    it.scoped(`${driver.title}: every tool by its name, every run to its end, and the person's consent`, () =>
      Effect.gen(function* () {
        const names = allTools.map(({ name }) => driver.visible(name))
        const longest = Math.max(...names.map(({ length }) => length))
        assert.isAtMost(longest, driver.nameLimit)
        assert.lengthOf(new Set(names), allTools.length)

        const { client } = yield* connected([...AgentTools.tools, ...RunTools.tools, mayDelete], {
          client: driver.name,
          capabilities: driver.capabilities
        })
        const canAsk = driver.capabilities.elicitation !== undefined
        if (canAsk) {
          client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { answer: "Allow once" } }))
        }
        const asked = yield* meanwhile(call(driver, client, "may_delete", {}))
        assert.deepStrictEqual(Option.map(asked.result, textOf), Option.some(String(canAsk)))

        const { called, told } = yield* longRun(driver, client)
        const { progress } = called
        if (driver.wantsProgress) {
          assert.strictEqual(progress[0], "autonomous_with_mcp: started")
          assert.include(progress, "round 1: list_directory; 13 tok/s")
          assert.isTrue(progress.some((line) => /^round 1: .* \(\d+ s\)$/.test(line)))
        }
        if (driver.callsTasks) assert.strictEqual(statusOf(yield* asTask(client)), "done")
        rows.push([
          driver.title,
          `\`${driver.name}\``,
          driver.callsTasks ? `as a task; else ${told}` : told,
          driver.wantsProgress ? "shown" : "not asked for",
          canAsk ? "asked of the person" : "refused, and the model is told",
          `${longest} of ${driver.nameLimit} characters at most`
        ])
      }).pipe(Effect.provide(services))
    )
  }

  // a row stands there when its test has passed; `npm run docs` puts the table into docs/mcp.md
  it("is what the documentation says", async ({ expect }) => {
    const header = [
      "client",
      "says it is",
      `a run of ${minutes} minutes`,
      "progress",
      "calls that need consent",
      "names"
    ]
    const table = [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    await expect(`${table.join("\n")}\n`).toMatchFileSnapshot("__snapshots__/clients.md")
  })
})

import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import {
  AgentLoop,
  type AgentTask,
  type ApprovalRequest,
  CurrentApprover,
  CurrentToolPolicy,
  ToolPolicy
} from "@lms-bridge/core/AgentLoop"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { RunAccount, RunJournal } from "@lms-bridge/core/RunJournal"
import { Resilience } from "@lms-bridge/core/Resilience"
import { Settings } from "@lms-bridge/core/Settings"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as FakeLmStudio from "@lms-bridge/testing/FakeLmStudio"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import * as ModelLifecycleTest from "@lms-bridge/testing/ModelLifecycleTest"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Layer, Option, Ref, Stream } from "effect"

const task: AgentTask = {
  task: "Delete old.txt.",
  servers: { _tag: "Named", names: ["files"] },
  budgets: { rounds: 10, wallMillis: 60_000, toolCalls: 10 }
}

/** A server is data: what a tool says about itself, and what it does. */
const servers = McpRegistryTest.layerTest({
  files: {
    tools: {
      delete_file: {
        description: "Deletes a file.",
        inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
        annotations: { destructive: true },
        handler: ({ path }) => Effect.succeed(`${String(path)} is deleted.`)
      }
    }
  }
})

/** The real loop. The model calls the tool, fails twice, and answers. */
const loop = AgentLoop.layerNoDeps.pipe(
  Layer.provideMerge(
    Layer.mergeAll(ModelLifecycleTest.layerAlwaysLoaded(), servers, RunJournal.layerMemory).pipe(
      Layer.provideMerge(LmStudioApi.layer),
      Layer.provideMerge(
        FakeHttp.layer({
          ...FakeLmStudio.routes(),
          [FakeLmStudio.chatRoute]: [
            FakeLmStudio.toolCall("delete_file", { path: "old.txt" }),
            FakeLmStudio.fault(),
            FakeLmStudio.fault(),
            FakeLmStudio.reply("It is done.")
          ]
        })
      ),
      Layer.provideMerge(Resilience.layer),
      Layer.provideMerge(Settings.layerWith({}))
    )
  )
)

const events = Effect.gen(function* () {
  const { run } = yield* AgentLoop
  return Chunk.toReadonlyArray(yield* Stream.runCollect(run(task)))
})

const calls = Effect.flatMap(McpRegistryTest.McpRegistryCalls, ({ calls }) => calls)

describe("a program that runs tasks", () => {
  it.effect("asks a person before a tool destroys something", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make<ReadonlyArray<ApprovalRequest>>([])
      const approver = (request: ApprovalRequest) =>
        Effect.as(
          Ref.update(asked, (all) => [...all, request]),
          true
        )
      const seen = yield* Effect.provideService(events, CurrentApprover, Option.some(approver))
      assert.deepInclude((yield* Ref.get(asked))[0], { tool: "delete_file", arguments: { path: "old.txt" } })
      assert.deepInclude((yield* calls)[0], { tool: "delete_file", ended: "ok" })
      assert.deepInclude(seen.at(-1), { _tag: "RunFinished" })
    }).pipe(Effect.provide(loop), inVirtualTime)
  )

  it.effect("refuses a tool by a policy, and the model is told", () =>
    Effect.gen(function* () {
      const policy = new ToolPolicy({ rules: [{ tool: "delete_*", decision: "refuse" }], traits: [] })
      const seen = yield* Effect.provideService(events, CurrentToolPolicy, policy)
      assert.deepStrictEqual(yield* calls, [])
      assert.isTrue(seen.some(({ _tag }) => _tag === "ToolCallRefused"))
    }).pipe(Effect.provide(loop), inVirtualTime)
  )

  it.effect("shows the events in words of its own", () =>
    Effect.gen(function* () {
      const line = (event: AgentEvent): string => {
        switch (event._tag) {
          case "ToolCallRefused":
            return `may not ${event.name}`
          case "RunFinished":
            return `${event.outcome.status}: ${event.outcome.answer}`
          default:
            return ""
        }
      }
      const seen = yield* events
      // nobody can be asked here
      assert.deepStrictEqual(
        seen.map(line).filter((text) => text !== ""),
        ["may not delete_file", "done: It is done."]
      )
      // counts are in the account, so that no view counts again
      const account = Option.getOrThrow(RunAccount.of(seen))
      assert.strictEqual(account.state.rounds, 2)
    }).pipe(Effect.provide(loop), inVirtualTime)
  )
})

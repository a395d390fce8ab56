import { assert, describe, it } from "@effect/vitest"
import { Presets, TokenMissing } from "@lms-bridge/core/AgentLoop"
import { FolderRefused } from "@lms-bridge/core/Machine"
import { Settings } from "@lms-bridge/core/Settings"
import { ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import * as PresetTools from "#src/tools/PresetTools.ts"
import { Runs } from "#src/runs/Runs.ts"
import * as SessionTools from "#src/tools/SessionTools.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { type Duration, Effect, Fiber, Layer, TestClock } from "effect"
import { callTool, connected, settle, textOf } from "../connected.ts"

const tools = [...PresetTools.tools, ...SessionTools.tools]

/** Presets that give each folder, and want a token for GitHub. */
const presets = Layer.mock(Presets, {
  use: (name, { folders = [], token } = {}) =>
    folders.includes("/etc")
      ? new FolderRefused({ folder: "/etc", reason: "System" })
      : name === "github" && token === undefined
        ? new TokenMissing({ preset: name, variable: "GITHUB_PERSONAL_ACCESS_TOKEN" })
        : Effect.succeed({
            task: {
              servers: { _tag: "None" },
              definedServers: [{ name, command: "npx", args: [...folders] }],
              workingFolders: folders
            },
            secrets: token === undefined ? {} : { GITHUB_PERSONAL_ACCESS_TOKEN: token }
          })
})

const loop = (script: Parameters<typeof AgentLoopTest.layerTest>[0] = answering) =>
  Runs.layer.pipe(Layer.provideMerge(Layer.mergeAll(AgentLoopTest.layerTest(script), presets, Settings.layerWith({}))))

const pass = (time: Duration.DurationInput) =>
  settle.pipe(Effect.zipRight(TestClock.adjust(time)), Effect.zipRight(settle))

const answering: Parameters<typeof AgentLoopTest.layerTest>[0] = ({ follows, task }) => [
  {
    _tag: "RunFinished",
    outcome: AgentLoopTest.outcome(`${task} is done${follows === undefined ? "" : `, after ${follows.run}`}`)
  }
]

describe("presets", () => {
  it.scoped("give the task their server, the folders, the given model and the budgets", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      yield* callTool(client, "autonomous_filesystem_full", {
        task: "t",
        working_directory: ["/a", "/b"],
        model: "qwen",
        max_rounds: 3,
        max_tokens: "auto"
      })
      yield* callTool(client, "autonomous_filesystem_full", { task: "t", working_directory: "/c" })
      yield* callTool(client, "autonomous_memory_full", { task: "t" })
      yield* callTool(client, "autonomous_fetch_full", { task: "t" })
      const tasks = yield* asked.tasks
      assert.deepInclude(tasks[0], {
        workingFolders: ["/a", "/b"],
        model: "qwen",
        budgets: { rounds: 3, wallMillis: 600_000, toolCalls: 200 }
      })
      assert.deepStrictEqual(tasks[1]?.workingFolders, ["/c"])
      assert.deepStrictEqual(
        tasks.map(({ definedServers }) => definedServers?.[0]?.name),
        ["filesystem", "filesystem", "memory", "fetch"]
      )
    }).pipe(Effect.provide(loop()))
  )

  it.scoped("accept a GitHub token without ever showing it, and say that it is missing", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const done = yield* callTool(client, "autonomous_github_full", { task: "t", github_token: "ghp_secret" })
      assert.isUndefined(done.isError)
      assert.notInclude(JSON.stringify([done, yield* asked.tasks]), "ghp_secret")
      const missing = yield* callTool(client, "autonomous_github_full", { task: "t" })
      assert.isTrue(missing.isError)
      assert.deepNestedInclude(missing.structuredContent, { "error._tag": "TokenMissing" })
      const wrong = yield* callTool(client, "autonomous_github_full", { task: "", github_token: "ghp_secret" })
      assert.notInclude(JSON.stringify(wrong), "ghp_secret")
    }).pipe(Effect.provide(loop()))
  )

  it.scoped("refuse a folder before anything runs", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const refused = yield* callTool(client, "autonomous_filesystem_full", { task: "t", working_directory: "/etc" })
      assert.include(textOf(refused), '"/etc" belongs to the system')
      assert.deepStrictEqual(yield* asked.tasks, [])
    }).pipe(Effect.provide(loop()))
  )
})

describe("a session", () => {
  it.scoped("returns one result for each task, each with the memory of those before and the last folder named", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const { structuredContent } = yield* callTool(client, "autonomous_persistent_session", {
        tasks: ["one", { task: "two", working_directory: "/b" }, "three"],
        initial_directory: "/a"
      })
      assert.deepStrictEqual(structuredContent?.["results"], [
        { task: "one", status: "done", answer: "one is done", runId: AgentLoopTest.testRunId },
        {
          task: "two",
          status: "done",
          answer: `two is done, after ${AgentLoopTest.testRunId}`,
          runId: AgentLoopTest.testRunId
        },
        {
          task: "three",
          status: "done",
          answer: `three is done, after ${AgentLoopTest.testRunId}`,
          runId: AgentLoopTest.testRunId
        }
      ])
      assert.deepStrictEqual(
        (yield* asked.tasks).map(({ workingFolders }) => workingFolders),
        [["/a"], ["/b"], ["/b"]]
      )
    }).pipe(Effect.provide(loop()))
  )

  it.scoped("keeps the results of the others when a task fails, cannot begin, or names a forbidden folder", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "autonomous_persistent_session", {
        tasks: ["break", "refuse", { task: "x", working_directory: "/etc" }, "last"]
      })
      assert.isUndefined(result.isError)
      const results = result.structuredContent?.["results"] as ReadonlyArray<{
        status: string
        answer: string
        error?: { _tag: string }
      }>
      assert.deepStrictEqual(
        results.map(({ error }) => error?._tag),
        ["ModelCrashed", "ModelNotFound", "FolderRefused", undefined]
      )
      assert.deepStrictEqual(
        results.map(({ answer, status }) => [status, answer.slice(0, 40)]),
        [
          ["failed", "The model crashed.\nHalf of it."],
          ["failed", 'There is no model "no". No models are do'],
          ["failed", '"/etc" belongs to the system, so no mode'],
          ["done", "ok"]
        ]
      )
      assert.include(textOf(result), "1 of 4 tasks done.")

      const none = yield* callTool(client, "autonomous_persistent_session", { tasks: ["refuse", "break"] })
      assert.isTrue(none.isError)
      assert.deepInclude(none.structuredContent?.["error"], { _tag: "ModelNotFound", retryable: false })
      assert.include(JSON.stringify(none.structuredContent?.["error"]), "No models are downloaded")
      const kept = none.structuredContent?.["results"] as typeof results
      assert.deepStrictEqual(
        kept.map(({ answer, error }) => [error?._tag, answer.slice(0, 18)]),
        [
          ["ModelNotFound", "There is no model "],
          ["ModelCrashed", "The model crashed."]
        ]
      )
      assert.include(textOf(none), "0 of 2 tasks done.")
    }).pipe(
      Effect.provide(
        loop(({ task }) =>
          task === "refuse"
            ? [{ _tag: "Fail", error: new ModelNotFound({ model: "no", available: [], nearest: [] }) }]
            : [
                {
                  _tag: "RunFinished",
                  outcome:
                    task === "break"
                      ? AgentLoopTest.outcome("Half of it.", {
                          status: "failed",
                          problem: { tag: "ModelCrashed", message: "The model crashed." }
                        })
                      : AgentLoopTest.outcome("ok")
                }
              ]
        )
      )
    )
  )

  it.scoped("answers before its client gives up, and continues", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools, { client: "cursor" })
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const call = yield* Effect.fork(
        callTool(client, "autonomous_persistent_session", { tasks: ["quick", "slow", "after"] })
      )
      yield* pass("2 seconds")
      yield* pass("50 seconds")
      const result = yield* Fiber.join(call)
      assert.deepInclude(result.structuredContent, { running: true })
      assert.include(textOf(result), "1 of 3 tasks done; the session continues.")
      yield* pass("5 minutes")
      assert.strictEqual((yield* asked.tasks).length, 3)
    }).pipe(
      Effect.provide(
        loop(({ task }) => [
          { _tag: "Wait", duration: task === "slow" ? "5 minutes" : "1 second" },
          { _tag: "RunFinished", outcome: AgentLoopTest.outcome("ok") }
        ])
      )
    )
  )

  it.scoped("stops with its runs when its call is cancelled", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const asked = yield* AgentLoopTest.AgentLoopCalls
      const controller = new AbortController()
      const call = client.callTool(
        { name: "autonomous_persistent_session", arguments: { tasks: ["one", "two"] } },
        undefined,
        { signal: controller.signal }
      )
      yield* Effect.repeat(settle, { until: () => Effect.map(asked.tasks, ({ length }) => length === 1) })
      controller.abort()
      yield* Effect.exit(Effect.tryPromise(() => call))
      yield* Effect.repeat(settle, { until: () => Effect.map(asked.interrupted, (n) => n === 1) })
      assert.strictEqual((yield* asked.tasks).length, 1)
    }).pipe(Effect.provide(loop([{ _tag: "Never" }])))
  )
})

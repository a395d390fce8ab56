import { assert, describe, it } from "@effect/vitest"
import { AgentEventJson } from "@lms-bridge/core/AgentEvent"
import { Settings } from "@lms-bridge/core/Settings"
import { LmStudioUnreachable } from "@lms-bridge/core/LmStudioApi"
import { Known, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { type ConfigChange, McpRegistry } from "@lms-bridge/core/McpRegistry"
import { prompts } from "#src/protocol/Prompts.ts"
import { fitting, match } from "#src/protocol/Resource.ts"
import { resources, serverChanges, templates } from "#src/protocol/Resources.ts"
import { Runs } from "#src/runs/Runs.ts"
import * as RunTools from "#src/tools/RunTools.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import { always } from "@lms-bridge/testing/Scripted"
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema
} from "@modelcontextprotocol/sdk/types.js"
import { Effect, Layer, Option, PubSub, Redacted, Schema, Stream, TestClock } from "effect"
import { callTool, connected, settle } from "../connected.ts"

const aRun = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
})

const runId = AgentLoopTest.testRunId

const settings = Settings.layerWith({
  apiToken: Option.some(Redacted.make("s3cret")),
  defaultModel: Option.some("qwen3-8b")
})

const everything = (options: { readonly steps?: ReadonlyArray<AgentLoopTest.Step>; readonly off?: boolean } = {}) =>
  Layer.mergeAll(
    Runs.layer.pipe(Layer.provideMerge(Layer.merge(AgentLoopTest.layerTest(options.steps ?? aRun), settings))),
    LmStudioApiTest.layerTest({
      models: [
        always(
          options.off === true
            ? Effect.fail(new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" }))
            : Effect.succeed([
                LmStudioApiTest.apiModel("qwen3-8b"),
                LmStudioApiTest.apiModel("gemma-3-12b"),
                LmStudioApiTest.apiModel("acme/plain")
              ])
        )
      ]
    }),
    Layer.mock(ModelRegistry, {
      known: (models) =>
        Effect.succeed(new Map(models.map((model) => [model.key, Known.of({ ...model, toolUse: true }, undefined)]))),
      choice: () => Effect.succeed({ form: "native", why: "Nothing was tried yet." })
    }),
    McpRegistryTest.layerTest({ files: { tools: { read: () => Effect.succeed(McpRegistryTest.textResult("")) } } })
  )

const reading = connected(RunTools.tools, {
  reading: { resources, templates, prompts },
  changes: Stream.unwrap(Effect.map(Runs, ({ changes }) => changes))
})

const read = (client: Client, uri: string) =>
  Effect.map(
    Effect.promise(() => client.readResource({ uri })),
    ({ contents }) => String(contents[0] && "text" in contents[0] ? contents[0].text : "")
  )

const refused = (promise: () => Promise<unknown>) => Effect.promise(() => promise().then(() => "accepted", String))

describe("resources", () => {
  it.scoped("every fixed resource is listed and can be read as JSON", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const listed = yield* Effect.promise(() => client.listResources())
      assert.deepStrictEqual(
        listed.resources.map(({ uri }) => uri),
        ["lms-bridge://models", "lms-bridge://servers", "lms-bridge://runs", "lms-bridge://configuration"]
      )
      assert.include(yield* read(client, "lms-bridge://models"), "gemma-3-12b")
      assert.include(yield* read(client, "lms-bridge://servers"), '"files"')
      assert.deepStrictEqual(JSON.parse(yield* read(client, "lms-bridge://runs")), [])
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("a model is told in a table, by its key with or without slashes escaped", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const text = yield* read(client, "lmstudio://models/qwen3-8b")
      assert.include(text, "# qwen3-8b\n\nCalls: native. Nothing was tried yet.")
      assert.include(text, "| call tools (native) | yes | declared |")
      assert.include(yield* read(client, "lmstudio://models/acme%2Fplain"), "# acme/plain")
      assert.include(yield* read(client, "lmstudio://models/acme/plain"), "# acme/plain")
      assert.include(yield* refused(() => client.readResource({ uri: "lmstudio://models/none" })), "none")
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("the configuration shows what is set, and no secret", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const text = yield* read(client, "lms-bridge://configuration")
      assert.deepInclude(JSON.parse(text), {
        DEFAULT_MODEL: "qwen3-8b",
        LM_API_TOKEN: "<redacted>",
        LMSTUDIO_BASE_URL: null,
        LMS_BRIDGE_TTL: "10m"
      })
      assert.notInclude(text, "s3cret")
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("a run is listed with its account and its transcript, event by event", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      yield* callTool(client, "run_start", { task: "Count the bees" })
      yield* callTool(client, "run_result", { run_id: runId })
      const { resources } = yield* Effect.promise(() => client.listResources())
      const uris = resources.map(({ uri }) => uri)
      assert.include(uris, `lms-bridge://runs/${runId}`)
      const account: unknown = JSON.parse(yield* read(client, `lms-bridge://runs/${runId}`))
      assert.deepInclude(account, { task: "Count the bees", status: "done", answer: "There is a.md." })
      const lines = (yield* read(client, `lms-bridge://runs/${runId}/transcript`)).split("\n")
      const events = yield* Effect.forEach(lines, (line) => Schema.decode(AgentEventJson)(line))
      assert.strictEqual(events[0]?._tag, "RunStarted")
      assert.strictEqual(events.at(-1)?._tag, "RunFinished")
      assert.isFalse(events.some(({ _tag }) => _tag === "TextDelta"))
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("a run can be read as text, and so can each result that the model saw in part", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      yield* callTool(client, "run_start", { task: "Count the bees" })
      yield* callTool(client, "run_result", { run_id: runId })
      const text = yield* read(client, `lms-bridge://runs/${runId}/transcript.md`)
      assert.match(text, /^# Task\n\nCount the bees[^]*list_directory[^]*There is a\.md\.\n$/)
      const account: unknown = JSON.parse(yield* read(client, `lms-bridge://runs/${runId}`))
      const uri = `lms-bridge://artifacts/${runId}.r1`
      assert.deepInclude(account, { artifacts: [uri] })
      assert.strictEqual(yield* read(client, uri), "a.md and all the others")
      const missing = yield* refused(() => client.readResource({ uri: `lms-bridge://artifacts/${runId}.r2` }))
      assert.include(missing, "-32002")
      assert.include(missing, "The run has r1.")
    }).pipe(
      Effect.provide(
        everything({
          steps: aRun.map((step) =>
            step._tag === "ToolCallFinished"
              ? { ...step, artifact: "r1", result: McpRegistryTest.textResult("a.md and all the others") }
              : step
          )
        })
      )
    )
  )

  it.scoped("a server's tools are a resource of their own", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      assert.include(yield* read(client, "lms-bridge://servers/files/tools"), '"read"')
      const { resourceTemplates } = yield* Effect.promise(() => client.listResourceTemplates())
      assert.deepStrictEqual(
        resourceTemplates.map(({ uriTemplate }) => uriTemplate),
        [
          "lms-bridge://runs/{runId}",
          "lms-bridge://runs/{runId}/transcript",
          "lms-bridge://runs/{runId}/transcript.md",
          "lms-bridge://artifacts/{artifact}",
          "lms-bridge://servers/{name}/tools",
          "lmstudio://models/{key}"
        ]
      )
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("a resource that does not exist or cannot be read is an error that says so", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      assert.include(yield* refused(() => client.readResource({ uri: "lms-bridge://nothing" })), "-32002")
      assert.include(yield* refused(() => client.readResource({ uri: "lms-bridge://runs/run_other" })), "-32002")
      assert.include(yield* refused(() => client.readResource({ uri: "lms-bridge://models" })), "does not answer")
    }).pipe(Effect.provide(everything({ off: true })))
  )

  it.scoped("clients that subscribe to the servers are notified when the configuration changes; others are not", () =>
    Effect.flatMap(PubSub.unbounded<ConfigChange>(), (changes) =>
      Effect.gen(function* () {
        const { client } = yield* connected([], {
          reading: { resources: [], templates, prompts: [] },
          changes: serverChanges
        })
        const updated: Array<string> = []
        client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri))
        const change = { added: [], changed: ["files"], removed: [], problems: [] }
        yield* settle
        yield* PubSub.publish(changes, change)
        yield* settle
        assert.deepStrictEqual(updated, [])
        for (const name of ["files", "other"]) {
          yield* Effect.promise(() => client.subscribeResource({ uri: `lms-bridge://servers/${name}/tools` }))
        }
        yield* PubSub.publish(changes, change)
        yield* settle
        assert.deepStrictEqual(updated, ["lms-bridge://servers/files/tools"])
      }).pipe(
        Effect.provide(Layer.merge(everything(), Layer.mock(McpRegistry, { changes: Stream.fromPubSub(changes) })))
      )
    )
  )

  it.scoped("clients that subscribe to a run are notified of each change and of its end; others are not", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const updated: Array<string> = []
      let listed = 0
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri))
      client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void listed++)
      yield* settle
      yield* callTool(client, "run_start", { task: "t" })
      yield* settle
      assert.strictEqual(listed, 1)
      assert.deepStrictEqual(updated, [])
      const uri = `lms-bridge://runs/${runId}`
      yield* Effect.promise(() => client.subscribeResource({ uri }))
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.isAtLeast(updated.length, 2)
      assert.deepStrictEqual([...new Set(updated)], [uri])
      const heard = updated.length
      yield* Effect.promise(() => client.unsubscribeResource({ uri }))
      yield* callTool(client, "run_cancel", { run_id: runId })
      yield* settle
      assert.strictEqual(updated.length, heard)
      assert.include(yield* refused(() => client.subscribeResource({ uri: "lms-bridge://nothing" })), "-32002")
    }).pipe(Effect.provide(everything({ steps: [{ _tag: "Wait", duration: "1 minute" }, ...aRun] })))
  )

  it("a template matches its own URIs only", () => {
    const [run, transcript] = templates
    assert.isDefined(run)
    assert.isDefined(transcript)
    assert.strictEqual(run && match(run, "lms-bridge://runs/a%20b"), "a b")
    assert.isUndefined(run && match(run, "lms-bridge://runs/a/transcript"))
    assert.isUndefined(run && match(run, "lms-bridge://runs/%E0%A4%A"))
    assert.isUndefined(transcript && match(transcript, "lms-bridge://runs//transcript"))
    assert.strictEqual(transcript && match(transcript, "lms-bridge://runs/a/transcript"), "a")
  })
})

describe("prompts", () => {
  it.scoped("are listed and rendered with their arguments", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const { prompts } = yield* Effect.promise(() => client.listPrompts())
      assert.deepStrictEqual(
        prompts.map(({ name }) => name),
        ["delegate_task", "review_files", "compare_models"]
      )
      const prompt = yield* Effect.promise(() =>
        client.getPrompt({ name: "delegate_task", arguments: { task: "Count the bees", mcp_name: "files" } })
      )
      const text = JSON.stringify(prompt.messages)
      assert.include(text, "Count the bees")
      assert.include(text, "MCP server files")
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("refuse an unknown name and a missing argument, and name the known ones", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      assert.include(yield* refused(() => client.getPrompt({ name: "other" })), "delegate_task")
      assert.include(yield* refused(() => client.getPrompt({ name: "review_files" })), "needs paths, question")
    }).pipe(Effect.provide(everything()))
  )
})

describe("completion", () => {
  const complete = (
    client: Client,
    ref: { type: "ref/prompt"; name: string } | { type: "ref/resource"; uri: string },
    name: string,
    value: string
  ) =>
    Effect.map(
      Effect.promise(() => client.complete({ ref, argument: { name, value } })),
      ({ completion }) => completion.values
    )

  it.scoped("knows models, servers and runs", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      yield* callTool(client, "run_start", { task: "t" })
      const prompt = { type: "ref/prompt", name: "delegate_task" } as const
      assert.deepStrictEqual(yield* complete(client, prompt, "model", "QWEN"), ["qwen3-8b"])
      assert.deepStrictEqual(yield* complete(client, prompt, "mcp_name", ""), ["files"])
      assert.deepStrictEqual(yield* complete(client, prompt, "task", "x"), [])
      const runs = { type: "ref/resource", uri: "lms-bridge://runs/{runId}" } as const
      assert.deepStrictEqual(yield* complete(client, runs, "runId", "run_"), [runId])
    }).pipe(Effect.provide(everything()))
  )

  it.scoped("offers nothing when LM Studio is off, without an error", () =>
    Effect.gen(function* () {
      const { client } = yield* reading
      const prompt = { type: "ref/prompt", name: "delegate_task" } as const
      assert.deepStrictEqual(yield* complete(client, prompt, "model", ""), [])
    }).pipe(Effect.provide(everything({ off: true })))
  )

  it("puts beginnings before middles, and at most a hundred", () => {
    assert.deepStrictEqual(fitting(["gemma", "my-qwen", "qwen3"], "qwen").values, ["qwen3", "my-qwen"])
    const many = fitting(
      Array.from({ length: 150 }, (_, index) => `m${index}`),
      ""
    )
    assert.strictEqual(many.values.length, 100)
    assert.deepInclude(many, { total: 150, hasMore: true })
  })
})

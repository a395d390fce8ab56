import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LmsCliError } from "#src/lmstudio/LmsCliError.ts"
import { LmsInstance, LmsModel } from "#src/lmstudio/LmsModel.ts"
import * as CatalogMerge from "#src/models/catalog/CatalogMerge.ts"
import { ModelCatalog } from "#src/models/catalog/ModelCatalog.ts"
import { apiModel, serverInfo } from "@lms-bridge/testing/LmStudioApiTest"
import { lmsInstance } from "@lms-bridge/testing/LmsCliTest"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { layer, llama, lmsCalls, misbehaving, onMachine, qwen, requests, type Options } from "../simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const legacy = { ...serverInfo, dialect: "legacy-v0" as const }

describe("ModelCatalog", () => {
  it.effect("adds to an instance what only `lms ps` knows, and names the source", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen, { contextLength: 8192, ttl: "5 minutes" })
      yield* control.setBusy(qwen, "generating")
      const { lms, models, server } = yield* catalog.inMemory
      assert.deepInclude(server, { dialect: "native-v1", isLmStudio: true })
      assert.deepStrictEqual(lms, { used: true })
      const [instance] = models.find(({ key }) => key === qwen)?.instances ?? []
      assert.deepInclude(instance, {
        id: qwen,
        contextLength: 8192,
        status: "generating",
        busy: true,
        ttlMillis: 300_000,
        from: ["api", "lms ps"]
      })
    }).pipe(test())
  )

  it.effect("works with HTTP alone where `lms` is switched off, without the facts of `lms`", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      const { lms, models } = yield* catalog.everything
      assert.deepStrictEqual(lms, { used: false, why: "switched off by LMS_BRIDGE_LMS_BINARY=none" })
      assert.deepStrictEqual(models.find(({ key }) => key === qwen)?.instances, [
        { id: qwen, contextLength: 4096, from: ["api"] }
      ])
      assert.deepStrictEqual(yield* lmsCalls, [])
    }).pipe(test({ lms: false }))
  )

  it.effect("asks LM Studio itself first, and does not call `lms` when it does not answer (H29)", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const error = yield* Effect.flip(catalog.inMemory)
      assert.strictEqual(error._tag, "LmStudioUnreachable")
      assert.deepStrictEqual(yield* lmsCalls, [])
    }).pipe(test({ simulator: { settings: { appRunning: false, serverRunning: false } } }))
  )

  it.effect("does not ask `lms` about a server that is not LM Studio", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const { lms } = yield* catalog.inMemory
      assert.deepStrictEqual(lms, { used: false, why: "the server is not LM Studio" })
      assert.deepStrictEqual(yield* lmsCalls, [])
    }).pipe(test({ simulator: { settings: { api: "openai-only" } } }))
  )

  it.effect("works without an `lms` that fails, and says why", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const { lms, models } = yield* catalog.everything
      assert.isFalse(lms.used)
      assert.include(lms.why, "did not finish in time")
      assert.isNotEmpty(models)
    }).pipe(test({ cli: misbehaving(() => ({ ps: new LmsCliError({ reason: "Timeout", subcommand: "ps" }) })) }))
  )

  it.effect("fills in from `lms ls` what an older API does not report", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const before = (yield* catalog.inMemory).models.find(({ key }) => key === qwen)
      assert.isUndefined(before?.sizeBytes)
      const after = (yield* catalog.everything).models.find(({ key }) => key === qwen)
      assert.strictEqual(after?.sizeBytes, 2_497_281_632)
      assert.deepInclude(after?.origin, { sizeBytes: "lms ls", path: "lms ls" })
      assert.deepStrictEqual(after?.from, ["api", "lms ls"])
    }).pipe(test({ simulator: { settings: { api: "legacy-v0" } } }))
  )

  it.effect("costs one request and one `lms ps`", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const control = yield* SimulatorControl
      yield* catalog.inMemory
      yield* control.clearSeen
      yield* catalog.inMemory
      assert.deepStrictEqual(yield* requests, ["GET /api/v1/models"])
      assert.deepStrictEqual(yield* lmsCalls, ["ps --json"])
    }).pipe(test())
  )

  describe("merging", () => {
    it("prefers the API where the two differ", () => {
      const { models } = CatalogMerge.merge(
        serverInfo,
        [apiModel("m", { format: "mlx", instances: [{ id: "m", contextLength: 4096 }] })],
        [lmsInstance("m", { contextLength: 8192, format: "safetensors" })],
        [new LmsModel({ modelKey: "m", type: "llm", format: "safetensors", sizeBytes: 5 })]
      )
      assert.strictEqual(models[0]?.instances[0]?.contextLength, 4096)
      assert.strictEqual(models[0]?.format, "mlx")
      assert.deepStrictEqual(models[0]?.origin, { sizeBytes: "lms ls" })
    })

    it("reads no TTL in `lms ps` as: for ever", () => {
      const entry = new LmsInstance({ modelKey: "m", identifier: "m", type: "llm" })
      const { models } = CatalogMerge.merge(serverInfo, [apiModel("m", { instances: [{ id: "m" }] })], [entry], [])
      assert.deepStrictEqual(models[0]?.instances[0], {
        id: "m",
        busy: false,
        ttlMillis: null,
        from: ["api", "lms ps"]
      })
    })

    it("accepts an instance that only `lms ps` lists for the legacy dialect alone, whose list lags", () => {
      const models = [apiModel("m"), apiModel("n", { instances: [{ id: "n" }] })]
      const ps = [lmsInstance("m"), lmsInstance("n")]
      assert.deepStrictEqual(
        CatalogMerge.merge(legacy, models, ps, []).models.map(({ instances }) => instances.map(({ from }) => from)),
        [[["lms ps"]], [["api", "lms ps"]]]
      )
      assert.deepStrictEqual(CatalogMerge.merge(serverInfo, models, ps, []).models[0]?.instances, [])
    })

    it("finds the model of an instance that the legacy dialect lists under its identifier alone", () => {
      const rows = [apiModel("reader", { instances: [{ id: "reader", contextLength: 8192 }] }), apiModel("n")]
      const ps = [lmsInstance("m", { identifier: "reader" })]
      const { models } = CatalogMerge.merge(legacy, rows, ps, [])
      assert.deepStrictEqual(
        models.map(({ instances, key }) => [key, instances.map(({ id }) => id)]),
        [
          ["n", []],
          ["m", ["reader"]]
        ]
      )
      assert.strictEqual(CatalogMerge.merge(serverInfo, rows, ps, []).models.length, 2)
    })

    it("leaves `lms` out when it describes another machine", () => {
      const models = [apiModel("m", { instances: [{ id: "m" }] }), apiModel("n")]
      for (const ps of [[], [lmsInstance("n")], [lmsInstance("m", { deviceIdentifier: "peer" })]]) {
        const { lms } = CatalogMerge.merge(serverInfo, models, ps, [])
        assert.isFalse(lms.used)
        assert.include(lms.why, "another LM Studio")
      }
      assert.isTrue(CatalogMerge.merge(serverInfo, [apiModel("m")], [], []).lms.used, "nothing is loaded on either")
    })

    it("lists what only `lms ls` has on this machine, but not what a peer has", () => {
      const { models } = CatalogMerge.merge(
        serverInfo,
        [],
        [],
        [
          new LmsModel({ modelKey: llama, type: "llm", sizeBytes: 3, trainedForToolUse: false }),
          new LmsModel({ modelKey: "peer/model", type: "llm", deviceIdentifier: "peer" })
        ]
      )
      assert.deepStrictEqual(
        models.map(({ key }) => key),
        [llama]
      )
      assert.deepInclude(models[0], { type: "llm", sizeBytes: 3, toolUse: false, instances: [], from: ["lms ls"] })
    })
  })
})

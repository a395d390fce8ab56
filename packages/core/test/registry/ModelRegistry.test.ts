/** What a probe finds of models that differ, when it is believed, and the file in which it is kept. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { model, type ModelOnDisk } from "@lms-bridge/simulator/Catalogue"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { layer, onMachine, type Options } from "../models/simulated.ts"

const plain = "acme/plain-7b"

const disk = (changes: Partial<ModelOnDisk> = {}) => [model(plain, changes)]

const world = (changes: Partial<ModelOnDisk> = {}, { settings, simulator, ...rest }: Options = {}) => {
  const options = { simulator: { models: disk(changes), ...simulator }, ...rest, ...(settings ? { settings } : {}) }
  return ModelRegistry.layer.pipe(
    Layer.provideMerge(Layer.merge(layer(options), Settings.layerWith({ dataDir: Option.some("/data"), ...settings })))
  )
}

/** As a run asks. */
const asked = Effect.fnUntraced(function* (limit: Duration.DurationInput = "30 seconds") {
  const lifecycle = yield* ModelLifecycle
  const registry = yield* ModelRegistry
  return yield* lifecycle.withModel(plain)((lease) =>
    registry.form(lease, { limit: Duration.decode(limit), onTrial: () => Effect.void })
  )
})

const chats = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.seen, ({ requests }) => requests.filter(({ path }) => path.includes("completions")).length)
)

const kept = Effect.flatMap(MemoryFileSystem.MemoryFiles, (files) =>
  Effect.map(files.all, (all) => [...all].filter(([path]) => path.startsWith("/data/registry/")))
)

describe("ModelRegistry", () => {
  it.effect("of a model that calls by the engine, four requests are enough, once", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const found = Option.getOrThrow(yield* asked())
        assert.deepStrictEqual([found.form, yield* chats], ["native", 4], found.why)
        assert.match(found.why, /^Tried on \d{4}-\d\d-\d\d: native 3 of 3/)
        assert.isDefined(found.usage)
        const again = Option.getOrThrow(yield* asked())
        assert.deepStrictEqual([again.form, again.usage, yield* chats], ["native", undefined, 4])
        assert.strictEqual((yield* kept).length, 1)
      })
    )
  )

  for (const [what, changes, form, says] of [
    ["writes calls into its text", { habit: "calls-in-text" }, "bound", /native 0 of 3, bound 3 of 3, text 3 of 3/],
    ["has a template without tools", { habit: "drops-tools" }, "bound", /bound 3 of 3.*the chat template drops/],
    ["repeats calls by the engine", { habit: "repeats-calls" }, "bound", /native 2 of 3.*native calls again/],
    [
      "writes calls into its text on an engine without schemas",
      { habit: "calls-in-text", ignoresSchema: true },
      "text",
      /native 0 of 3, bound 0 of 3, text 3 of 3/
    ],
    [
      "cannot be given tools at all",
      { habit: "drops-tools", ignoresSchema: true },
      "bound",
      /native 0 of 3, bound 0 of 3, text 0 of 3; the chat template/
    ],
    ["has no system role", { template: "gemma" }, "native", /native 3 of 3/]
  ] as const) {
    it.effect(`a model that ${what}: ${form}`, () =>
      onMachine(world(changes))(
        Effect.gen(function* () {
          const found = Option.getOrThrow(yield* asked())
          assert.strictEqual(found.form, form, found.why)
          assert.match(found.why, says)
        })
      )
    )
  }

  it.effect("another quantisation or engine is another row; the old one stays for its own", () =>
    onMachine(world({}, { simulator: { settings: { appVersion: "0.4.25" } } }))(
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* asked()
        yield* control.setSettings({ appVersion: "0.4.99" })
        const anew = Option.getOrThrow(yield* asked())
        assert.isDefined(anew.usage)
        yield* control.setSettings({ appVersion: "0.4.25" })
        assert.isUndefined(Option.getOrThrow(yield* asked()).usage)
        const rows = yield* (yield* ModelRegistry).rows(plain)
        assert.deepStrictEqual(
          rows.map(({ build }) => [build.quantization, build.engine]),
          [
            ["Q4_K_M", "LM Studio 0.4.99"],
            ["Q4_K_M", "LM Studio 0.4.25"]
          ]
        )
      })
    )
  )

  for (const [what, spoil] of [
    ["is broken", () => '{"version": 1, "model": "acme'],
    ["is of another version", (text: string) => text.replace('"version":1', '"version":9')],
    ["is of another model", (text: string) => text.replaceAll(plain, "acme/other-7b")],
    ["is of another quantisation", (text: string) => text.replaceAll("Q4_K_M", "Q8_0")]
  ] as const) {
    it.effect(`a file that ${what} does not count, and is written anew`, () =>
      onMachine(world())(
        Effect.gen(function* () {
          const files = yield* MemoryFileSystem.MemoryFiles
          yield* asked()
          const [path, text] = (yield* kept)[0] ?? ["", ""]
          yield* files.write(path, spoil(text))
          assert.isDefined(Option.getOrThrow(yield* asked()).usage)
          assert.isUndefined(Option.getOrThrow(yield* asked()).usage)
          assert.strictEqual((yield* kept).length, 1)
        })
      )
    )
  }

  it.effect("a probe that does not end is native, says so, and is not made again within the hour", () =>
    onMachine(world({}, { simulator: { settings: { promptProcessing: "20 seconds" } } }))(
      Effect.gen(function* () {
        const found = Option.getOrThrow(yield* asked("30 seconds"))
        assert.deepStrictEqual([found.form, found.usage?.inputTokens], ["native", 0])
        assert.include(found.why, "did not end within 30s")
        const before = yield* chats
        const later = Option.getOrThrow(yield* asked())
        assert.deepStrictEqual([later.usage, later.why], [undefined, found.why])
        assert.strictEqual(yield* chats, before)
        yield* Effect.sleep("61 minutes")
        yield* asked()
        assert.isAbove(yield* chats, before)
      })
    )
  )

  it.effect("a server that fails leaves calls native, and nothing is kept", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.scriptModel([{ error: { message: "out of memory", status: 500 } }])
        const found = Option.getOrThrow(yield* asked())
        assert.strictEqual(found.form, "native")
        assert.include(found.why, "failed, so they are native")
        assert.deepStrictEqual(yield* kept, [])
      })
    )
  )

  it.effect("LMS_BRIDGE_PROBE=off tries nothing in runs", () =>
    onMachine(world({}, { settings: { probe: "off" } }))(
      Effect.gen(function* () {
        assert.deepStrictEqual([yield* asked(), yield* chats], [Option.none(), 0])
      })
    )
  )

  it.effect("without a writable folder it is tried each time", () =>
    onMachine(world({}, { files: { readOnly: true } }))(
      Effect.gen(function* () {
        yield* asked()
        assert.isDefined(Option.getOrThrow(yield* asked()).usage)
      })
    )
  )
})

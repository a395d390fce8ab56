import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { atPath, background, keysOf, lms } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const plain = SimulatorLayers.layer()
const json = Schema.decodeUnknown(Schema.parseJson(Schema.Unknown))

describe("lms unload", () => {
  it.scoped("F2: reports on stderr, with nothing on stdout", () =>
    Effect.gen(function* () {
      yield* lms("load", qwen, "-y")
      assert.deepStrictEqual(yield* lms("unload", qwen), { out: "", err: `Model "${qwen}" unloaded.\n`, code: 0 })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("H6: an unknown identifier exits 0", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lms("unload", "zzz"), {
        out: "",
        err: 'Model Not Found\n\nCannot find a model with the identifier "zzz".\n',
        code: 0
      })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F2: --all prints a count, and zero is not a failure", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* lms("unload", "--all")).err, "No models to unload.\n")
      yield* lms("load", qwen, "-y")
      yield* lms("load", qwen, "-y")
      assert.strictEqual(
        (yield* lms("unload", "-a")).err,
        `Unloading "${qwen}"...\nUnloading "${qwen}:2"...\nUnloaded 2 models.\n`
      )
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F2: --all with an identifier is invalid and exits 0", () =>
    Effect.gen(function* () {
      const { code, err } = yield* lms("unload", qwen, "--all")
      assert.strictEqual(code, 0)
      assert.match(err, /^Invalid Usage\n/)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F2: without an argument one model is unloaded, none is exit 1, several prompt", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lms("unload"), {
        out: "",
        err: `You don't have any models loaded. Use "lms load" to load a model.\n`,
        code: 1
      })
      yield* lms("load", qwen, "-y")
      assert.strictEqual((yield* lms("unload")).err, `Model "${qwen}" unloaded.\n`)
      yield* lms("load", qwen, "-y")
      yield* lms("load", qwen, "-y")
      assert.strictEqual((yield* lms("unload")).code, 1)
    }).pipe(Effect.provide(plain))
  )
})

describe("lms ps", () => {
  it.scoped("F3: JSON has every field of an entry, llms first, embeddings with parallel null", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser("text-embedding-nomic-embed-text-v1.5")
      yield* lms("load", "qwen/qwen3-vl-4b", "-y", "--ttl", "600")
      yield* control.setBusy("qwen/qwen3-vl-4b", "processingPrompt")
      const { code, err, out } = yield* lms("ps", "--json")
      assert.deepStrictEqual([code, err], [0, ""])
      assert.strictEqual(out.trim().split("\n").length, 1)
      const entries = yield* json(out)
      assert.deepStrictEqual(atPath(entries, "0"), {
        type: "llm",
        modelKey: "qwen/qwen3-vl-4b",
        format: "safetensors",
        displayName: "Qwen3 VL 4B",
        publisher: "qwen",
        path: "lmstudio-community/Qwen3-VL-4B-Instruct-MLX-4bit",
        sizeBytes: 3_120_481_280,
        indexedModelIdentifier: "lmstudio-community/Qwen3-VL-4B-Instruct-MLX-4bit",
        deviceIdentifier: null,
        paramsString: "4B",
        architecture: "qwen3_vl",
        quantization: { name: "4bit", bits: 4 },
        variants: ["qwen/qwen3-vl-4b@4bit"],
        selectedVariant: "qwen/qwen3-vl-4b@4bit",
        identifier: "qwen/qwen3-vl-4b",
        ttlMs: 600_000,
        lastUsedTime: null,
        vision: true,
        trainedForToolUse: true,
        maxContextLength: 65_536,
        contextLength: 65_536,
        status: "processingPrompt",
        queued: 1,
        parallel: 4
      })
      assert.strictEqual(atPath(entries, "1.parallel"), null)
      assert.notInclude(keysOf(atPath(entries, "1")), "vision")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F3: nothing loaded is [] in JSON, and a hint on stderr in text", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* lms("ps", "--json")).out, "[]\n")
      const text = yield* lms("ps")
      assert.strictEqual(text.out, "")
      assert.match(text.err, /^No models are currently loaded\./)
      assert.strictEqual(text.code, 0)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F3: a loading model is not listed", () =>
    Effect.gen(function* () {
      yield* background(lms("load", qwen, "-y"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* lms("ps", "--json")).out, "[]\n")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadTime: "5 seconds" } })))
  )

  it.scoped("F3: the table has the status in upper case and the remaining TTL", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen, { ttl: "1 hour" })
      yield* TestClock.adjust("2 minutes")
      const [head, row] = (yield* lms("ps")).out.split("\n")
      assert.match(head ?? "", /^IDENTIFIER +MODEL +STATUS +SIZE +CONTEXT +PARALLEL +DEVICE +TTL$/)
      assert.match(row ?? "", /^qwen\/qwen3-8b +qwen\/qwen3-8b +IDLE +4\.68 GiB +4096 +4 +Local +58m \/ 1h$/)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F3, F11: an older lms has an instanceReference but no status, queue, parallel or device", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      const keys = keysOf(atPath(yield* json((yield* lms("ps", "--json")).out), "0"))
      assert.include(keys, "instanceReference")
      assert.deepStrictEqual(
        ["status", "queued", "parallel", "deviceIdentifier", "variants"].filter((key) => keys.includes(key)),
        []
      )
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { cliSince: 202507 } })))
  )
})

describe("lms ls", () => {
  it.scoped("F4: JSON has the model's fields and none of an instance's", () =>
    Effect.gen(function* () {
      const rows = yield* json((yield* lms("ls", "--json")).out)
      assert.deepStrictEqual(keysOf(atPath(rows, "0")), [
        "type",
        "modelKey",
        "format",
        "displayName",
        "publisher",
        "path",
        "sizeBytes",
        "indexedModelIdentifier",
        "deviceIdentifier",
        "paramsString",
        "architecture",
        "quantization",
        "variants",
        "selectedVariant",
        "vision",
        "trainedForToolUse",
        "maxContextLength"
      ])
      const llms = yield* json((yield* lms("ls", "--llm", "--json")).out)
      assert.notInclude([atPath(llms, "*.type")].flat(), "embedding")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F4: --variants pairs models with their variants, and a key lists its own", () =>
    Effect.gen(function* () {
      const pairs = yield* json((yield* lms("ls", "--variants", "--json")).out)
      assert.notInclude([atPath(pairs, "*.model.modelKey")].flat(), "llama-3.2-3b-instruct")
      const variants = yield* json((yield* lms("ls", qwen, "--json")).out)
      assert.deepStrictEqual(atPath(variants, "*.modelKey"), [`${qwen}@q4_k_m`, `${qwen}@q8_0`])
      assert.strictEqual((yield* lms("ls", "llama-3.2-3b-instruct", "--json")).code, 1)
      assert.strictEqual((yield* lms("ls", qwen, "--variants")).code, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F4: the text counts models and marks the loaded ones", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.loadAsUser(qwen)
      const { out } = yield* lms("ls")
      assert.include(out, "You have 6 models, taking up ")
      assert.match(out, /qwen\/qwen3-8b .*✓ LOADED \(2\)/)
    }).pipe(Effect.provide(plain))
  )
})

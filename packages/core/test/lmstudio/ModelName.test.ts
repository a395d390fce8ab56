import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ModelName from "#src/lmstudio/ModelName.ts"

const model = (key: string, more: Partial<ModelName.Named> = {}): ModelName.Named => ({
  key,
  variants: [],
  instances: [],
  ...more
})

const models = [
  model("qwen/qwen3-4b-2507", { variants: ["qwen/qwen3-4b-2507@q4_k_m"] }),
  model("qwen/qwen3-8b", {
    variants: ["qwen/qwen3-8b@q4_k_m", "qwen/qwen3-8b@q8_0"],
    instances: [{ id: "qwen/qwen3-8b" }, { id: "qwen/qwen3-8b:2" }, { id: "Reader" }]
  }),
  model("llama3:8b"),
  model("text-embedding-nomic-embed-text-v1.5")
]

const found = (name: string) => {
  const meaning = ModelName.find(models, name)
  return meaning === undefined
    ? undefined
    : [meaning.model.key, meaning.instanceId, meaning.variant].filter((part) => part !== undefined).join(" | ")
}

describe("ModelName", () => {
  it("splits a name into its parts", () => {
    assert.deepStrictEqual(ModelName.parse("owner/name@q4_k_m:2"), { key: "owner/name", variant: "q4_k_m", copy: 2 })
    assert.deepStrictEqual(ModelName.parse(" owner/name "), { key: "owner/name", variant: undefined, copy: undefined })
    assert.deepStrictEqual(ModelName.parse("name:12"), { key: "name", variant: undefined, copy: 12 })
    assert.deepStrictEqual(ModelName.parse("@x"), { key: "@x", variant: undefined, copy: undefined })
  })

  it("finds a key in any case", () => {
    assert.strictEqual(found("qwen/qwen3-4b-2507"), "qwen/qwen3-4b-2507")
    assert.strictEqual(found("QWEN/Qwen3-4B-2507"), "qwen/qwen3-4b-2507")
    assert.strictEqual(found("  qwen/qwen3-4b-2507 "), "qwen/qwen3-4b-2507")
  })

  it("finds the copy with an instance id", () => {
    assert.strictEqual(found("qwen/qwen3-8b:2"), "qwen/qwen3-8b | qwen/qwen3-8b:2")
    assert.strictEqual(found("Reader"), "qwen/qwen3-8b | Reader")
    assert.strictEqual(found("reader"), "qwen/qwen3-8b | Reader")
  })

  it("finds the model by the number of a copy that is gone", () => {
    assert.strictEqual(found("qwen/qwen3-8b:7"), "qwen/qwen3-8b")
    assert.strictEqual(found("qwen/qwen3-8b@q8_0:3"), "qwen/qwen3-8b | qwen/qwen3-8b@q8_0")
  })

  it("distinguishes variants, except a single one", () => {
    assert.strictEqual(found("qwen/qwen3-8b@Q8_0"), "qwen/qwen3-8b | qwen/qwen3-8b@q8_0")
    assert.strictEqual(found("qwen/qwen3-4b-2507@q4_k_m"), "qwen/qwen3-4b-2507")
    assert.isUndefined(found("qwen/qwen3-8b@q2_k"))
  })

  it("keeps a colon that belongs to a key", () => {
    assert.strictEqual(found("llama3:8b"), "llama3:8b")
  })

  it("never accepts a part of a name, or a longer name", () => {
    for (const name of ["qwen3-8b", "qwen", "qwen/qwen3-8b-instruct", "", "--help"])
      assert.isUndefined(found(name), name)
  })

  it("recognises the names that leave the choice to us", () => {
    for (const name of [undefined, "", "  ", "default", "Default"]) assert.isTrue(ModelName.isDefault(name))
    assert.isFalse(ModelName.isDefault("default-model"))
  })

  it("suggests names for a typo, a short form and different words", () => {
    const keys = models.map(({ key }) => key)
    assert.include(ModelName.nearest("qwen/qwen3-8", keys), "qwen/qwen3-8b")
    assert.strictEqual(ModelName.nearest("qwen3-4b", keys)[0], "qwen/qwen3-4b-2507")
    assert.strictEqual(ModelName.nearest("nomic text embedder", keys)[0], "text-embedding-nomic-embed-text-v1.5")
    assert.deepStrictEqual(ModelName.nearest("mistral", keys), [])
  })

  it("lists the models when a name matches none", () => {
    const error = ModelName.notFound(models, "qwen/qwen3-8")
    assert.deepStrictEqual(
      error.available,
      models.map(({ key }) => key)
    )
    assert.include(error.message, "Did you mean qwen/qwen3-8b")
    assert.include(ModelName.notFound([], "x").message, "No models are downloaded")
  })

  it.prop("finds every given key", [Schema.Array(Schema.NonEmptyTrimmedString)], ([keys]) => {
    const all = keys.map((key) => model(key))
    for (const key of keys) assert.strictEqual(ModelName.find(all, key)?.model.key, key)
  })
})

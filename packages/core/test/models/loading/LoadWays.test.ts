import { assert, describe, it } from "@effect/vitest"
import * as LoadWays from "#src/models/loading/LoadWays.ts"

const native: LoadWays.Situation = { dialect: "native-v1", isLmStudio: true, lms: true, jitMayEvict: false }
const ways = (requirements: ReadonlyArray<LoadWays.Requirement>, situation: Partial<LoadWays.Situation> = {}) =>
  LoadWays.choose(requirements, { ...native, ...situation }).ways

describe("LoadWays", () => {
  it("prefers lms, then just in time, then REST", () => {
    assert.deepStrictEqual(ways([]), ["cli", "jit", "rest"])
    assert.deepStrictEqual(ways([], { lms: false }), ["jit", "rest"])
    assert.deepStrictEqual(ways([], { lms: false, dialect: "legacy-v0" }), ["jit"])
  })

  it("leaves out ways that do not meet a requirement", () => {
    assert.deepStrictEqual(ways(["contextLength"]), ["cli", "rest"])
    assert.deepStrictEqual(ways(["contextLength"], { lms: false }), ["rest"])
    assert.deepStrictEqual(ways(["gpu"]), ["cli"])
    assert.deepStrictEqual(ways(["identifier"]), ["cli"])
    assert.deepStrictEqual(ways(["variant"]), ["jit", "rest"])
    assert.deepStrictEqual(ways(["variant", "contextLength"]), ["rest"])
    assert.deepStrictEqual(ways(["gpu"], { lms: false }), [])
  })

  it("puts just in time last when it could evict a model", () => {
    assert.deepStrictEqual(ways([], { lms: false, jitMayEvict: true }), ["rest", "jit"])
  })

  it("finds no way on a server that is not LM Studio, and says why", () => {
    const choice = LoadWays.choose([], { ...native, isLmStudio: false, dialect: "openai" })
    assert.deepStrictEqual(choice.ways, [])
    assert.deepStrictEqual(
      choice.passedOver.map(({ why }) => why),
      ["the server is not LM Studio", "the server is not LM Studio", "the server is not LM Studio"]
    )
  })

  it("says for each way that is left out what it lacks", () => {
    const { passedOver } = LoadWays.choose(["gpu", "secondCopy"], {
      ...native,
      lms: false,
      lmsWhy: "`lms` was not found"
    })
    assert.deepStrictEqual(passedOver, [
      { way: "cli", why: "`lms` was not found" },
      { way: "jit", why: "cannot set the GPU share, load a second copy" },
      { way: "rest", why: "cannot set the GPU share" }
    ])
  })

  it("takes the order from data", () => {
    assert.deepStrictEqual(LoadWays.choose([], native, LoadWays.standard.toReversed()).ways, ["rest", "jit", "cli"])
  })
})

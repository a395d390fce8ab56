import { assert, describe, it } from "@effect/vitest"
import { Duration, Either, FastCheck } from "effect"
import * as Arguments from "#src/lmstudio/lms/Arguments.ts"

const ttl = Duration.seconds(600)

describe("lms Arguments", () => {
  it("puts every option into the load, and always a TTL and --yes", () => {
    assert.deepStrictEqual(
      Either.getOrThrow(
        Arguments.load({ key: "qwen/qwen3-4b", ttl, contextLength: 8192, gpu: 0.5, parallel: 2, identifier: "mine" })
      ),
      "load qwen/qwen3-4b --yes --ttl 600 --context-length 8192 --gpu 0.5 --parallel 2 --identifier mine".split(" ")
    )
  })

  it("rounds a TTL up to whole seconds, and refuses an infinite one", () => {
    const seconds = (ttl: Duration.Duration) => Either.map(Arguments.load({ key: "m", ttl }), (args) => args[4])
    assert.deepStrictEqual(seconds(Duration.millis(1)), Either.right("1"))
    assert.deepStrictEqual(seconds(Duration.millis(1500)), Either.right("2"))
    assert.isTrue(Either.isLeft(seconds(Duration.infinity)))
  })

  it("refuses names that `lms` would mistake for an option, and names with control characters", () => {
    for (const name of ["--help", "-v", "-", "", "  ", "a\nb", "a\u0000b", "\u001b[31mred", "a\u0085b"]) {
      assert.isTrue(Either.isLeft(Arguments.load({ key: name, ttl })), JSON.stringify(name))
      assert.isTrue(Either.isLeft(Arguments.estimate({ key: name })), JSON.stringify(name))
      assert.isTrue(Either.isLeft(Arguments.unload(name)), JSON.stringify(name))
      assert.isTrue(Either.isLeft(Arguments.get(name)), JSON.stringify(name))
      assert.isTrue(Either.isLeft(Arguments.load({ key: "m", ttl, identifier: name })), JSON.stringify(name))
    }
  })

  it("refuses meaningless numbers", () => {
    for (const odd of [
      { contextLength: 0 },
      { contextLength: 1.5 },
      { contextLength: Number.NaN },
      { gpu: 1.1 },
      { gpu: -0.1 },
      { gpu: Number.NaN },
      { parallel: 0 }
    ]) {
      assert.isTrue(Either.isLeft(Arguments.load({ key: "m", ttl, ...odd })), JSON.stringify(odd))
    }
    for (const port of [0, 65536, 1.5]) assert.isTrue(Either.isLeft(Arguments.serverStart(port)))
  })

  it("keeps names with blanks, quotes and dollars in one piece: there is no shell", () => {
    const name = 'a b"; rm -rf $HOME `x`'
    assert.deepStrictEqual(Either.getOrThrow(Arguments.unload(name)), ["unload", name])
  })

  it.prop("never passes a name that begins with a dash", [FastCheck.string()], ([name]) => {
    const args = Arguments.get(name)
    if (Either.isRight(args)) assert.notMatch(args.right[1] ?? "-", /^-/)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { exitCodeIn, exitCodeMeaning } from "#src/lmstudio/words/ExitCode.ts"

describe("ExitCode", () => {
  it("keeps a code verbatim", () => {
    for (const code of ["18446744072635812000", "-1073741819", "6", "null", "1.5", "0xC0000005", "SIGKILL"]) {
      assert.strictEqual(exitCodeIn(`It has crashed. (Exit code: ${code})`), code)
      assert.strictEqual(exitCodeIn(`exitCode=${code}, signal=null`), code)
    }
    assert.isUndefined(exitCodeIn("It has crashed."))
    assert.isUndefined(exitCodeIn("(Exit code: )"))
  })

  it("recognises a code as a 32-bit number, as a negative one, and as a rounded unsigned one", () => {
    for (const code of ["3221226505", "-1073740791", "18446744072635810825", "18446744072635812000", "0xC0000409"]) {
      assert.match(exitCodeMeaning(code) ?? "", /engine aborted/, code)
    }
    for (const code of ["9", "137"]) assert.match(exitCodeMeaning(code) ?? "", /memory/, code)
  })

  it("does not guess when rounding leaves several codes", () => {
    assert.isUndefined(exitCodeMeaning("18446744072635810000"))
    assert.match(exitCodeMeaning("18446744072635809797") ?? "", /accessed memory/)
  })

  it.prop(
    "parses any text without failing",
    [FastCheck.oneof(FastCheck.string(), FastCheck.bigInt().map(String))],
    ([text]) => {
      const code = exitCodeIn(`Exit code: ${text}`)
      if (code !== undefined) assert.include(text, code)
      const meaning = exitCodeMeaning(text)
      assert.isTrue(meaning === undefined || meaning.length > 0)
    }
  )
})

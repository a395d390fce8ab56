import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { exitCodeIn, exitCodeMeaning } from "@lms-bridge/core/lmstudio/words/ExitCode"

describe("ExitCode", () => {
  it("keeps a code as it was written", () => {
    for (const code of ["18446744072635812000", "-1073741819", "6", "null", "1.5", "0xC0000005", "SIGKILL"]) {
      assert.strictEqual(exitCodeIn(`It has crashed. (Exit code: ${code})`), code)
      assert.strictEqual(exitCodeIn(`exitCode=${code}, signal=null`), code)
    }
    assert.isUndefined(exitCodeIn("It has crashed."))
    assert.isUndefined(exitCodeIn("(Exit code: )"))
  })

  it("knows a code as a number of 32 bits, as a negative one, and as the unsigned view that has been rounded", () => {
    for (const code of ["3221226505", "-1073740791", "18446744072635810825", "18446744072635812000", "0xC0000409"]) {
      assert.match(exitCodeMeaning(code) ?? "", /gave up by itself/, code)
    }
    for (const code of ["9", "137"]) assert.match(exitCodeMeaning(code) ?? "", /memory/, code)
  })

  it("does not guess where rounding leaves several codes", () => {
    assert.isUndefined(exitCodeMeaning("18446744072635810000"))
    assert.match(exitCodeMeaning("18446744072635809797") ?? "", /read memory/)
  })

  it.prop(
    "reads any text without failing",
    [FastCheck.oneof(FastCheck.string(), FastCheck.bigInt().map(String))],
    ([text]) => {
      const code = exitCodeIn(`Exit code: ${text}`)
      if (code !== undefined) assert.include(text, code)
      const meaning = exitCodeMeaning(text)
      assert.isTrue(meaning === undefined || meaning.length > 0)
    }
  )
})

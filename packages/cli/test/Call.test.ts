import * as Call from "#src/Call.ts"
import { commands } from "#src/Cli.ts"
import { assert, describe, it } from "@effect/vitest"

const called = (changes: Partial<Call.Start>) =>
  Call.of({ file: "/opt/lms/dist/lms-bridge.js", folder: "/home/me", path: ["/usr/bin"], npmCommand: "", ...changes })

describe("how the program was called", () => {
  it.each([
    ["on the PATH", { file: "/usr/bin/lms-bridge" }, "lms-bridge"],
    ["a link that is not on the PATH", { file: "/opt/bin/lms-bridge" }, "node /opt/bin/lms-bridge"],
    ["npx", { file: "/home/me/node_modules/.bin/lms-bridge", npmCommand: "exec" }, "npx lms-bridge"],
    ["an npm script", { file: "/home/me/dist/lms-bridge.js", npmCommand: "run-script" }, "node dist/lms-bridge.js"],
    ["another folder", {}, "node /opt/lms/dist/lms-bridge.js"],
    ["a blank in the path", { file: "/home/me/a b/lms-bridge.js" }, "node 'a b/lms-bridge.js'"],
    ["nothing is known", { file: "" }, "lms-bridge"]
  ])("%s", (_, changes, expected) => {
    assert.strictEqual(called(changes), expected)
  })

  it("stands in every command that there is", () => {
    for (const [name] of commands)
      assert.strictEqual(Call.as("npx lms-bridge", `\`lms-bridge ${name} x\``), `\`npx lms-bridge ${name} x\``)
  })

  it("stands in every command of a text, and in nothing else", () => {
    const text =
      "Undo: lms-bridge uninstall cursor. `lms-bridge mcp trust a` or `lms-bridge-mcp`; lms-bridge: lms-bridge failed."
    assert.strictEqual(
      Call.as("npx lms-bridge", text),
      "Undo: npx lms-bridge uninstall cursor. `npx lms-bridge mcp trust a` or `lms-bridge-mcp`; lms-bridge: lms-bridge failed."
    )
    assert.strictEqual(Call.as("lms-bridge", text), text)
  })
})

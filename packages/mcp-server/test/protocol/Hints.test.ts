import * as Hints from "#src/protocol/Hints.ts"
import { assert, describe, it } from "@effect/vitest"

describe("hints over MCP", () => {
  it.each([
    ["Load it with `lms-bridge models ensure NAME`.", "Load it with `lms_ensure_model_loaded with model_name: NAME`."],
    [
      "(`lms-bridge models ensure a/b --context-length N`)",
      "(`lms_ensure_model_loaded with model_name: a/b and context_length: N`)"
    ],
    ["`lms-bridge models unload a:2 --force`", "`lms_unload_model with model_name: a:2 and force: true`"],
    ["`lms-bridge models ls` lists them.", "`list_models` lists them."],
    ["Look at `lms-bridge models ps`.", "Look at `lms_list_loaded_models`."],
    ["`lms-bridge doctor` shows what is wrong.", "`health_check` shows what is wrong."],
    ["`lms-bridge mcp tools files` lists", "`list_available_mcps` lists"],
    ["`lms-bridge runs ls` shows them", "`run_status` shows them"],
    ["Wait until it is idle, or use --force.", "Wait until it is idle, or use force: true."],
    ["`lms-bridge mcp add` at a terminal", "`lms-bridge mcp add` at a terminal"],
    ["`lms-bridge runs resume run_1 --max-rounds 9`", "`run_start with follows: run_1`"]
  ])("%s", (text, expected) => {
    assert.strictEqual(Hints.asTools(text), expected)
  })

  it("leaves to a person what a person decides", () => {
    assert.strictEqual(
      Hints.asTools("Accept it with `lms-bridge mcp trust weather`."),
      "Accept it with `lms-bridge mcp trust weather` at a terminal."
    )
  })
})

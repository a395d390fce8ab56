import { assert, describe, it } from "@effect/vitest"
import { cli } from "../OverDoubles.ts"
import { Effect } from "effect"

const complete = (...line: ReadonlyArray<string>) =>
  Effect.map(cli(["complete", "--", ...line]), ({ out }) =>
    out.split("\n").flatMap((answer) => answer.split("\t")[0] ?? [])
  )

/** Milliseconds: each line is a start of the command line. */
const patience = 120_000

describe("completion", () => {
  it.effect(
    "offers what can stand at the end of the line",
    () =>
      Effect.gen(function* () {
        for (const [line, expected] of [
          [["inst"], ["install"]],
          [
            ["mcp", "log"],
            ["login", "logout"]
          ],
          [["mcp", "list", "--ex"], ["--explain"]],
          [["--comp"], ["--completions"]],
          [
            ["--completions", ""],
            ["bash", "zsh", "fish"]
          ],
          [["run", "--log-level", "war"], ["warning"]],
          [
            ["run", "--tool-form", ""],
            ["native", "text", "bound"]
          ],
          [["run", "--context-length="], ["--context-length=auto"]],
          [
            ["run", "--json", "--stand-in", "a"],
            ["auto", "always"]
          ],
          [["run", "--", "--js"], [""]],
          [["run", "a task", ""], [""]],
          [["install", "vs"], ["vscode"]],
          [["run", "--task-file", "x"], [":files"]],
          [["run", "--folder", ""], [":folders"]],
          [["replay", ""], [":files"]],
          [["run", "--mcp", "f"], ["filesystem"]],
          [["run", "--mcp", "filesystem,a"], ["filesystem,a"]],
          [["mcp", "call", "files"], ["filesystem"]],
          [["mcp", "add", ""], [""]],
          [["runs", "show", ""], ["last"]],
          [["runs", "rm", "run_1", "l"], ["last"]],
          [["nothing", "of", "this"], [""]]
        ] as const) {
          assert.deepStrictEqual(yield* complete(...line), [...expected], line.join(" "))
        }
      }),
    patience
  )

  it.live(
    "is silent where names cannot be looked up",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* cli(["complete", "--", "models", "show", ""], {
          api: { models: Effect.never }
        })
        assert.deepStrictEqual([code, err, out], [0, "", ""])
      }),
    patience
  )
})

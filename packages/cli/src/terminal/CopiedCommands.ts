/**
 * A screen whose hints can be copied: the commands in them are written as this program was called. What belongs to others,
 * the answer of a model or the result of a tool, and JSON, stay as they are.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Call from "../Call.ts"
import { Screen } from "./Screen.ts"

export const layer = (call: string, args: ReadonlyArray<string>): Layer.Layer<Screen, never, Screen> => {
  const [command = "", subcommand = ""] = args
  const foreign =
    args.includes("--json") ||
    ["chat", "replay", "run"].includes(command) ||
    (command === "runs" && subcommand !== "ls") ||
    (command === "mcp" && ["call", "prompts", "resources", "tools"].includes(subcommand))
  return Layer.effect(
    Screen,
    Effect.map(Screen, (screen) => ({
      ...screen,
      out: (text: string) => screen.out(foreign ? text : Call.as(call, text)),
      err: (line: string) => screen.err(Call.as(call, line))
    }))
  )
}

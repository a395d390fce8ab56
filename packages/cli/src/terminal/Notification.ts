/** Tells a person who looks elsewhere that a run has ended: by the terminal, and by the desktop where it has a way. */
import * as Command from "@effect/platform/Command"
import * as Effect from "effect/Effect"
import { Program } from "../Program.ts"
import * as Words from "../views/Words.ts"
import { Screen } from "./Screen.ts"

/** A run that took less is not worth it. */
export const least = 10_000

export const send = Effect.fnUntraced(function* (text: string) {
  const line = Words.oneLine(text, 120)
  const { platform } = yield* Program
  yield* Effect.flatMap(Screen, (screen) => screen.notify(line))
  const command =
    platform === "darwin"
      ? // the text is an argument and no part of the script
        Command.make("osascript", "-e", "on run argv", "-e", script, "-e", "end run", line)
      : platform === "linux"
        ? Command.make("notify-send", "--app-name=lms-bridge", "lms-bridge", line)
        : undefined
  if (command !== undefined) yield* Effect.ignore(Effect.timeout(Command.exitCode(command), "2 seconds"))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const script = 'display notification (item 1 of argv) with title "lms-bridge"'

/**
 * `config path`: where the settings files are.
 */
import * as Command from "@effect/cli/Command"
import { SettingsFiles } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Screen } from "../../terminal/Screen.ts"

export const command = Command.make("path").pipe(
  Command.withDescription("Print the paths of the settings files; the first one that has a setting counts."),
  Command.withHandler(() =>
    Effect.gen(function* () {
      const screen = yield* Screen
      const files = yield* SettingsFiles
      const lines = files.map(({ path, scope, text }) => {
        const absent = Option.isNone(text) ? "  (not there)" : ""
        return `${scope.padEnd("project".length)}  ${path}${absent}`
      })
      yield* screen.out(lines.join("\n"))
    })
  )
)

/**
 * `config get`: the value of one setting, as it is now.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { origins } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"
import { settingNamed } from "./ConfigTarget.ts"

export const command = Command.make("get", { key: Args.text({ name: "KEY" }) }).pipe(
  Command.withDescription("Print the value of one setting: of its variable, of a file, or the default."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ key }) {
      const screen = yield* Screen
      yield* settingNamed(key)
      const found = (yield* origins).find((one) => one.key === key)
      yield* screen.out(found?.value ?? "")
    })
  )
)

/**
 * `config schema`: the JSON Schema of the settings files, for editors.
 */
import * as Command from "@effect/cli/Command"
import { SettingsText, table } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"

export const command = Command.make("schema").pipe(
  Command.withDescription(
    'Print the JSON Schema of the settings files; "$schema" in a file tells an editor where it is.'
  ),
  Command.withHandler(() =>
    Effect.flatMap(Screen, (screen) => screen.out(JSON.stringify(SettingsText.jsonSchema(table), null, 2)))
  )
)

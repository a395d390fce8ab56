/**
 * `config ls`: every setting, its value, and where that comes from.
 */
import * as Command from "@effect/cli/Command"
import { origins } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"

export const command = Command.make("ls", { json: SharedOptions.listingJson }).pipe(
  Command.withDescription("List all settings, and where each value comes from."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      const found = yield* origins
      if (json) return yield* screen.out(encode(found.map((one) => ({ ...one, from: Option.getOrNull(one.from) }))))
      const rows = found.map(({ from, key, value }) => [key, value, Option.getOrElse(from, () => "default")])
      yield* screen.out(Table.render(["KEY", "VALUE", "FROM"], rows, screen.columns))
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.String, from: Schema.NullOr(Schema.String) }))
  )
)

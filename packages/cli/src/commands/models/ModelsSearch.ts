/**
 * `models search`: searches the models on disk, and says where others are found.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { ApiModel, LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { ModelRegistry, ModelSearch } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import * as AliasesNow from "../../options/AliasesNow.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as ModelsLs from "./ModelsLs.ts"

export const command = Command.make("search", {
  words: Args.text({ name: "WORDS" }).pipe(Args.withDescription("Part of a name."), Args.repeated),
  json: SharedOptions.json("Print the models on disk, and where others are found, as JSON.")
}).pipe(
  Command.withDescription("Search the models on this machine by name, and say where others are found."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, words }) {
      const screen = yield* Screen
      const query = words.join(" ")
      if (query.trim() === "") return yield* new UsageError({ problem: "Give a part of a name to search for." })
      // the places are told even where LM Studio is off
      const found = yield* Effect.either(Effect.flatMap(LmStudioApi, (api) => api.models))
      const models = found._tag === "Right" ? ModelSearch.onDisk(query, found.right) : []
      const places = ModelSearch.places(query)
      if (json) {
        yield* screen.out(encode({ models, places }))
      } else {
        const known = yield* Effect.flatMap(ModelRegistry, (registry) => registry.known(models))
        const aliases = yield* AliasesNow.ofModels
        yield* models.length > 0
          ? screen.out(ModelsLs.render(models, known, screen.columns, aliases))
          : found._tag === "Right"
            ? screen.err(`No model on this machine has "${query}" in its name.`)
            : Effect.void
        yield* screen.err(
          "LM Studio lets no program search its catalogue. Search here; `lms-bridge models get NAME` downloads what you find:"
        )
        yield* Effect.forEach(places, ({ url, what }) => screen.err(`  ${url} (${what})`))
      }
      if (found._tag === "Left") return yield* found.left
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      models: Schema.Array(ApiModel),
      places: Schema.Array(Schema.Struct({ what: Schema.String, url: Schema.String }))
    })
  )
)

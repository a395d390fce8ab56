/**
 * `models ls`: lists LM Studio's models, loaded or not.
 */
import * as Command from "@effect/cli/Command"
import { ApiModel, isAwake, LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Fact, type Known, KnownWords, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AliasesNow from "../../options/AliasesNow.ts"
import * as OnHost from "../../options/OnHost.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("ls", { json: SharedOptions.listingJson, host: OnHost.option }).pipe(
  Command.withDescription("List the models on this machine."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ host, json }) {
      const screen = yield* Screen
      const models = yield* OnHost.on(host)((yield* LmStudioApi).models)
      const hosts = yield* OnHost.on(host)(OnHost.havingModels)
      const known = yield* Effect.flatMap(ModelRegistry, (registry) => registry.known(models))
      const aliases = yield* AliasesNow.ofModels
      if (json) {
        const all = models.map((model) => ({
          ...model,
          known: known.get(model.key) ?? [],
          ...AliasesNow.fields(aliases, model.key),
          ...(hosts.has(model.key) ? { hosts: hosts.get(model.key) ?? [] } : {})
        }))
        return yield* screen.out(encode(all))
      }
      if (models.length > 0) return yield* screen.out(render(models, known, screen.columns, aliases, hosts))
      yield* screen.err("There are no models. Download one in LM Studio, or with `lms-bridge models get`.")
    })
  )
)

export const render = (
  models: ReadonlyArray<ApiModel>,
  known: ReadonlyMap<string, Known.Known>,
  columns?: number,
  aliases: ReadonlyArray<AliasesNow.Behind> = [],
  hosts: ReadonlyMap<string, ReadonlyArray<string>> = new Map()
): string =>
  Table.render(
    ["MODEL", "HOSTS", "ALIAS", "TYPE", "PARAMS", "SIZE", "MAX CONTEXT", "CAN", "TRIED", "LOADED"],
    models.map((model) => [
      model.key,
      (hosts.get(model.key) ?? []).join(", "),
      AliasesNow.namesOf(aliases, model.key).join(", "),
      model.type,
      model.params ?? "",
      model.sizeBytes === undefined ? "" : Words.bytes(model.sizeBytes),
      model.maxContextLength === undefined ? "" : String(model.maxContextLength),
      KnownWords.brief(known.get(model.key) ?? []),
      KnownWords.tried(known.get(model.key) ?? []),
      loadedState(model)
    ]),
    columns
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const loadedState = ({ absence, instances }: ApiModel): string => {
  switch (absence?._tag) {
    case "Loading":
      return "being loaded"
    case "Failed":
      return `failed${absence.exitCode === undefined ? "" : ` (exit code ${absence.exitCode})`}`
    case undefined:
      return instances.map((instance) => (isAwake(instance) ? instance.id : "asleep")).join(", ")
  }
}

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Array(
      Schema.Struct({
        ...ApiModel.fields,
        known: Schema.Array(Fact),
        ...AliasesNow.Fields.fields,
        hosts: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
      })
    )
  )
)

/** The aliases of the models in a listing. */
import { currentAliases } from "@lms-bridge/core/ModelLifecycle"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export interface Behind {
  readonly alias: string
  readonly model: string
}

/** What each alias stands for now; of a canary, both sides. A model that is not there has its name as it is written. */
export const ofModels = Effect.gen(function* () {
  const lifecycle = yield* ModelLifecycle
  return yield* Effect.forEach(yield* currentAliases, ({ alias, model }) =>
    Effect.map(
      Effect.orElseSucceed(lifecycle.resolve(model), () => model),
      (key): Behind => ({ alias, model: key })
    )
  )
})

export const namesOf = (aliases: ReadonlyArray<Behind>, model: string): ReadonlyArray<string> =>
  aliases.flatMap((one) => (one.model === model ? [one.alias] : []))

/** A field of each model that has an alias. */
export const Fields = Schema.Struct({
  aliases: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
})

export const fields = (aliases: ReadonlyArray<Behind>, model: string): typeof Fields.Type => {
  const names = namesOf(aliases, model)
  return names.length === 0 ? {} : { aliases: names }
}

/**
 * A place for a model on llama.cpp's router, which keeps only so many (`--models-max`) and would push out whichever was used
 * least recently. So that this is never somebody's, we free a place ourselves: of a model that sleeps, which has no memory to
 * lose, or of an idle one of ours.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ModelLoadRefused } from "../../lmstudio/LmStudioError.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import { idleOfOurs, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import { remove } from "./Unloading.ts"

/** `tell` gets the reason for each unload. */
export const findPlace = Effect.fn("ModelLifecycle.findPlace")(function* (
  parts: LifecycleParts,
  model: CatalogModel,
  look: Survey,
  tell: (why: string) => Effect.Effect<void>
) {
  const { autoload, limit } = yield* parts.api.places
  const loading = look.catalog.models.filter(({ absence, key }) => absence?._tag === "Loading" && key !== model.key)
  const isLoading = look.catalog.models.some(({ absence, key }) => absence?._tag === "Loading" && key === model.key)
  let missing = limit === undefined || isLoading ? 0 : look.seen.length + loading.length - limit + 1
  if (missing <= 0) return
  const idle = yield* idleOfOurs(parts, look)
  const mine = new Set(idle.map(({ instance }) => instance.id))
  // without autoload, the next request to it would fail where it had a place before
  const asleep = look.seen.filter(
    ({ entry, instance }) =>
      instance.status === "sleeping" && (mine.has(instance.id) || (entry === undefined && autoload))
  )
  for (const { instance, model: other } of [...asleep, ...idle.filter((one) => !asleep.includes(one))]) {
    if (missing <= 0) break
    yield* tell(`${instance.id} is unloaded to give it a place`)
    const done = yield* Effect.option(
      parts.leases.claim({ id: instance.id, model: other.key }, {})(remove(parts, instance.id, "room"))
    )
    if (Option.isSome(Option.flatten(done))) missing -= 1
  }
  if (missing <= 0) return
  const held = yield* parts.leases.held
  const heldElsewhere = yield* parts.ledger.heldElsewhere
  const why = ({ entry, instance: { id } }: Seen) =>
    held.has(id) || heldElsewhere.has(id)
      ? `${id}, which a run holds`
      : entry === undefined
        ? `${id}, which lms-bridge did not load`
        : `${id}, which is at work`
  const kept = [
    ...look.seen.filter(({ instance }) => !mine.has(instance.id)).map(why),
    ...loading.map(({ key }) => `${key}, which is being loaded`)
  ]
  return yield* new ModelLoadRefused({
    model: model.key,
    reason: "Places",
    couldUnload: [],
    serverMessage: `It has ${limit === 1 ? "one place" : `${limit} places`}, taken by ${kept.join("; ")}.`
  })
})
